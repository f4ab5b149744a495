from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from urllib.parse import urlsplit

import pytest

from headroom_wrap import zstd
from headroom_wrap.emulator import faults
from headroom_wrap.emulator.coding import decoded
from headroom_wrap.emulator.faults import Fault
from headroom_wrap.emulator.provider import Options
from headroom_wrap.emulator.recording import RecordedRequest
from headroom_wrap.emulator.server import EmulatedProvider
from tests.emulator.asking import KEY, Asking, Reply, message

PATH = "/v1/messages?beta=true"
SAY = message("[[say hello there, this is a text of several pieces]]")
N_EVENTS = 8


def _address(provider: EmulatedProvider) -> tuple[str, int]:
    host, _, port = urlsplit(provider.url).netloc.partition(":")
    return host, int(port)


def _in_background(ask: Asking) -> tuple[threading.Thread, list[Reply]]:
    replies: list[Reply] = []
    thread = threading.Thread(target=lambda: replies.append(ask(PATH, SAY)))
    thread.start()
    return thread, replies


def test_a_request_is_recorded_byte_for_byte(ask: Asking, provider: EmulatedProvider) -> None:
    body = b'{"model":"m", "max_tokens":1E1,"messages":[{"role":"user","content":"\\ud800 \xc3\xa9"}]}'
    assert ask("/v1/messages?beta=true&x=%2F", body, {**KEY, "X-Odd-Case": "Value"}).status == 200
    record = provider.requests[0]
    assert (record.method, record.path, record.body) == ("POST", "/v1/messages?beta=true&x=%2F", body)
    assert ("X-Odd-Case", "Value") in record.headers
    assert record.header("x-odd-case") == "Value"
    assert provider.wait_for(lambda: record.finished is not None)
    assert record.status == 200
    assert record.disconnected is None
    assert record.is_model_request


def test_head_models_and_unknown_paths(ask: Asking) -> None:
    head = ask("/", method="HEAD")
    assert (head.status, head.body) == (200, b"")
    assert ask("/v1/models", method="GET").json["data"][0]["type"] == "model"
    assert ask("/models", headers={"Authorization": "Bearer x"}, method="GET").json["object"] == "list"
    assert ask("/v1/models?client_version=0.1", headers={}, method="GET").json == {"models": []}
    nowhere = ask("/gateway", method="HEAD")
    assert (nowhere.status, nowhere.body) == (404, b"")
    missing = ask("/v1/files")
    assert (missing.status, missing.json["error"]["type"]) == (404, "not_found_error")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (429, "rate_limit_error"),
        (500, "api_error"),
        (529, "overloaded_error"),
        (413, "request_too_large"),
        (403, "permission_error"),
        (418, "invalid_request_error"),
        (599, "api_error"),
    ],
)
def test_a_status_comes_with_the_apis_error_and_extra_headers(
    ask: Asking, provider: EmulatedProvider, status: int, kind: str
) -> None:
    provider.faults.add(faults.status(status, {"Retry-After": "7"}))
    reply = ask(PATH, SAY)
    assert (reply.status, reply.json["error"]["type"]) == (status, kind)
    assert reply.headers["retry-after"] == "7"
    assert provider.requests[0].usage is None
    assert ask(PATH, SAY).status == 200


def test_a_status_can_bring_its_own_body(ask: Asking, provider: EmulatedProvider) -> None:
    provider.faults.add(faults.status(502, {"Content-Type": "text/html"}, "<html>bad gateway"))
    reply = ask(PATH, SAY)
    assert (reply.status, reply.body, reply.headers["content-type"]) == (502, b"<html>bad gateway", "text/html")


@pytest.mark.parametrize("at_event", [None, 0, 1, 4, N_EVENTS])
def test_a_reset_comes_where_it_was_planned(ask: Asking, provider: EmulatedProvider, at_event: int | None) -> None:
    assert len(ask(PATH, SAY).events) == N_EVENTS
    provider.faults.add(faults.reset(at_event))
    reply = ask(PATH, SAY)
    assert isinstance(reply.broken, (ConnectionResetError, http.client.IncompleteRead))
    assert reply.status == (0 if at_event is None else 200)
    assert len(reply.events) == (at_event or 0)
    assert provider.requests[-1].finished is None
    assert provider.requests[-1].disconnected is None


