"""Bodies made to harm: each reaches the provider as it came, or is refused, in bounded time and memory."""

from __future__ import annotations

import asyncio
import gc
import gzip
import hashlib
import json
import re
import tracemalloc
from functools import cache
from typing import Any

import pytest

from headroom_wrap import zstd
from headroom_wrap.compression.engine import Engine
from headroom_wrap.proxy.app import ProxyApp
from headroom_wrap.proxy.codec import MAX_DECODED_BYTES
from headroom_wrap.proxy.config import ProxyConfig
from headroom_wrap.proxy.pipeline import EnginePipeline
from headroom_wrap.store import Store
from headroom_wrap.wire.codings import encode
from tests.proxy.fakes import KEY, FakeUpstream, ask, no_control, scope
from tests.proxy.sockets import rigged, run

UPSTREAMS = {name: f"https://{name}.test" for name in ("anthropic", "openai", "chatgpt")}
PATHS = [b"/v1/messages", b"/v1/chat/completions", b"/v1/responses", b"/v1/unknown", b"/unknown"]
WIRES = dict(zip(PATHS, ["anthropic", "openai_chat", "openai_responses"], strict=False))
KEYS = {b"/v1/messages": "messages", b"/v1/chat/completions": "messages"}
DEEP = 10_000
MEGABYTE = 1024 * 1024

