"""The application, in memory."""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.proxy.codec import MAX_DECODED_BYTES
from headroom_wrap.proxy.routes import ROUTES
from headroom_wrap.wire.codings import encode
from tests.proxy.fakes import KEY, UPSTREAM_URL, Answer, FakePipeline, FakeResponse, FakeUpstream, app, ask, scope
from tests.proxy.test_codec import BODY

T = TypeVar("T")
UNREACHABLE = HeadroomError(Code.UPSTREAM_UNREACHABLE, "Headroom could not reach h: down.", "Check the network.")
SSE = [(b"content-type", b"text/event-stream")]
START = b'event: message_start\ndata: {"message":{"usage":{"input_tokens":7,"cache_read_input_tokens":9}}}\n\n'
DELTA = b'event: message_delta\ndata: {"type":"message_delta","usage":{"output_tokens":5}}\n\n'


def run(scenario: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(asyncio.wait_for(scenario, 20))


def error_of(answer: Answer) -> dict[str, Any]:
    document = json.loads(answer.body)
    assert document["type"] == "error"
    error: dict[str, Any] = document["error"]
    return error


def message_of(answer: Answer) -> Any:
    """Of an error in any of the forms in which we write them."""
    return json.loads(answer.body)["error"]["message"]


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=3000), st.sampled_from(["", "gzip", "zstd", "br", "deflate", "unknown"]))
def test_a_request_with_nothing_to_replace_leaves_with_its_own_bytes(body: bytes, coding: str) -> None:
    upstream = FakeUpstream()
    headers = [(b"content-encoding", coding.encode())] if coding else []
    answer = run(ask(app(FakePipeline(), upstream), scope(headers=headers), [body[:10], body[10:]]))
    assert answer.status == 200
    assert hashlib.sha256(upstream.sent[0].body).digest() == hashlib.sha256(body).digest()


def test_a_changed_body_goes_out_with_its_length_and_coding() -> None:
    upstream = FakeUpstream()
    body = encode(BODY, "zstd")
    headers = [(b"content-encoding", b"zstd"), (b"content-length", b"%d" % len(body))]
    run(ask(app(FakePipeline(b"old", b"new"), upstream), scope(headers=headers), body))
    sent = upstream.sent[0]
    assert sent.headers == [(b"content-encoding", b"zstd"), (b"content-length", b"%d" % len(sent.body))]
    assert sent.body == encode(BODY.replace(b"old", b"new"), "zstd")


def test_path_query_and_headers_reach_the_upstream() -> None:
    upstream = FakeUpstream()
    headers = [(b"x-api-key", b"sk"), (b"x-headroom-key", KEY.encode()), (b"anthropic-beta", b"a,b")]
    run(ask(app(FakePipeline(), upstream), scope(path=b"/v1/messages?beta=true", headers=headers), b"{}"))
    sent = upstream.sent[0]
    assert (sent.method, sent.url) == ("POST", f"{UPSTREAM_URL}/v1/messages?beta=true")
    assert sent.headers == [(b"x-api-key", b"sk"), (b"anthropic-beta", b"a,b"), (b"content-length", b"2")]


def test_status_headers_and_body_come_back_as_they_are() -> None:
    headers = [(b"Retry-After", b"7"), (b"request-id", b"req_1"), (b"anthropic-ratelimit-tokens-remaining", b"0")]
    upstream = FakeUpstream(FakeResponse(529, headers, [b'{"type":', b'"error"}']))
    answer = run(ask(app(FakePipeline(), upstream), scope(), b"{}"))
    assert answer == Answer(529, headers, b'{"type":"error"}', is_complete=True)
    assert len(upstream.sent) == 1


def test_a_model_call_is_written_into_the_ledger() -> None:
    pipeline = FakePipeline(b"old", b"new")
    upstream = FakeUpstream(FakeResponse(200, SSE, [START[:30], START[30:], DELTA]))
    run(ask(app(pipeline, upstream), scope(), BODY))
    row = pipeline.rows[0]
    assert (row.session, row.agent, row.wire, row.model, row.status, row.error) == (
        "s1",
        "claude",
        "anthropic",
        "claude-x",
        200,
        "",
    )
    assert (row.tokens_before, row.tokens_after, row.new_tokens_before, row.new_tokens_after) == (100, 10, 50, 5)
    assert (row.blocks_replaced, row.blocks_new) == (2, 1)
    assert (row.input_tokens, row.cache_read_tokens, row.cache_write_tokens, row.output_tokens) == (7, 9, None, 5)
    assert row.duration_s > 0
    assert len(pipeline.rows) == 1