def test_a_truncated_stream_ends_cleanly_without_its_last_events(ask: Asking, provider: EmulatedProvider) -> None:
    provider.faults.add(faults.truncate(4))
    reply = ask(PATH, SAY)
    assert reply.broken is None
    assert len(reply.events) == 4
    assert b"message_stop" not in reply.body


@pytest.mark.parametrize("fault", [faults.reset(1), faults.truncate(1)], ids=["reset", "truncate"])
def test_a_whole_answer_can_break_in_its_middle(ask: Asking, provider: EmulatedProvider, fault: Fault) -> None:
    provider.faults.add(fault)
    reply = ask(PATH, {**SAY, "stream": False})
    assert reply.broken is not None or len(reply.body) < int(reply.headers["content-length"])
    with pytest.raises(ValueError, match=r".*"):
        json.loads(reply.body)


@pytest.mark.parametrize("fault", [faults.stall(0.15), faults.stall(0.15, 3), faults.slow(0.15 / N_EVENTS)])
def test_stalls_and_slow_streams_take_their_time_and_lose_nothing(
    ask: Asking, provider: EmulatedProvider, fault: Fault
) -> None:
    provider.faults.add(fault)
    began = time.monotonic()
    assert len(ask(PATH, SAY).events) == N_EVENTS
    assert time.monotonic() - began >= 0.15


def test_a_held_stream_waits_for_the_test(ask: Asking, provider: EmulatedProvider) -> None:
    hold = provider.faults.add(faults.hold(2)).hold
    assert hold is not None
    thread, replies = _in_background(ask)
    assert hold.reached.wait(5)
    assert provider.requests[0].status == 200
    assert not replies
    hold.release()
    thread.join(5)
    assert len(replies[0].events) == N_EVENTS


@pytest.mark.parametrize("at_event", [None, 2])
def test_a_client_that_goes_away_is_noticed_at_once(provider: EmulatedProvider, at_event: int | None) -> None:
    hold = provider.faults.add(faults.hold(at_event)).hold
    assert hold is not None
    connection = http.client.HTTPConnection(*_address(provider), timeout=5)
    connection.request("POST", PATH, json.dumps(SAY), KEY)
    assert hold.reached.wait(5)
    record = provider.requests[0]
    left = time.monotonic()
    connection.close()
    assert provider.wait_for(lambda: record.disconnected is not None)
    assert record.disconnected is not None
    assert 0 <= record.disconnected - left < 1.0
    assert record.finished is None


def test_leaving_ends_held_streams_and_frees_the_port() -> None:
    with EmulatedProvider() as other:
        hold = other.faults.add(faults.hold(1), faults.stall(60, 2)).hold
        assert hold is not None
        thread, _ = _in_background(Asking(other.url))
        assert hold.reached.wait(5)
        address = _address(other)
    thread.join(5)
    assert not thread.is_alive()
    assert other.requests[0].disconnected is None
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, 1)
    with EmulatedProvider(port=address[1]) as again:
        assert Asking(again.url)(PATH, SAY).status == 200


@pytest.mark.parametrize("coding", ["gzip", "zstd", "br"])
def test_answers_are_encoded_for_clients_that_accept_it(coding: str) -> None:
    with EmulatedProvider(options=Options(coding=coding)) as provider:
        ask = Asking(provider.url)
        assert "content-encoding" not in ask(PATH, SAY).headers
        reply = ask(PATH, SAY, {**KEY, "Accept-Encoding": "gzip, deflate, br, zstd"})
        assert reply.headers["content-encoding"] == coding
        assert b"message_stop" in decoded(reply.body, coding)