PLAIN = {
    "empty": b"",
    "white space": b" \n\t ",
    "no JSON": b"GET / HTTP/1.1",
    "null": b"null",
    "a number": b"7",
    "a string": b'"messages"',
    "a list": b"[]",
    "cut": b'{"KEY":[{"role":"user","content":"abc',
    "two documents": b'{"KEY":[]}{"KEY":[]}',
    "a byte order mark": b'\xef\xbb\xbf{"KEY":[]}',
    "UTF-16": '{"KEY":[]}'.encode("utf-16"),
    "invalid UTF-8": b'{"KEY":[{"role":"tool","content":"\xff\xfe\xc0\x80"}]}',
    "surrogates in UTF-8": b'{"KEY":[{"role":"tool","content":"\xed\xa0\x80"}]}',
    "NUL bytes": b'{"KEY":[{"role":"tool","content":"\x00\x00"}]}\x00',
    "escaped NULs": b'{"KEY":[{"role":"tool","tool_call_id":"\\u0000","content":"\\u0000"}],"model":"\\u0000"}',
    "lone surrogates": (
        b'{"KEY":[{"role":"tool","tool_call_id":"\\ud83d","content":"' + b"\\ud83d" * 900 + b'"},'
        b'{"type":"function_call_output","call_id":"\\udc00","output":"' + b"\\udc00" * 900 + b'"}],"model":"\\ud800"}'
    ),
    "keys twice": b'{"KEY":[],"KEY":[{"role":"tool","content":"x"}],"model":"a","model":"b"}',
    "keys twice inside": b'{"KEY":[{"role":"tool","content":"x","content":"y","type":"a","type":"b"}]}',
    "lists in lists": b'{"KEY":' + b"[" * DEEP + b"]" * DEEP + b"}",
    "objects in objects": b'{"KEY":[{"content":' + b'{"a":' * DEEP + b"1" + b"}" * DEEP + b"}]}",
    "lists without end": b'{"KEY":[' * DEEP,
    "lists below the limit": b'{"KEY":[{"role":"tool","tool_call_id":' + b"[" * 900 + b"]" * 900 + b',"content":"x"}]}',
    "lists inside strings": json.dumps(
        {
            "KEY": [
                {"type": "function_call", "call_id": "c", "name": "x", "arguments": "[" * DEEP},
                {"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "x", "arguments": "[" * DEEP}}]},
                {"type": "function_call_output", "call_id": "c", "output": '{"exit_code":0,"x":' + "[" * DEEP},
                {"role": "tool", "tool_call_id": "c", "content": '[{"a":' * DEEP},
            ]
        }
    ).encode(),
    "a number of 100,000 digits": b'{"KEY":[{"role":"tool","content":' + b"9" * 100_000 + b'}],"max_tokens":1e999999}',
    "no numbers": b'{"KEY":[NaN,Infinity,-Infinity],"n":NaN}',
    "one string of 5 MB": b'{"KEY":[{"role":"tool","tool_call_id":"c","content":"' + b"x y\\n" * MEGABYTE + b'"},'
    b'{"type":"function_call_output","call_id":"c","output":"' + b"x" * 5 * MEGABYTE + b'"}]}',
    "one key of 5 MB": b'{"' + b"k" * 5 * MEGABYTE + b'":1,"KEY":[{"' + b"k" * 5 * MEGABYTE + b'":1}]}',
    "one line of quotes and escapes": b'{"KEY":[{"role":"tool","content":"' + b'\\"\\\\' * 200_000 + b'"}]}',
    "scripts that look like commands": json.dumps(
        {"KEY": [{"type": "custom_tool_call", "call_id": "c", "name": "exec", "input": 'cmd:"' + "\\ cmd  " * 30_000}]}
    ).encode(),
    "a million empty entries": b'{"KEY":[' + b"{}," * MEGABYTE + b"{}]}",
    "a million unknown members": b'{"a":[' + b"[]," * MEGABYTE + b'[]],"KEY":[]}',
}
WRONG: list[Any] = [None, True, 7, "x", [], {}, [[]], [None, 7, "x", {}], {"type": 7}, [{"type": [], "text": {}}]]
ENCODED = {
    "an unknown coding": ("aes128gcm", b"\x01\x02"),
    "a coding of no name": ("\x00", b"{}"),
    "two codings": ("gzip, gzip", gzip.compress(gzip.compress(b"{}"))),
    "gzip that is none": ("gzip", b'{"KEY":[]}'),
    "zstd that is none": ("zstd", b'{"KEY":[]}'),
    "gzip cut short": ("gzip", gzip.compress(b'{"KEY":[]}' * 9)[:-9]),
    "zstd cut short": ("zstd", zstd.compress(b'{"KEY":[]}' * 9000)[:-3]),
    "gzip with a tail": ("gzip", gzip.compress(b'{"KEY":[]}') + b"tail"),
    "gzip in members": ("gzip", gzip.compress(b'{"KEY":') + gzip.compress(b"[]}")),
    "a damaged checksum": ("gzip", gzip.compress(b'{"KEY":[]}')[:-8] + bytes(8)),
    "brotli of garbage": ("br", b"\xff" * 1000),
    "deflate of garbage": ("deflate", b"\x78\x9c" + b"\xff" * 1000),
    "identity, twice": ("identity, identity", b"{}"),
}
FRAMES: list[list[bytes]] = [
    [b"Content-Length: 2", b"Content-Length: 2"],
    [b"Content-Length: 2", b"Content-Length: 30"],
    [b"Content-Length: 2, 2"],
    [b"Content-Length: 2, 30"],
    [b"Content-Length: +2"],
    [b"Content-Length: 0x2"],
    [b"Content-Length: 2 "],
    [b"Content-Length: 02"],
    [b"Content-Length: 99999999999999999999999"],
    [b"Content-Length: 2", b"Transfer-Encoding: chunked"],
    [b"Transfer-Encoding: chunked", b"Content-Length: 2"],
    [b"Transfer-Encoding: chunked, identity"],
    [b"Transfer-Encoding: identity"],
    [b"Transfer-Encoding: xchunked"],
    [b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity"],
    [b"Transfer-Encoding : chunked"],
    [b"Transfer-Encoding:\x0bchunked"],
    [b"X: a\n Content-Length: 2"],
    [b" Content-Length: 2"],
    [b"X: a\rContent-Length: 2"],
]


@cache
def bomb(coding: str, filling: bytes) -> bytes:
    """Twice what is decoded, in some thousands of bytes."""
    return encode(filling * (2 * MAX_DECODED_BYTES // len(filling)), coding)


@pytest.fixture
def pipeline(store: Store) -> EnginePipeline:
    return EnginePipeline(Engine(store), store, command="headroom retrieve")


def assert_passes(pipeline: EnginePipeline, path: bytes, body: bytes, coding: str = "") -> None:
    """The provider gets the very bytes, and its answer comes back."""
    upstream = FakeUpstream()
    config = ProxyConfig(KEY, "s1", "claude", UPSTREAMS, require_key=False)
    headers = [(b"content-encoding", coding.encode())] if coding else []
    application = ProxyApp(config, pipeline, lambda: upstream, no_control)
    answer = asyncio.run(asyncio.wait_for(ask(application, scope(path=path, headers=headers), body), 20))
    assert (answer.status, answer.body, answer.is_complete) == (200, b"{}", True)
    assert [hashlib.sha256(sent.body).hexdigest() for sent in upstream.sent] == [hashlib.sha256(body).hexdigest()]


def for_path(body: bytes, path: bytes) -> bytes:
    return body.replace(b"KEY", KEYS.get(path, "input").encode())


def test_there_are_enough_of_them() -> None:
    assert len(PLAIN) + len(ENCODED) >= 40


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", PLAIN)
def test_a_hostile_body_reaches_the_provider_as_it_came(pipeline: EnginePipeline, name: str, path: bytes) -> None:
    assert_passes(pipeline, path, for_path(PLAIN[name], path))


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", ENCODED)
def test_an_encoded_hostile_body_reaches_the_provider_as_it_came(
    pipeline: EnginePipeline, name: str, path: bytes
) -> None:
    coding, body = ENCODED[name]
    assert_passes(pipeline, path, for_path(body, path), coding)


@pytest.mark.parametrize("path", PATHS[:3])
def test_wrong_types_everywhere_reach_the_provider_as_they_came(pipeline: EnginePipeline, path: bytes) -> None:
    key = KEYS.get(path, "input")
    entries = [
        {"role": "tool", "tool_call_id": wrong, "content": wrong, "tool_calls": wrong, "type": wrong} for wrong in WRONG
    ]
    for kind in ("message", "function_call", "function_call_output", "custom_tool_call_output", "additional_tools"):
        fields = ("call_id", "name", "arguments", "input", "output", "content", "tools", "role")
        entries += [{"type": kind, **dict.fromkeys(fields, wrong)} for wrong in WRONG]
    for role in ("user", "assistant", "tool"):
        entries += [{"role": role, "content": [{"type": "tool_result", "content": wrong}, wrong]} for wrong in WRONG]
        entries += [{"role": role, "tool_calls": [{"id": wrong, "type": wrong, "function": wrong}]} for wrong in WRONG]
    documents: list[Any] = [{key: entries}, *({key: [entry]} for entry in entries)]
    top = ("model", "tools", "system", "store", "previous_response_id", "stream")
    for wrong in WRONG:
        documents += [{key: wrong}, {**dict.fromkeys(top, wrong), key: [wrong]}]
    for document in documents:
        body = json.dumps(document).encode()
        assert pipeline.prepare(WIRES[path], body).body is body
    assert_passes(pipeline, path, json.dumps(documents[0]).encode())


@pytest.mark.parametrize("coding", ["gzip", "zstd", "br", "deflate"])
@pytest.mark.parametrize("path", PATHS)
def test_a_bomb_reaches_the_provider_as_it_came(pipeline: EnginePipeline, path: bytes, coding: str) -> None:
    assert_passes(pipeline, path, bomb(coding, bytes(MEGABYTE)), coding)


@pytest.mark.parametrize("path", PATHS[:3])
def test_a_bomb_just_within_the_cap_takes_bounded_memory(pipeline: EnginePipeline, path: bytes) -> None:
    filling = for_path(b'{"KEY":[', path) + b"{}," * (MAX_DECODED_BYTES // 3 - MEGABYTE) + b"{}]}"
    body = encode(filling, "zstd")
    del filling
    assert len(body) < MEGABYTE
    tracemalloc.start()
    try:
        assert_passes(pipeline, path, body, "zstd")
        gc.collect()
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * MAX_DECODED_BYTES
    assert kept < MEGABYTE


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/unknown"])
def test_no_length_smuggles_a_second_request_to_the_provider(path: str) -> None:
    """What comes behind the body is a request of its own, which the gate refuses, or nothing."""
    hidden = b"GET /hidden HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"

    async def scenario() -> None:
        async with rigged() as rig:
            for frame in FRAMES:
                rig.upstream.received.clear()
                client = await rig.client()
                lines = [b"POST %b HTTP/1.1" % path.encode(), b"Host: " + rig.host[1], *frame]
                client.writer.write(b"\r\n".join(lines) + b"\r\n\r\n{}" + hidden)
                statuses = re.findall(rb"HTTP/1\.1 (\d+) ", await client.rest())
                assert statuses in ([b"400"], [b"200", b"400"], [b"200", b"421"]), frame
                assert len(rig.upstream.received) == statuses.count(b"200"), frame
                for request in rig.upstream.received:
                    assert (request.method, request.target) == ("POST", path.encode())
                    assert request.body in (b"{}", b"")
                    assert request.header(b"transfer-encoding") == []
                    assert request.header(b"content-length") in ([b"%d" % len(request.body)], [])

    run(scenario())
