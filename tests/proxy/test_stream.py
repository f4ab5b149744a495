"""Requests and answers over real sockets, with upstreams that misbehave."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable

import pytest

from headroom_wrap.wire.codings import encode
from tests.proxy.fakes import FakePipeline
from tests.proxy.sockets import OK, STREAM_HEAD, Received, answer_ok, chunk, rigged, run, soon
from tests.proxy.test_codec import BODY

EVENTS = [b'event: message_start\ndata: {"message":{"usage":{"input_tokens":7}}}\n\n'] + [
    b"event: content_block_delta\ndata: %d\n\n" % number for number in range(11)
]


@pytest.mark.filterwarnings("error")
def test_a_large_request_and_its_answer_keep_their_bytes() -> None:
    body = hashlib.shake_128(b"20 MB").digest(20_000_000)

    async def mirror(request: Received, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(request.body) + request.body)

    async def scenario() -> None:
        async with rigged(mirror) as rig:
            client = await rig.post(body=body)
            _, _, answer = await client.answer()
            assert hashlib.sha256(rig.upstream.received[0].body).digest() == hashlib.sha256(body).digest()
            assert hashlib.sha256(answer).digest() == hashlib.sha256(body).digest()
            assert rig.upstream.received[0].header(b"content-length") == [b"20000000"]

    run(scenario())


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
@pytest.mark.parametrize("is_changed", [False, True])
def test_an_encoded_body_arrives_decodable_and_with_its_length(coding: str, *, is_changed: bool) -> None:
    body = encode(BODY, coding)

    async def scenario() -> None:
        async with rigged(pipeline=FakePipeline(b"old" if is_changed else b"\x00", b"new")) as rig:
            await (await rig.post(body=body, headers=[(b"Content-Encoding", coding.encode())])).answer()
            received = rig.upstream.received[0]
            assert received.body == (encode(BODY.replace(b"old", b"new"), coding) if is_changed else body)
            assert received.header(b"content-length") == [b"%d" % len(received.body)]
            assert received.header(b"content-encoding") == [coding.encode()]

    run(scenario())


def test_a_chunked_request_arrives_whole() -> None:
    async def scenario() -> None:
        async with rigged() as rig:
            client = await rig.client()
            client.send(
                "POST /v1/messages",
                [rig.host, (b"Transfer-Encoding", b"chunked")],
                chunk(b"{") + chunk(b"}") + chunk(b""),
            )
            assert (await client.answer())[0] == 200
            assert rig.upstream.received[0].body == b"{}"
            assert rig.upstream.received[0].header(b"transfer-encoding") == []

    run(scenario())


def test_nothing_is_added_to_a_request() -> None:
    sent = [
        (b"x-api-key", b"sk-1"),
        (b"anthropic-beta", b"a,b"),
        (b"accept", b"*/*"),
        (b"cookie", b"a=1"),
        (b"x-utf8", "é".encode()),
    ]

    async def scenario() -> None:
        async with rigged() as rig:
            await (await rig.post(headers=sent)).answer()
            assert rig.upstream.received[0].headers == [
                (b"Host", b"127.0.0.1:%d" % rig.upstream_port),
                (b"content-length", b"2"),
                *sent,
            ]

    run(scenario())


def test_a_latin_header_arrives_as_the_same_text() -> None:
    async def scenario() -> None:
        async with rigged() as rig:
            await (await rig.post(headers=[(b"x-latin", b"caf\xe9")])).answer()
            assert rig.upstream.received[0].header(b"x-latin") == ["café".encode()]

    run(scenario())


def test_nothing_is_added_to_an_answer() -> None:
    head = b"HTTP/1.1 200 OK\r\nX-One: 1\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Encoding: gzip\r\n"

    async def script(_request: Received, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head + b"Content-Length: 3\r\n\r\n\x1f\x8b\x08")

    async def scenario() -> None:
        async with rigged(script) as rig:
            client = await rig.post()
            assert await client.answer() == (
                200,
                [
                    (b"x-one", b"1"),
                    (b"set-cookie", b"a=1"),
                    (b"set-cookie", b"b=2"),
                    (b"content-encoding", b"gzip"),
                    (b"content-length", b"3"),
                ],
                b"\x1f\x8b\x08",
            )
            again = await rig.post()
            await again.answer()
            assert rig.upstream.received[1].header(b"cookie") == []

    run(scenario())


def test_each_event_is_passed_on_before_the_next_is_sent() -> None:
    seen = [asyncio.Event() for _ in EVENTS]

    async def script(_request: Received, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM_HEAD)
        for event, is_seen in zip(EVENTS, seen, strict=True):
            writer.write(chunk(event))
            await soon(is_seen.wait())
        writer.write(chunk(b""))

    async def scenario() -> None:
        async with rigged(script) as rig:
            client = await rig.post()
            assert (await client.head())[0] == 200
            for event, is_seen in zip(EVENTS, seen, strict=True):
                assert await client.chunk() == event
                is_seen.set()
            assert await client.chunk() == b""
        assert rig.pipeline.rows[0].input_tokens == 7

    run(scenario())


def test_the_head_of_an_answer_does_not_wait_for_its_body() -> None:
    head_seen = asyncio.Event()

    async def script(_request: Received, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM_HEAD)
        await soon(head_seen.wait())
        writer.write(chunk(b"x") + chunk(b""))

    async def scenario() -> None:
        async with rigged(script) as rig:
            client = await rig.post()
            await client.head()
            head_seen.set()
            assert await client.chunk() == b"x"

    run(scenario())


@pytest.mark.parametrize("how", ["reset", "close"])
def test_a_break_at_any_event_cuts_the_clients_connection_there(how: str) -> None:
    async def scenario() -> None:
        async with rigged() as rig:
            for n_events in range(len(EVENTS) + 1):
                passed_on = asyncio.Event()

                async def script(
                    _request: Received,
                    _reader: asyncio.StreamReader,
                    writer: asyncio.StreamWriter,
                    n_events: int = n_events,
                    passed_on: asyncio.Event = passed_on,
                ) -> None:
                    writer.write(STREAM_HEAD + b"".join(map(chunk, EVENTS[:n_events])))
                    await soon(passed_on.wait())
                    writer.transport.abort() if how == "reset" else writer.close()

                rig.upstream.script = script
                client = await rig.post()
                status, _ = await client.head()
                seen = b""
                while len(seen) < sum(map(len, EVENTS[:n_events])):
                    seen += await client.chunk()
                passed_on.set()
                assert (status, seen, await client.rest()) == (200, b"".join(EVENTS[:n_events]), b"")
            assert len(rig.upstream.received) == len(EVENTS) + 1
        assert {row.error for row in rig.pipeline.rows} == {"upstream-unreachable"}

    run(scenario())


def test_a_short_body_cuts_the_clients_connection() -> None:
    async def script(_request: Received, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")
        writer.close()

    async def scenario() -> None:
        async with rigged(script) as rig:
            client = await rig.post()
            await client.head()
            assert await client.rest() == b"short"

    run(scenario())


def cut_before_head(writer: asyncio.StreamWriter) -> None:
    writer.close()


def cut_in_head(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-")
    writer.close()


def reset_before_head(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


def speak_no_http(writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
    writer.close()


@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize("act", [cut_before_head, cut_in_head, reset_before_head, speak_no_http])
def test_no_answer_is_a_502_and_never_a_second_request(
    method: str, act: Callable[[asyncio.StreamWriter], None]
) -> None:
    async def script(request: Received, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if request.header(b"x-first"):
            writer.write(OK)
        else:
            act(writer)

    async def scenario() -> None:
        async with rigged(script) as rig:
            client = await rig.client()
            client.send(f"{method} /v1/x", [rig.host, (b"x-first", b"1")])
            assert (await client.answer())[0] == 200
            client.send(f"{method} /v1/x", [rig.host])
            status, headers, body = await client.answer()
            assert status == 502
            assert (b"x-headroom-error", b"upstream-unreachable") in headers
            assert b"Headroom could not reach 127.0.0.1:%d" % rig.upstream_port in body
            assert (len(rig.upstream.received), rig.upstream.n_connections) == (2, 1)

    run(scenario())


@pytest.mark.parametrize("status", [429, 500, 503, 529])
def test_the_providers_errors_come_through_once(status: int) -> None:
    body = b'{"type":"error","error":{"type":"overloaded_error","message":"x"}}'

    async def script(_request: Received, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(
            b"HTTP/1.1 %d Busy\r\nRetry-After: 7\r\nx-should-retry: true\r\nContent-Length: %d\r\n\r\n"
            % (status, len(body))
            + body
        )

    async def scenario() -> None:
        async with rigged(script) as rig:
            got_status, headers, got = await (await rig.post()).answer()
            assert (got_status, got) == (status, body)
            assert (b"retry-after", b"7") in headers
            assert len(rig.upstream.received) == 1

    run(scenario())


def test_a_redirect_is_not_followed() -> None:
    async def script(_request: Received, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 307 X\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")

    async def scenario() -> None:
        async with rigged(script) as rig:
            status, headers, _ = await (await rig.post()).answer()
            assert (status, dict(headers)[b"location"]) == (307, b"http://127.0.0.1:1/")
            assert len(rig.upstream.received) == 1

    run(scenario())


@pytest.mark.parametrize("stage", ["head", "events"])
def test_a_client_that_hangs_up_cancels_the_upstream_within_100_ms(stage: str) -> None:
    arrived, ended = asyncio.Event(), asyncio.Event()

    async def script(_request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if stage == "events":
            writer.write(STREAM_HEAD + chunk(EVENTS[0]))
        arrived.set()
        assert await reader.read(1) == b""
        ended.set()

    async def scenario() -> None:
        async with rigged(script) as rig:
            client = await rig.post()
            await soon(arrived.wait())
            if stage == "events":
                await client.head()
                await client.chunk()
            hung_up = time.perf_counter()
            client.writer.close()
            await soon(ended.wait())
            assert time.perf_counter() - hung_up < 0.1

    run(scenario())


def test_headers_of_60_kb_pass_both_ways() -> None:
    long = b"v" * 60_000

    async def script(request: Received, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nX-Long: %b\r\nContent-Length: 0\r\n\r\n" % request.header(b"x-long")[0])

    async def scenario() -> None:
        async with rigged(script) as rig:
            _, headers, _ = await (await rig.post(headers=[(b"X-Long", long)])).answer()
            assert (b"x-long", long) in headers

    run(scenario())


def test_head_has_no_body_and_the_connection_goes_on() -> None:
    async def script(request: Received, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" + (b"" if request.method == "HEAD" else b"hello"))

    async def scenario() -> None:
        async with rigged(script) as rig:
            client = await rig.client()
            client.send("HEAD /v1/models", [rig.host])
            assert await client.head() == (200, [(b"content-length", b"5")])
            client.send("GET /v1/models", [rig.host])
            assert (await client.answer())[2] == b"hello"

    run(scenario())


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_that_has_no_body_leaves_the_connection_usable(status: int) -> None:
    async def script(_request: Received, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(
            b"HTTP/1.1 %d X\r\nETag: a\r\n%b\r\n" % (status, b"Content-Length: 5\r\n" if status == 304 else b"")
        )

    async def scenario() -> None:
        async with rigged(script) as rig:
            client = await rig.client()
            for _ in range(2):
                client.send("GET /v1/models", [rig.host])
                assert await client.head() == (status, [(b"etag", b"a")])

    run(scenario())


def test_a_client_that_waits_for_100_continue_gets_it() -> None:
    async def scenario() -> None:
        async with rigged() as rig:
            client = await rig.client()
            client.send("POST /v1/messages", [rig.host, (b"Expect", b"100-continue"), (b"Content-Length", b"2")])
            assert (await client.head())[0] == 100
            client.writer.write(b"{}")
            assert (await client.answer())[0] == 200
            assert rig.upstream.received[0].header(b"expect") == []

    run(scenario())


def test_a_stall_of_the_upstream_is_only_a_stall() -> None:
    stalled, go_on = asyncio.Event(), asyncio.Event()

    async def script(_request: Received, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM_HEAD + chunk(EVENTS[0]))
        stalled.set()
        await soon(go_on.wait())
        writer.write(chunk(EVENTS[1]) + chunk(b""))

    async def scenario() -> None:
        async with rigged(script) as rig:
            slow = await rig.post()
            await slow.head()
            assert await slow.chunk() == EVENTS[0]
            await soon(stalled.wait())
            rig.upstream.script = answer_ok
            assert (await (await rig.post()).answer())[0] == 200
            go_on.set()
            assert [await slow.chunk(), await slow.chunk()] == [EVENTS[1], b""]

    run(scenario())


def test_a_slow_reader_holds_the_upstream_back() -> None:
    n_bytes, piece = 0, bytes(1_000_000)
    is_held = asyncio.Event()

    async def script(_request: Received, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal n_bytes
        writer.write(STREAM_HEAD)
        for _ in range(64):
            writer.write(chunk(piece))
            try:
                await asyncio.wait_for(writer.drain(), 0.5)
            except asyncio.TimeoutError:
                is_held.set()
                await writer.drain()
            n_bytes += len(piece)
        writer.write(chunk(b""))

    async def scenario() -> int:
        async with rigged(script) as rig:
            client = await rig.client(limit=65536)
            client.send("POST /v1/messages", [rig.host, (b"Content-Length", b"0")])
            await soon(is_held.wait())
            n_held = n_bytes
            await client.head()
            n_read = 0
            while got := await client.chunk():
                n_read += len(got)
            assert n_read == 64_000_000
            return n_held

    assert run(scenario()) < 40_000_000