def test_a_count_gets_the_same_verdicts_and_no_ledger_row() -> None:
    pipeline, upstream = FakePipeline(b"old", b"new"), FakeUpstream()
    run(ask(app(pipeline, upstream), scope(path=b"/v1/messages/count_tokens"), BODY))
    assert pipeline.seen == [("anthropic", BODY, True)]
    assert upstream.sent[0].body == BODY.replace(b"old", b"new")
    assert pipeline.rows == []


@pytest.mark.parametrize("path", [b"/v1/messages/batches", b"/v1/models", b"/anything/else"])
def test_everything_else_is_forwarded_unread(path: bytes) -> None:
    pipeline, upstream = FakePipeline(b"old", b"new"), FakeUpstream()
    run(ask(app(pipeline, upstream), scope(path=path), BODY))
    assert upstream.sent[0].body == BODY
    assert pipeline.seen == []
    assert pipeline.rows == []


def test_a_large_forwarded_body_is_a_stream() -> None:
    upstream = FakeUpstream()
    pieces = [b"x" * 60_000] * 5
    headers = [(b"content-length", b"300000")]
    run(ask(app(FakePipeline(), upstream), scope(path=b"/v1/files", headers=headers), pieces))
    sent = upstream.sent[0]
    assert (sent.is_stream, len(sent.body), sent.headers) == (True, 300_000, headers)


def test_a_body_over_the_cap_is_streamed_through() -> None:
    pipeline, upstream = FakePipeline(b"x", b"y"), FakeUpstream()
    pieces = [bytes(MAX_DECODED_BYTES), b"x", b"x"]
    answer = run(ask(app(pipeline, upstream), scope(), pieces))
    assert answer.status == 200
    assert upstream.sent[0].is_stream
    assert len(upstream.sent[0].body) == MAX_DECODED_BYTES + 2
    assert pipeline.seen == []
    assert pipeline.rows[0].status == 200


def test_the_bypass_header_skips_the_engine() -> None:
    pipeline, upstream = FakePipeline(b"old", b"new"), FakeUpstream()
    run(ask(app(pipeline, upstream), scope(headers=[(b"x-headroom-bypass", b"true")]), BODY))
    assert upstream.sent[0].body == BODY
    assert upstream.sent[0].headers == [(b"content-length", b"%d" % len(BODY))]
    assert len(pipeline.rows) == 1


def explode() -> None:
    raise RecursionError("a compressor failed")


def test_a_failing_engine_costs_nothing() -> None:
    pipeline, upstream = FakePipeline(b"old", b"new", hook=explode), FakeUpstream()
    answer = run(ask(app(pipeline, upstream), scope(), BODY))
    assert answer.status == 200
    assert upstream.sent[0].body == BODY
    assert pipeline.rows[0].tokens_before == 0


def test_a_hanging_engine_is_left_behind() -> None:
    release = threading.Event()
    pipeline, upstream = FakePipeline(b"old", b"new", hook=lambda: release.wait(30)), FakeUpstream()

    async def scenario() -> None:
        application = app(pipeline, upstream, deadline_s=0.05)
        await asyncio.gather(*(ask(application, scope(), BODY) for _ in range(6)))
        pipeline.hook = lambda: None
        assert (await ask(application, scope(), BODY)).status == 200

    try:
        run(scenario())
    finally:
        release.set()
    assert [sent.body for sent in upstream.sent[:6]] == [BODY] * 6
    assert upstream.sent[6].body != BODY


def test_the_engine_does_not_run_on_the_event_loop() -> None:
    threads: list[int] = []
    pipeline = FakePipeline(hook=lambda: threads.append(threading.get_ident()))
    run(ask(app(pipeline, FakeUpstream()), scope(), b"{}"))
    assert threads != [threading.get_ident()]


def test_head_of_the_base_is_answered_here() -> None:
    upstream = FakeUpstream()
    answer = run(ask(app(FakePipeline(), upstream, require_key=True), scope("HEAD", b"/")))
    assert (answer.status, answer.body, answer.is_complete) == (200, b"", True)
    assert upstream.sent == []


