"""Chat Completions and Responses: every tool output is a slot, also inside Codex's wrappings; nothing else changes."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest

from headroom_wrap.compression.model import WayBack
from headroom_wrap.wire.history import HistoryFormat
from headroom_wrap.wire.openai_chat import openai_chat
from headroom_wrap.wire.openai_responses import openai_responses
from headroom_wrap.wire.request import ParsedRequest

CODEX = (
    "Chunk ID: e7ae1d\nWall time: 0.0000 seconds\nProcess exited with code {code}\nOriginal token count: 6\nOutput:\n"
)


def parsed(form: HistoryFormat, body: object) -> ParsedRequest:
    request = form(json.dumps(body).encode())
    assert request is not None
    return request


def chat(*messages: dict[str, Any], **fields: Any) -> ParsedRequest:
    return parsed(openai_chat(), {"model": "m", "messages": messages, **fields})


def responses(*items: dict[str, Any], **fields: Any) -> ParsedRequest:
    return parsed(openai_responses(), {"model": "m", "input": items, **fields})


CHAT_CALL = {
    "role": "assistant",
    "content": None,
    "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "Bash", "arguments": '{"command":"ls"}'}}],
}
CALL = {"type": "function_call", "call_id": "c1", "name": "exec_command", "arguments": '{"cmd":"ls"}'}


@pytest.mark.parametrize("content", ["one", [{"type": "text", "text": "one"}]])
def test_a_tool_message_is_a_slot_as_a_string_and_as_parts(content: object) -> None:
    (slot,) = chat(CHAT_CALL, {"tool_call_id": "c1", "content": content, "role": "tool"}).slots
    assert (slot.text, slot.call_id, slot.tool_name, dict(slot.tool_input)) == ("one", "c1", "Bash", {"command": "ls"})


def test_other_messages_are_no_slots_and_the_users_last_words_are_a_slots_query() -> None:
    request = chat(
        {"role": "system", "content": "be good"},
        {"role": "user", "content": [{"type": "text", "text": "find it"}]},
        CHAT_CALL,
        {"role": "developer", "content": "x"},
        {"role": "tool", "tool_call_id": "c1", "content": "one"},
    )
    (slot,) = request.slots
    assert (slot.text, slot.query) == ("one", "find it")


def test_tools_are_named_in_both_formats_and_in_namespaces() -> None:
    tools = [
        {"type": "function", "function": {"name": "a"}},
        {"type": "function", "name": "b"},
        {"type": "custom", "name": "c"},
        {"type": "namespace", "name": "n", "tools": [{"type": "custom", "name": "exec"}]},
        {"type": "local_shell"},
        {"type": "function", "name": "later", "defer_loading": True},
        7,
    ]
    assert chat(tools=tools).tools == {"a", "b", "c", "exec", "local_shell"}
    request = responses({"type": "additional_tools", "tools": tools[3:4]}, tools=tools[1:2])
    assert request.tools == {"b", "exec"}
    assert request.way_back(shell_is_here=True) is WayBack.SHELL


@pytest.mark.parametrize("kind", ["function_call_output", "custom_tool_call_output"])
@pytest.mark.parametrize("output", ["one", [{"type": "input_text", "text": "one"}]])
def test_an_output_item_is_a_slot(kind: str, output: object) -> None:
    (slot,) = responses(CALL, {"type": kind, "call_id": "c1", "output": output}).slots
    assert (slot.text, slot.tool_name, slot.is_error) == ("one", "exec_command", False)


@pytest.mark.parametrize("code", [0, 2])
def test_behind_codexs_head_stands_the_slot(code: int) -> None:
    head = CODEX.format(code=code)
    request = responses(CALL, {"type": "function_call_output", "call_id": "c1", "output": head + "a\nb"})
    (slot,) = request.slots
    assert (slot.text, slot.is_error) == ("a\nb", code != 0)
    sent = json.loads(request.render({slot.place: 'new "é"'}))
    assert sent["input"][1]["output"] == head + 'new "é"'


def test_in_code_mode_the_slot_is_the_string_inside_the_json_inside_the_text() -> None:
    inner = '{"chunk_id":"e7","exit_code":2,"big":12345678901234567890,"output":"a\\n\\u00e9 \\"q\\"","wall":1.50}'
    output = [
        {"type": "input_text", "text": "Script completed\nWall time 0.1\nOutput:\n"},
        {"type": "input_text", "text": inner},
    ]
    call = {
        "type": "custom_tool_call",
        "call_id": "c1",
        "name": "exec",
        "input": 'await tools.exec_command({"cmd":"make test"})',
    }
    request = responses(call, {"type": "custom_tool_call_output", "call_id": "c1", "output": output})
    head, slot = request.slots
    assert (head.text, slot.text, slot.is_error) == ("", 'a\né "q"', True)
    assert slot.tool_input["command"] == "make test"
    sent = json.loads(request.render({slot.place: "new\n\ud83d"}))["input"][1]["output"]
    assert sent[1]["text"] == inner.replace('a\\n\\u00e9 \\"q\\"', "new\\n\ud83d")
    assert json.loads(sent[1]["text"])["output"] == "new\n\ud83d"
    assert sent[0] == output[0]


def test_two_strings_inside_one_text_are_replaced_together() -> None:
    inner = '{"exit_code":0,"stdout":"one","stderr":"two"}'
    request = responses({"type": "custom_tool_call_output", "call_id": "c1", "output": inner})
    places = {slot.place: slot.text.upper() for slot in request.slots}
    assert json.loads(request.render(places))["input"][0]["output"] == '{"exit_code":0,"stdout":"ONE","stderr":"TWO"}'


@pytest.mark.parametrize(
    "text", ['{"output":"a"}', '{"exit_code":0,"output":"a"} and more', '{"exit_code":0', "{", "[]"]
)
def test_a_text_that_is_no_commands_result_is_a_slot_as_a_whole(text: str) -> None:
    (slot,) = responses({"type": "custom_tool_call_output", "call_id": "c1", "output": text}).slots
    assert slot.text == text


def test_encrypted_items_ids_and_unknown_types_keep_their_bytes() -> None:
    body = (
        b'{"input":[{"type":"reasoning","id":"rs_1","encrypted_content":"gAAA\\u003d","summary":[]},'
        b'{"type":"new_thing","output":"keep","n":1E5},{"type":"item_reference","id":"x"},'
        b'{"type":"function_call_output","call_id":"c","output":"old","id":"fco_1","z":12345678901234567890}],'
        b'"store":false}'
    )
    request = openai_responses()(body)
    assert request is not None
    (slot,) = request.slots
    assert request.render({slot.place: "new"}) == body.replace(b'"old"', b'"new"')
    assert request.render({}) == body


def test_an_input_that_is_a_string_has_no_slots() -> None:
    assert parsed(openai_responses(), {"input": "hello"}).slots == ()


@pytest.mark.parametrize(
    "item",
    [{"type": "function_call_output", "output": None}, {"type": "function_call"}, {},
     {"type": "additional_tools", "tools": 1}, {"type": "message", "content": [1, {"type": "input_text"}]}],
)  # fmt: skip
def test_odd_items_pass_without_slots(item: dict[str, Any]) -> None:
    assert responses(item).slots == ()


@pytest.mark.parametrize(
    ("fields", "is_linked"),
    [
        ({}, True),
        ({"store": True}, True),
        ({"store": None}, True),
        ({"store": False}, False),
        ({"store": False, "previous_response_id": None}, False),
        ({"store": False, "previous_response_id": "resp_1"}, True),
        ({"store": False, "conversation": "conv_1"}, True),
    ],
)
def test_a_conversation_that_the_provider_keeps_is_linked(fields: dict[str, Any], *, is_linked: bool) -> None:
    assert responses(CALL, **fields).is_linked is is_linked
    assert dict(responses(CALL, **fields).open_calls) == ({"c1": ("exec_command", {"cmd": "ls"})} if is_linked else {})
    assert not chat(CHAT_CALL, **fields).is_linked


def test_a_call_with_its_result_in_the_request_is_not_open() -> None:
    request = responses(
        CALL, {**CALL, "call_id": "c2"}, {"type": CALL["type"] + "_output", "call_id": "c1", "output": "x"}
    )
    assert list(request.open_calls) == ["c2"]


def test_a_request_of_more_entries_than_any_conversation_has_is_left_alone() -> None:
    def body(n_entries: int) -> bytes:
        return b'{"messages":[' + b"{}," * (n_entries - 1) + b"{}]}"

    assert openai_chat()(body(50_000)) is not None
    assert openai_chat()(body(50_001)) is None


def test_a_large_request_of_more_values_than_any_conversation_has_is_left_alone() -> None:
    def body(n_values: int) -> bytes:
        return b'{"x":[' + b"1," * (n_values - 1) + b'1],"y":"' + b"x" * 5_000_000 + b'"}'

    assert openai_chat()(body(3_900_000)) is not None
    assert openai_chat()(body(4_100_000)) is None


def test_large_requests_are_not_remembered_without_end() -> None:
    form = openai_chat()
    tracemalloc.start()
    try:
        for number in range(6):
            form(b'{"messages":["%d' % number + b"x" * 10_000_000 + b'"]}')
        assert tracemalloc.get_traced_memory()[0] < 40_000_000
    finally:
        tracemalloc.stop()