def test_an_encoded_event_can_be_read_as_soon_as_it_is_sent() -> None:
    with EmulatedProvider(options=Options(coding="zstd")) as provider:
        hold = provider.faults.add(faults.hold(1)).hold
        assert hold is not None
        connection = http.client.HTTPConnection(*_address(provider), timeout=5)
        connection.request("POST", PATH, json.dumps(SAY), {**KEY, "Accept-Encoding": "zstd"})
        response = connection.getresponse()
        first = zstd.ZstdDecompressor().decompress(response.read1(65536))
        assert first.endswith(b"\n\n")
        assert b"message_start" in first
        hold.release()
        connection.close()


def test_twenty_megabytes_are_accepted_and_forty_refused(ask: Asking, provider: EmulatedProvider) -> None:
    assert ask(PATH, message("x" * 20_000_000)).status == 200
    assert len(provider.requests[0].body) > 20_000_000
    reply = ask(PATH, message("x" * 40_000_000))
    assert reply.status == 413 or reply.broken is not None


def test_a_body_that_is_not_in_its_coding_is_refused(ask: Asking) -> None:
    reply = ask(PATH, b"not gzip", {**KEY, "Content-Encoding": "gzip"})
    assert reply.status == 400


def test_the_cache_report_names_hits_and_breaks(ask: Asking, provider: EmulatedProvider) -> None:
    system = [{"type": "text", "text": "word " * 1500, "cache_control": {"type": "ephemeral"}}]
    ask(PATH, message("a", system=system))
    ask(PATH, message("a", system=system))
    ask(PATH, message("b", system=system))
    rows = provider.cache_report().rows
    assert [row.usage.read > 1500 for row in rows] == [False, True, True]
    assert [row.prefix_break is None for row in rows] == [True, True, False]
    assert "messages[0].content[0]" in str(rows[2].prefix_break)
    assert provider.cache_report().hit_rate == pytest.approx(2 / 3, abs=0.05)
    provider.reset()
    assert provider.cache_report().rows == ()
    assert provider.cache_report().hit_rate == 0.0
    assert ask(PATH, message("a", system=system)).events[0]["message"]["usage"]["cache_read_input_tokens"] == 0


def test_a_title_request_between_two_turns_is_no_break(ask: Asking, provider: EmulatedProvider) -> None:
    for body in (message("a"), message("title", tools=[]), message("a")):
        ask(PATH, body)
    assert [row.prefix_break for row in provider.cache_report().rows] == [None, None, None]


def test_time_comes_from_the_clock_that_was_given() -> None:
    now = [100.0]
    system = [{"type": "text", "text": "word " * 1500, "cache_control": {"type": "ephemeral"}}]
    with EmulatedProvider(options=Options(clock=lambda: now[0])) as provider:
        ask = Asking(provider.url)
        ask(PATH, message("a", system=system))
        now[0] += 299
        ask(PATH, message("a", system=system))
        now[0] += 301
        ask(PATH, message("a", system=system))
        assert [row.usage.read > 0 for row in provider.cache_report().rows] == [False, True, False]
        assert provider.requests[0].received == 100.0


def test_another_process_can_read_records_and_plan_faults(ask: Asking, provider: EmulatedProvider) -> None:
    plan = {"faults": [faults.to_json(faults.status(429, {"Retry-After": "1"}))], "after": 1, "times": 2}
    assert ask("/__emulator/faults", plan).json == {}
    assert [ask(PATH, SAY).status for _ in range(4)] == [200, 429, 429, 200]
    records = [RecordedRequest.from_json(row) for row in ask("/__emulator/requests", method="GET").json]
    assert [record.status for record in records] == [200, 429, 429, 200]
    assert records[0].body == json.dumps(SAY).encode()
    assert records[0].usage == provider.requests[0].usage
    assert len(ask("/__emulator/cache", method="GET").json["rows"]) == 2
    assert ask("/__emulator/reset").json == {}
    assert provider.requests == []
    assert ask("/__emulator/nothing").status == 404


def test_the_module_serves_until_it_is_killed() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "headroom_wrap.emulator", "--port", "0", "--minimum-tokens", "1"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert Asking(url)(PATH, SAY).status == 200
    finally:
        process.send_signal(signal.SIGTERM)
    assert process.wait(5) == 0
    process.stdout.close()