def test_an_unreachable_upstream_is_a_502_in_the_providers_format() -> None:
    pipeline = FakePipeline()
    answer = run(ask(app(pipeline, FakeUpstream(UNREACHABLE)), scope(), b"{}"))
    assert answer.status == 502
    assert answer.header(b"x-headroom-error") == b"upstream-unreachable"
    assert answer.header(b"content-length") == b"%d" % len(answer.body)
    assert error_of(answer) == {"type": "api_error", "message": str(UNREACHABLE)}
    assert (pipeline.rows[0].status, pipeline.rows[0].error) == (502, "upstream-unreachable")


@pytest.mark.parametrize(("code", "status"), [(Code.BAD_REQUEST, 400), (Code.BAD_SETTING, 502)])
def test_an_error_of_ours_has_the_status_of_its_code(code: Code, status: int) -> None:
    answer = run(ask(app(FakePipeline(), FakeUpstream(HeadroomError(code, "x"))), scope(), b"{}"))
    assert (answer.status, answer.header(b"x-headroom-error")) == (status, code.value.encode())


@pytest.mark.parametrize("status", [101, 199, 600, 999])
def test_a_status_that_no_server_may_send_is_a_502(status: int) -> None:
    response = FakeResponse(status)
    answer = run(ask(app(FakePipeline(), FakeUpstream(response)), scope(), b"{}"))
    assert answer.status == 502
    assert response.is_closed


def test_an_answer_that_breaks_off_is_never_completed() -> None:
    pipeline = FakePipeline()
    response = FakeResponse(200, SSE, [START], error=UNREACHABLE)
    answer = run(ask(app(pipeline, FakeUpstream(response)), scope(), b"{}"))
    assert (answer.status, answer.body, answer.is_complete) == (200, START, False)
    assert response.is_closed
    assert (pipeline.rows[0].status, pipeline.rows[0].error, pipeline.rows[0].input_tokens) == (
        200,
        "upstream-unreachable",
        7,
    )


def test_a_client_that_leaves_during_the_engines_work_is_not_forwarded() -> None:
    reached, release = threading.Event(), threading.Event()

    def hang() -> None:
        reached.set()
        release.wait(20)

    pipeline, upstream = FakePipeline(hook=hang), FakeUpstream()

    async def scenario() -> None:
        gone = asyncio.Event()
        asking = asyncio.ensure_future(ask(app(pipeline, upstream), scope(), b"{}", gone))
        await asyncio.to_thread(reached.wait, 10)
        gone.set()
        await asking

    try:
        run(scenario())
    finally:
        release.set()
    assert upstream.sent == []
    assert [(row.status, row.error) for row in pipeline.rows] == [(499, "client-disconnected")]


def test_a_client_that_leaves_before_the_answer_cancels_the_upstream() -> None:
    pipeline, upstream = FakePipeline(), FakeUpstream(hold=asyncio.Event())

    async def scenario() -> Answer:
        gone = asyncio.Event()
        asking = asyncio.ensure_future(ask(app(pipeline, upstream), scope(), b"{}", gone))
        await upstream.reached.wait()
        gone.set()
        return await asking

    assert run(scenario()) == Answer()
    assert upstream.n_cancelled == 1
    assert [(row.status, row.error) for row in pipeline.rows] == [(499, "client-disconnected")]


def test_a_client_that_leaves_during_the_answer_cancels_it() -> None:
    pipeline = FakePipeline()
    response = FakeResponse(200, SSE, [START], hold=asyncio.Event())

    async def scenario() -> None:
        gone = asyncio.Event()
        asking = asyncio.ensure_future(ask(app(pipeline, FakeUpstream(response)), scope(), b"{}", gone))
        await response.reached.wait()
        gone.set()
        await asking

    run(scenario())
    assert response.is_closed
    assert [(row.status, row.error, row.input_tokens) for row in pipeline.rows] == [(200, "client-disconnected", 7)]


