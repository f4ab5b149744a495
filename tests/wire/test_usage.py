"""What a provider says a call cost, read from its answer as it passes."""

from __future__ import annotations

import itertools
import json
import tracemalloc
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_wrap.wire.codings import encode
from headroom_wrap.wire.usage import MAX_JSON_BYTES, MAX_LINE_BYTES, Usage, UsageTap

CODINGS = ["", "identity", "gzip", "deflate", "br", "zstd"]


def sse(*events: dict[str, object], newline: str = "\n") -> bytes:
    return "".join(
        f"event: {event.get('type')}{newline}data: {json.dumps(event)}{newline}{newline}" for event in events
    ).encode()


ANTHROPIC_STREAM = sse(
    {
        "type": "message_start",
        "message": {
            "id": "msg_1",
            "usage": {
                "input_tokens": 12,
                "cache_read_input_tokens": 3400,
                "cache_creation_input_tokens": 560,
                "cache_creation": {"ephemeral_5m_input_tokens": 560},
                "output_tokens": 1,
            },
        },
    },
    {"type": "ping"},
    {
        "type": "content_block_delta",
        "delta": {"type": "text_delta", "text": 'in JSON: "usage": {"output_tokens": 99999}'},
    },
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"input_tokens": 0, "output_tokens": 78}},
    {"type": "message_stop"},
)
ANTHROPIC_JSON = json.dumps(
    {
        "type": "message",
        "content": [{"type": "text", "text": '"usage":{"output_tokens":99999}'}],
        "usage": {
            "input_tokens": 12,
            "cache_read_input_tokens": 3400,
            "cache_creation_input_tokens": 560,
            "output_tokens": 78,
        },
    },
    indent=2,
).encode()
ANTHROPIC_USAGE = Usage(12, 3400, 560, 78)

OPENAI_USAGE = Usage(100, 1024, None, 50)
CHAT_RAW = {"prompt_tokens": 1124, "completion_tokens": 50, "prompt_tokens_details": {"cached_tokens": 1024}}
RESPONSES_RAW = {"input_tokens": 1124, "output_tokens": 50, "input_tokens_details": {"cached_tokens": 1024}}
CHAT_STREAM = (
    b'data: {"choices":[{"delta":{"content":"hi"}}],"usage":null}\n\n'
    b"data: " + json.dumps({"choices": [], "usage": CHAT_RAW}).encode() + b"\n\ndata: [DONE]\n\n"
)
RESPONSES_STREAM = sse(
    {"type": "response.created", "response": {"id": "r", "usage": None}},
    {"type": "response.output_text.delta", "delta": "hi"},
    {"type": "response.completed", "response": {"id": "r", "usage": RESPONSES_RAW}},
)

ANSWERS = [
    pytest.param(ANTHROPIC_STREAM, "text/event-stream; charset=utf-8", ANTHROPIC_USAGE, id="anthropic-stream"),
    pytest.param(ANTHROPIC_JSON, "application/json", ANTHROPIC_USAGE, id="anthropic-json"),
    pytest.param(CHAT_STREAM, "text/event-stream", OPENAI_USAGE, id="chat-stream"),
    pytest.param(json.dumps({"usage": CHAT_RAW}).encode(), "application/json", OPENAI_USAGE, id="chat-json"),
    pytest.param(RESPONSES_STREAM, "text/event-stream", OPENAI_USAGE, id="responses-stream"),
    pytest.param(
        json.dumps({"object": "response", "usage": RESPONSES_RAW}).encode(),
        "application/json",
        OPENAI_USAGE,
        id="responses-json",
    ),
]


def read(chunks: Iterable[bytes], content_type: str, coding: str = "") -> Usage:
    tap = UsageTap(coding, content_type)
    for chunk in chunks:
        tap.feed(chunk)
    tap.close()
    return tap.usage


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize(("answer", "content_type", "usage"), ANSWERS)
def test_usage_is_read_from_every_format_and_coding(
    answer: bytes, content_type: str, usage: Usage, coding: str
) -> None:
    encoded = encode(answer, coding)
    assert read([encoded], content_type, coding) == usage
    assert read((encoded[at : at + 1] for at in range(len(encoded))), content_type, coding) == usage


@pytest.mark.parametrize(("answer", "content_type", "usage"), ANSWERS)
def test_an_answer_of_unnamed_type_is_known_by_its_first_byte(answer: bytes, content_type: str, usage: Usage) -> None:
    assert content_type
    assert read([b"\n ", answer], "") == usage


def test_lines_may_end_in_carriage_returns() -> None:
    stream = sse({"type": "message_delta", "usage": {"output_tokens": 78}}, newline="\r\n")
    assert read([stream], "text/event-stream").output == 78


def test_a_stream_that_breaks_off_leaves_what_it_told() -> None:
    cut = ANTHROPIC_STREAM.index(b"message_delta")
    assert read([ANTHROPIC_STREAM[:cut]], "text/event-stream") == Usage(12, 3400, 560, 1)
    assert read([ANTHROPIC_STREAM.rstrip(b"\n")], "text/event-stream") == ANTHROPIC_USAGE


@given(st.data())
def test_where_chunks_end_makes_no_difference(data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(ANTHROPIC_STREAM)), max_size=8)))
    edges = [0, *cuts, len(ANTHROPIC_STREAM)]
    chunks = [ANTHROPIC_STREAM[start:end] for start, end in itertools.pairwise(edges)]
    assert read(chunks, "text/event-stream") == ANTHROPIC_USAGE


