"""Marks where a client set none: where they stand, what they leave alone, and that the cache is hit with them."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headroom_wrap.emulator.cache import MAX_MARKS, AnthropicCache, Usage
from headroom_wrap.emulator.prefix import canonical_blocks
from headroom_wrap.wire.anthropic import anthropic
from headroom_wrap.wire.breakpoints import breakpoints
from headroom_wrap.wire.request import ParsedRequest

MARK = {"type": "ephemeral"}
MARK_BYTES = b',"cache_control":{"type":"ephemeral"}'
TOOLS = [{"name": "Bash", "input_schema": {}}, {"name": "Late", "input_schema": {}, "defer_loading": True}]
texts = st.text(max_size=12)
any_block = st.one_of(
    st.fixed_dictionaries({"type": st.just("text"), "text": texts}),
    st.fixed_dictionaries({"type": st.just("tool_result"), "tool_use_id": texts, "content": texts}),
    st.fixed_dictionaries({"type": st.just("thinking"), "thinking": texts, "signature": texts}),
    st.fixed_dictionaries(
        {"type": st.just("tool_use"), "id": texts, "name": texts, "input": st.dictionaries(texts, texts)}
    ),
    st.fixed_dictionaries({"type": st.just("unknown"), "x": st.integers()}),
)
contents = st.one_of(texts, st.lists(any_block, max_size=30))
messages = st.lists(st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant"]), "content": contents}))
requests = st.fixed_dictionaries(
    {"model": st.just("claude-sonnet-5"), "messages": messages},
    optional={"tools": st.sampled_from([[], TOOLS]), "system": st.one_of(texts, st.lists(any_block, max_size=3))},
)


def parsed(body: bytes) -> ParsedRequest:
    request = anthropic()(body)
    assert request is not None
    return request


def marked(request: dict[str, Any]) -> bytes:
    body = json.dumps(request).encode()
    found = parsed(body)
    return found.render({}, breakpoints(found))


def places(body: bytes) -> list[str]:
    return [block.place for block in canonical_blocks(body) if block.mark is not None]


@given(request=requests, indent=st.sampled_from([None, 1, "\t"]), ascii_only=st.booleans())
def test_at_most_four_marks_are_all_that_is_added(
    request: dict[str, Any], indent: int | str | None, *, ascii_only: bool
) -> None:
    body = json.dumps(request, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "backslashreplace")
    before = parsed(body)
    insertions = breakpoints(before)
    out = before.render({}, insertions)
    assert len(places(out)) <= MAX_MARKS
    assert [block.text for block in canonical_blocks(out)] == [block.text for block in canonical_blocks(body)]
    left = out
    for _, piece in sorted(insertions.items()):
        left = left.replace(piece.encode(), b"", 1)
    assert left.decode() == before.text


@given(requests)
def test_no_mark_stands_where_the_provider_refuses_one(request: dict[str, Any]) -> None:
    out = json.loads(marked(request))
    blocks = [
        block for message in out["messages"] if isinstance(message["content"], list) for block in message["content"]
    ]
    system = out.get("system")
    for block in [*blocks, *(system if isinstance(system, list) else ()), *out.get("tools", ())]:
        if "cache_control" in block:
            assert block.get("text") != ""
            assert block.get("type") not in ("thinking", "unknown")
            assert not block.get("defer_loading")


def test_marks_stand_on_the_last_tool_the_system_prompt_and_the_users_last_words() -> None:
    request = {
        "tools": TOOLS,
        "system": "Be brief.",
        "messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "{"}],
    }
    assert places(marked(request)) == ["tools[0] (Bash)", "system[0]", "messages[0].content[0] (text)"]


@pytest.mark.parametrize(
    "marked_by_client",
    [
        {"cache_control": MARK},
        {"tools": [{"name": "Bash", "cache_control": MARK}]},
        {"system": [{"type": "text", "text": "x", "cache_control": MARK}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "x", "cache_control": MARK}]}]},
        {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "tool_result", "content": [{"type": "text", "text": "x", "cache_control": MARK}]}
                    ],
                }
            ]
        },
    ],
)
def test_where_the_client_set_a_mark_there_are_none_of_ours(marked_by_client: dict[str, Any]) -> None:
    request = {"system": "x", "messages": [{"role": "user", "content": "hi"}], **marked_by_client}
    assert breakpoints(parsed(json.dumps(request).encode())) == {}


def test_words_about_marks_and_a_tools_own_input_are_no_marks() -> None:
    call = {"type": "tool_use", "id": "t", "name": "edit", "input": {"cache_control": MARK}}
    said = {"role": "user", "content": json.dumps({"cache_control": MARK})}
    assert len(places(marked({"messages": [said, {"role": "assistant", "content": [call]}, said]}))) == 1


def test_a_message_whose_keys_stand_twice_is_left_alone() -> None:
    body = b'{"messages":[{"role":"user","content":"a"},{"role":"user","role":"user","content":"b"}]}'
    request = parsed(body)
    assert request.render({}, breakpoints(request)) == (
        b'{"messages":[{"role":"user","content":[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}}]},'
        b'{"role":"user","role":"user","content":"b"}]}'
    )


def test_a_replaced_text_carries_the_mark_too() -> None:
    result = {"type": "tool_result", "tool_use_id": "t", "content": "long"}
    request = parsed(json.dumps({"messages": [{"role": "user", "content": [result]}]}).encode())
    out = json.loads(request.render({request.slots[0].place: "short"}, breakpoints(request)))
    assert out["messages"][0]["content"] == [{**result, "content": "short", "cache_control": MARK}]


turns = st.lists(st.tuples(st.integers(1, 18), st.integers(1, 18)), min_size=1, max_size=8)


@settings(max_examples=60)
@given(turns)
def test_each_turn_reads_all_that_the_turn_before_wrote(sizes: list[tuple[int, int]]) -> None:
    billed = list(bills(sizes))
    for before, now in itertools.pairwise(billed):
        assert now.read == before.read + before.written > 0


def test_without_marks_nothing_is_read() -> None:
    assert all(usage.read == 0 for usage in bills([(2, 2)] * 3, with_marks=False))


def bills(sizes: Sequence[tuple[int, int]], *, with_marks: bool = True) -> Iterator[Usage]:
    """What each turn costs of a client without marks: so many calls of tools at a time, and words before them."""
    cache = AnthropicCache(len, minimum_tokens=0)
    said: list[dict[str, Any]] = [{"role": "user", "content": "begin"}]
    for number, (n_calls, n_results) in enumerate([(0, 0), *sizes]):
        if n_calls:
            calls = [{"type": "tool_use", "id": f"{number}.{n}", "name": "Bash", "input": {}} for n in range(n_calls)]
            results = [
                {"type": "tool_result", "tool_use_id": f"{number}.{n}", "content": "ok"} for n in range(n_results)
            ]
            said += [{"role": "assistant", "content": calls}, {"role": "user", "content": results}]
        request = {"model": "claude-sonnet-5", "system": "You are brief.", "tools": TOOLS, "messages": said}
        body = marked(request) if with_marks else json.dumps(request).encode()
        yield cache.bill("key", request, canonical_blocks(body), now=0.0)