@pytest.mark.parametrize(
    "last",
    [b"data: [DONE]\n\n", b"event: message_stop\ndata: {}\n\n", b"event: response.completed\ndata: {}\n\n"],
)
def test_a_client_that_hangs_up_behind_the_last_event_has_had_its_answer(last: bytes) -> None:
    pipeline = FakePipeline()
    response = FakeResponse(200, SSE, [START + last], hold=asyncio.Event())

    async def scenario() -> None:
        gone = asyncio.Event()
        asking = asyncio.ensure_future(ask(app(pipeline, FakeUpstream(response)), scope(), b"{}", gone))
        await response.reached.wait()
        gone.set()
        await asking

    run(scenario())
    assert response.is_closed
    assert [(row.status, row.error, row.input_tokens) for row in pipeline.rows] == [(200, "", 7)]


@pytest.mark.parametrize(("path", "n_bytes"), [(b"/v1/messages", 5), (b"/v1/files", 5), (b"/v1/files", 70_000)])
def test_a_client_that_leaves_in_mid_body_gets_no_answer(path: bytes, n_bytes: int) -> None:
    pipeline, upstream = FakePipeline(), FakeUpstream()
    assert run(ask(app(pipeline, upstream), scope(path=path), bytes(n_bytes), is_cut=True)) == Answer()
    assert upstream.sent == []
    assert all((row.status, row.error) == (499, "client-disconnected") for row in pipeline.rows)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
@pytest.mark.parametrize(
    "headers",
    [[(b"host", b"evil.example:8787")], [(b"origin", b"null")], [(b"sec-fetch-site", b"cross-site")], [(b"host", b"")]],
)
def test_every_route_is_behind_the_gate(route: Any, headers: list[tuple[bytes, bytes]]) -> None:
    upstream = FakeUpstream()
    method = "PUT" if route.method == "*" else route.method
    path = "/" + route.path.strip("/*") if "*" in route.path else route.path
    request = scope(method, path.encode(), [*headers, (b"x-headroom-key", KEY.encode())])
    answer = run(ask(app(FakePipeline(), upstream, require_key=True), request))
    assert answer.status in (400, 403, 421)
    assert "Headroom" in message_of(answer)
    assert not any(name.startswith(b"access-control") for name, _ in answer.headers)
    assert upstream.sent == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", b"/v1/messages"),
        ("POST", b"/v1/messages/count_tokens"),
        ("GET", b"/v1/models"),
        ("GET", b"/health"),
        ("POST", b"/"),
    ],
)
@pytest.mark.parametrize("headers", [[], [(b"x-headroom-key", b"0" * 64)]])
def test_a_session_asks_for_its_key(method: str, path: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    upstream = FakeUpstream()
    answer = run(ask(app(FakePipeline(), upstream, require_key=True), scope(method, path, headers)))
    assert answer.status == 403
    assert answer.header(b"x-headroom-error") == b"gate-refused"
    assert "key" in message_of(answer)
    assert upstream.sent == []


def test_without_sessions_only_control_routes_ask_for_the_key() -> None:
    application = app(FakePipeline(), FakeUpstream())
    assert run(ask(application, scope(), b"{}")).status == 200
    assert run(ask(application, scope("GET", b"/health"))).status == 403


def test_health_proves_that_the_key_is_known() -> None:
    headers = [(b"x-headroom-key", KEY.encode()), (b"x-headroom-nonce", b"ab" * 16)]
    answer = run(ask(app(FakePipeline(), FakeUpstream()), scope("GET", b"/health", headers)))
    document = json.loads(answer.body)
    assert answer.status == 200
    assert document["version"]
    assert len(document["proof"]) == 64
    assert KEY not in answer.body.decode()


@pytest.mark.parametrize("path", [b"/v1/responses", b"/v1/messages"])
def test_a_websocket_is_answered_with_426(path: bytes) -> None:
    headers = [(b"connection", b"Upgrade"), (b"upgrade", b"WebSocket")]
    answer = run(ask(app(FakePipeline(), FakeUpstream()), scope("GET", path, headers)))
    assert answer.status == 426
    assert "POST" in error_of(answer)["message"]


def test_closing_the_application_closes_its_connections() -> None:
    upstream = FakeUpstream()

    async def scenario() -> None:
        await app(FakePipeline(), upstream).aclose()
        application = app(FakePipeline(), upstream)
        await ask(application, scope(), b"{}")
        await application.aclose()

    run(scenario())
    assert upstream.is_closed