@given(
    st.lists(st.binary(max_size=200), max_size=5),
    st.sampled_from(CODINGS),
    st.sampled_from(["text/event-stream", "application/json", ""]),
)
def test_garbage_is_no_usage(chunks: list[bytes], coding: str, content_type: str) -> None:
    assert read(chunks, content_type, coding) == Usage()


@pytest.mark.parametrize(
    "document",
    [
        b'{"usage":{"input_tokens":"12","output_tokens":-1,"cache_read_input_tokens":true}}',
        b'{"usage":{"input_tokens":1.5}}',
        b'{"usage":[]}',
        b'["usage"]',
        b'{"usage":{',
        b'{"usage":' + b"[" * 100_000,
        b'{"message":"usage","response":7,"usage":null}',
    ],
)
def test_odd_usage_is_no_usage(document: bytes) -> None:
    assert read([document], "application/json") == Usage()
    assert read([b"data: " + document + b"\n"], "text/event-stream") == Usage()


def test_an_unknown_coding_is_no_usage() -> None:
    assert read([ANTHROPIC_JSON], "application/json", "exotic") == Usage()


def test_openai_without_details_counts_all_input_as_fresh() -> None:
    assert read([b'{"usage":{"prompt_tokens":7,"completion_tokens":2}}'], "application/json") == Usage(7, None, None, 2)


def test_memory_stays_bounded_and_reading_goes_on_behind_a_giant_line() -> None:
    tap = UsageTap("", "text/event-stream")
    piece = b"x" * 1_000_000
    tracemalloc.start()
    try:
        for _ in range(4 * MAX_LINE_BYTES // len(piece)):
            tap.feed(piece)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3 * MAX_LINE_BYTES
    tap.feed(b"\n" + ANTHROPIC_STREAM)
    tap.close()
    assert tap.usage == ANTHROPIC_USAGE


def test_a_giant_document_is_given_up() -> None:
    assert read([b'{"usage":{"output_tokens":1},"x":"', b"x" * MAX_JSON_BYTES, b'"}'], "application/json") == Usage()


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_a_bomb_is_given_up_in_bounded_memory(coding: str) -> None:
    bomb = encode(bytes(3 * MAX_JSON_BYTES), coding)
    tracemalloc.start()
    try:
        assert read([bomb], "application/json", coding) == Usage()
        assert tracemalloc.get_traced_memory()[1] < 3 * MAX_JSON_BYTES
    finally:
        tracemalloc.stop()


CALL: dict[str, object] = {"type": "function_call", "call_id": "c1", "name": "Bash", "arguments": '{"command":"ls"}'}
CUSTOM: dict[str, object] = {"type": "custom_tool_call", "call_id": "c2", "name": "exec", "input": "run()"}
CALLED = [("c1", ("Bash", {"command": "ls"})), ("c2", ("exec", {"input": "run()"}))]
CALL_STREAM = sse(
    {"type": "response.output_item.added", "item": {**CALL, "arguments": ""}},
    {"type": "response.output_text.delta", "delta": '"call_id" response.output_item.done'},
    {"type": "response.output_item.done", "item": CALL},
    {"type": "response.output_item.done", "item": {"type": "message", "content": []}},
    {"type": "response.output_item.done", "item": CUSTOM},
    {"type": "response.completed", "response": {"output": [CALL, CUSTOM], "usage": RESPONSES_RAW}},
)
CALL_JSON = json.dumps({"output": [{"type": "reasoning"}, 7, CALL, CUSTOM], "usage": None}).encode()


def calls_in(answer: bytes, content_type: str, coding: str = "", size: int = 7) -> list[tuple[str, object]]:
    told: list[tuple[str, object]] = []
    tap = UsageTap(coding, content_type, lambda call_id, call: told.append((call_id, call)))
    encoded = encode(answer, coding)
    for at in range(0, len(encoded), size):
        tap.feed(encoded[at : at + size])
    tap.close()
    return told


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize(
    ("answer", "content_type"), [(CALL_STREAM, "text/event-stream"), (CALL_JSON, "application/json"), (CALL_JSON, "")]
)
def test_each_call_of_an_answer_is_told_once(answer: bytes, content_type: str, coding: str) -> None:
    assert calls_in(answer, content_type, coding) == CALLED


def test_a_stream_that_breaks_off_has_told_the_calls_before() -> None:
    assert calls_in(CALL_STREAM[: CALL_STREAM.index(b"message")], "text/event-stream") == CALLED[:1]


@pytest.mark.parametrize(
    "item",
    [{}, {"call_id": "c", "name": 7}, {"call_id": {"a": 1}, "name": "x"}, {"call_id": "c"}, [], "call_id", None],
)
def test_odd_items_are_no_calls(item: object) -> None:
    document = {"type": "response.output_item.done", "item": item, "output": [item], "call_id": 1}
    assert calls_in(json.dumps(document).encode(), "application/json") == []
    assert calls_in(sse(document), "text/event-stream") == []


def test_arguments_nested_without_end_are_kept_as_text() -> None:
    deep = "[" * 100_000
    document = {"output": [{**CALL, "arguments": deep}], "call_id": 1}
    assert calls_in(json.dumps(document).encode(), "application/json", size=1000) == [("c1", ("Bash", {"input": deep}))]


def test_of_more_calls_than_any_answer_has_the_first_are_told() -> None:
    events: list[dict[str, object]] = [
        {"type": "response.output_item.done", "item": {**CALL, "call_id": f"c{n}"}} for n in range(400)
    ]
    assert len(calls_in(sse(*events), "text/event-stream", size=4096)) == 256
