"""Anthropic Messages: every tool result is a slot, and nothing else is touched."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_wrap.compression.model import WayBack
from headroom_wrap.wire.anthropic import anthropic
from headroom_wrap.wire.request import ParsedRequest

parse = anthropic()
_USE = {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": "ls"}}


def _request(**fields: Any) -> ParsedRequest:
    request = parse(json.dumps({"model": "m", **fields}).encode())
    assert request is not None
    return request


def _result(content: object, **fields: object) -> dict[str, object]:
    return {"tool_use_id": "toolu_1", "type": "tool_result", "content": content, **fields}


def _conversation(result: object) -> list[dict[str, object]]:
    return [
        {"role": "user", "content": "list the files"},
        {"role": "assistant", "content": [{"type": "text", "text": "yes"}, _USE]},
        {"role": "user", "content": [result]},
    ]


@pytest.mark.parametrize(
    "content",
    [
        "one",
        [{"type": "text", "text": "one"}],
        [{"text": "one", "cache_control": {"type": "ephemeral"}, "type": "text"}],
    ],
)
def test_a_result_is_a_slot_as_a_string_and_as_a_list(content: object) -> None:
    (slot,) = _request(messages=_conversation(_result(content, is_error=True))).slots
    assert (slot.text, slot.call_id, slot.tool_name, slot.is_error) == ("one", "toolu_1", "Bash", True)
    assert slot.tool_input == {"command": "ls"}


def test_a_block_whose_type_stands_last_is_found_too() -> None:
    request = _request(messages=_conversation({"content": "x" * 500, "tool_use_id": "toolu_1", "type": "tool_result"}))
    assert [slot.text for slot in request.slots] == ["x" * 500]


def test_images_references_unknown_items_and_unknown_blocks_are_no_slots() -> None:
    items = [
        {"type": "image", "source": {"type": "base64", "data": "AAAA"}},
        {"type": "tool_reference", "tool_name": "x"},
        {"type": "new_thing", "text": "keep"},
        {"type": "text", "text": "slot"},
        {"type": "text"},
    ]
    messages = [*_conversation(_result(items)), {"role": "user", "content": [{"type": "mystery", "content": "keep"}]}]
    assert [slot.text for slot in _request(messages=messages).slots] == ["slot"]


def test_system_messages_thinking_and_calls_are_no_slots() -> None:
    messages = [
        {"role": "system", "content": "agents: ..."},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm", "signature": "s"}, _USE]},
    ]
    assert _request(messages=messages, system="be good").slots == ()


def test_a_slots_query_is_what_the_user_said_last_before_it_without_reminders() -> None:
    messages = [
        {
            "role": "user",
            "content": [{"type": "text", "text": "find it"}, {"type": "text", "text": "<system-reminder>no"}],
        },
        {"role": "assistant", "content": [_USE]},
        {"role": "user", "content": [_result("text")]},
        {"role": "user", "content": "and now something else"},
    ]
    (slot,) = _request(messages=messages).slots
    assert slot.query == "find it"


def test_the_way_back_is_our_tool_then_a_shell_on_this_machine() -> None:
    shell, ours = {"name": "Bash"}, {"name": "mcp__headroom__headroom_retrieve"}
    assert _request(tools=[shell, ours]).way_back(shell_is_here=True) is WayBack.MCP
    assert _request(tools=[shell, {**ours, "defer_loading": True}]).way_back(shell_is_here=True) is WayBack.SHELL
    assert _request(tools=[shell]).way_back(shell_is_here=False) is WayBack.NONE
    assert _request().way_back(shell_is_here=True) is WayBack.NONE


def test_only_the_replaced_string_changes() -> None:
    body = (
        b'{ "big":123456789012345678901234567890,"e":1E5, "lone":"\\ud83d","dup":{"a":1,"a":2},\n'
        b'"messages":[{"role":"user","content":[{"tool_use_id":"t","type":"tool_result",'
        b'"content":[{"type":"text","text":"old \\u00e9 \\ud83d","zz":1.0}],"x":-0.0}]}],"new_field":[1e-7] }'
    )
    request = parse(body)
    assert request is not None
    assert request.slots[0].text == "old é \ud83d"
    assert request.render({request.slots[0].place: "new \ud83d"}) == body.replace(
        b"old \\u00e9 \\ud83d", b"new \\ud83d"
    )
    assert request.render({}) == body


def test_a_message_with_a_key_that_stands_twice_is_left_alone_and_the_others_are_not() -> None:
    a, b, c = (json.dumps([{"type": "tool_result", "tool_use_id": "t", "content": text}]) for text in "abc")
    twice = f'{{"role":"user","content":{a},"content":{b}}}'
    once = f'{{"role":"user","content":{c}}}'
    request = parse(f'{{"messages":[{twice},{once}]}}'.encode())
    assert request is not None
    assert [slot.text for slot in request.slots] == ["c"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b'{"messages":[}',
        b'{"a":1}x',
        b"\xff\xfe",
        b'{"messages":[],"messages":[]}',
        b"[" * 90_000,
    ],
)
def test_what_is_not_understood_is_none(body: bytes) -> None:
    assert parse(body) is None


@pytest.mark.parametrize(
    "fields",
    [
        {"messages": None},
        {"messages": {}},
        {"messages": [1, "a", None]},
        {"tools": {}},
        {"messages": [{"content": [1]}]},
    ],
)
def test_odd_shapes_pass_without_slots(fields: dict[str, Any]) -> None:
    assert _request(**fields).slots == ()


_BLOCK = st.one_of(
    st.builds(lambda text: {"type": "text", "text": text}, st.text(max_size=20)),
    st.builds(
        lambda id_: {"type": "tool_use", "id": id_, "name": "Bash", "input": {"command": id_}}, st.sampled_from("abc")
    ),
    st.builds(
        lambda id_, text: {"tool_use_id": id_, "type": "tool_result", "content": text},
        st.sampled_from("abc"),
        st.text(max_size=2500),
    ),
)
_MESSAGES = st.lists(
    st.builds(
        lambda role, content: {"role": role, "content": content},
        st.sampled_from(["user", "assistant"]),
        st.lists(_BLOCK, max_size=3),
    ),
    max_size=6,
)


@given(
    turns=st.lists(_MESSAGES, min_size=2, max_size=4),
    cuts=st.lists(st.integers(0, 6), min_size=4, max_size=4),
    spaced=st.booleans(),
)
def test_what_is_remembered_of_a_conversation_changes_nothing(
    turns: list[list[dict[str, Any]]], cuts: list[int], *, spaced: bool
) -> None:
    remembering = anthropic()
    messages: list[dict[str, Any]] = []
    for turn, cut in zip(turns, cuts, strict=False):
        messages = messages[: len(messages) - cut] + turn
        body = json.dumps({"messages": messages, "model": "m"}, indent=1 if spaced else None).encode()
        assert remembering(body) == anthropic()(body)
