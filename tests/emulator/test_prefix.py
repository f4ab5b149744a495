from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from headroom_wrap.emulator import canonical_blocks, first_prefix_break

TEXT = st.text(max_size=12)
BLOCK = st.one_of(
    st.builds(lambda text: {"type": "text", "text": text}, TEXT),
    st.builds(lambda text: {"type": "tool_result", "tool_use_id": "t", "content": text}, TEXT),
    st.builds(lambda text: {"type": "tool_use", "id": "t", "name": "Bash", "input": {"command": text}}, TEXT),
)
MESSAGE = st.builds(
    lambda role, content: {"role": role, "content": content},
    st.sampled_from(["user", "assistant", "system"]),
    st.one_of(TEXT, st.lists(BLOCK, max_size=3)),
)
REQUEST = st.builds(
    lambda tools, system, messages: {"tools": tools, "system": system, "messages": messages},
    st.lists(st.builds(lambda name: {"name": name}, TEXT), max_size=3),
    st.one_of(TEXT, st.lists(BLOCK, max_size=2)),
    st.lists(MESSAGE, max_size=4),
)


def _with_marks(request: dict[str, Any]) -> dict[str, Any]:
    marked = copy.deepcopy(request)
    for part in [*marked["tools"], *(block for m in marked["messages"] for block in m["content"])]:
        if isinstance(part, dict):
            part["cache_control"] = {"type": "ephemeral"}
    return marked


def _as_lists(request: dict[str, Any]) -> dict[str, Any]:
    changed = copy.deepcopy(request)
    for message in changed["messages"]:
        if isinstance(message["content"], str) and message["content"]:
            message["content"] = [{"type": "text", "text": message["content"]}]
    return changed


@given(REQUEST, st.lists(MESSAGE, max_size=3))
def test_a_request_with_more_messages_continues_the_shorter_one(request: dict[str, Any], more: list[Any]) -> None:
    assert first_prefix_break(request, {**request, "messages": request["messages"] + more}) is None


@given(REQUEST)
def test_moved_marks_and_list_form_of_strings_change_nothing(request: dict[str, Any]) -> None:
    assert first_prefix_break(request, _with_marks(request)) is None
    assert first_prefix_break(_as_lists(request), request) is None


@given(REQUEST, st.integers(0, 3), TEXT)
def test_any_changed_message_is_found(request: dict[str, Any], at: int, text: str) -> None:
    if at >= len(request["messages"]):
        return
    changed = copy.deepcopy(request)
    changed["messages"][at] = {"role": "user", "content": f"changed {text}"}
    before, after = ([block.text for block in canonical_blocks(body)] for body in (request, changed))
    assert (first_prefix_break(request, changed) is None) == (after[: len(before)] == before)


@given(REQUEST)
def test_bytes_and_their_parsed_form_are_the_same_request(request: dict[str, Any]) -> None:
    assert first_prefix_break(json.dumps(request).encode(), request) is None


def test_the_difference_is_named_with_its_place_and_both_texts() -> None:
    first = {"messages": [{"role": "user", "content": [{"type": "tool_result", "content": "line one\nline two"}]}]}
    second = {"messages": [{"role": "user", "content": [{"type": "tool_result", "content": "line one\nline 2"}]}]}
    difference = first_prefix_break(first, second)
    assert difference is not None
    assert difference.startswith("messages[0].content[0] (tool_result) differs at character ")
    assert "line two" in difference
    assert "line 2" in difference


def test_tools_and_system_must_be_equal_not_merely_a_prefix() -> None:
    first = {"tools": [{"name": "A"}], "system": "x", "messages": []}
    assert "tools[1] (B) was added" in str(
        first_prefix_break(first, {**first, "tools": [{"name": "A"}, {"name": "B"}]})
    )
    assert "tools[0] (A) is gone" in str(first_prefix_break(first, {**first, "tools": []}))
    assert "system[0] differs" in str(first_prefix_break(first, {**first, "system": "y"}))


def test_a_message_that_is_gone_breaks_the_prefix() -> None:
    first = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}
    assert "messages[1].content[0] (text) is gone" in str(
        first_prefix_break(first, {"messages": first["messages"][:1]})
    )


def test_deferred_tools_are_no_part_of_the_prefix() -> None:
    first: dict[str, Any] = {"tools": [{"name": "A"}], "messages": []}
    later = {**first, "tools": [{"name": "A"}, {"name": "B", "defer_loading": True}]}
    assert first_prefix_break(first, later) is None


def test_the_spelling_of_a_number_and_the_order_of_keys_count() -> None:
    template = '{"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"n","input":%s}]}]}'

    def broken(first: str, second: str) -> bool:
        return first_prefix_break((template % first).encode(), (template % second).encode()) is not None

    assert broken('{"a":1E5}', '{"a":100000.0}')
    assert broken('{"a":1,"b":2}', '{"b":2,"a":1}')
    assert broken('{"a":12345678901234567890123}', '{"a":12345678901234567890124}')
    assert not broken('{"a": 1, "b": "\\u00e9"}', '{"a":1,"b":"é"}')


def test_a_lone_surrogate_does_not_disturb_the_comparison() -> None:
    body = b'{"messages":[{"role":"user","content":"\\ud800"}]}'
    assert first_prefix_break(body, body) is None


def test_cache_control_inside_a_tools_input_is_data() -> None:
    def request(value: str) -> dict[str, Any]:
        call = {"type": "tool_use", "id": "t", "name": "n", "input": {"cache_control": value}}
        return {"messages": [{"role": "assistant", "content": [call]}]}

    assert first_prefix_break(request("a"), request("b")) is not None


def test_chat_and_responses_requests_are_compared_too() -> None:
    chat = {"messages": [{"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}]}
    changed = {"messages": [{"role": "assistant", "content": None, "tool_calls": [{"id": "2"}]}]}
    assert first_prefix_break(chat, chat) is None
    assert "messages[0] differs" in str(first_prefix_break(chat, changed))
    responses = {"instructions": "i", "input": [{"type": "function_call", "arguments": "{}"}]}
    longer = {**responses, "input": [*responses["input"], {"type": "function_call_output", "output": "x"}]}
    assert first_prefix_break(responses, longer) is None
    assert "input[1] is gone" in str(first_prefix_break(longer, responses))
