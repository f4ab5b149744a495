"""What changed in a prefix: each kind is found, named, and found at its place; a moved mark is no change."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_wrap.wire.anthropic import anthropic
from headroom_wrap.wire.history import HistoryFormat
from headroom_wrap.wire.openai_chat import openai_chat
from headroom_wrap.wire.openai_responses import openai_responses
from headroom_wrap.wire.prefix import BILLING, BILLING_KIND, Change, first_change
from headroom_wrap.wire.request import ParsedRequest

Json = dict[str, Any]
MARK = {"type": "ephemeral"}
TOOLS: list[Json] = [
    {"name": name, "description": f"Runs {name}.", "input_schema": {}} for name in ("Bash", "Read", "Grep")
]
BASH, READ, GREP = TOOLS
ONE, TWO = "0b6f9a52-93a1-4c1e-9f0e-1f2a3b4c5d6e", "0b6f9a52-93a1-4c1e-9f0e-1f2a3b4c5d6f"


def parsed(request: Json, form: Callable[[], HistoryFormat] = anthropic) -> ParsedRequest:
    found = form()(json.dumps(request).encode("utf-8", "surrogatepass"))
    assert found is not None
    return found


def request(system: object = "You are brief.", tools: object = (BASH, READ), *said: object) -> Json:
    messages = [{"role": role, "content": text} for role, text in zip(("user", "assistant") * 9, said, strict=False)]
    return {"model": "m", "messages": messages, "tools": tools, "system": system}


def change(old: Json, new: Json, form: Callable[[], HistoryFormat] = anthropic) -> Change:
    found = first_change(parsed(old, form), parsed(new, form))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ("Today is 2026-11-27.", "Today is 2026-11-28.", "a date"),
        ("Today's date: 11/27/2026", "Today's date: 11/28/2026", "a date"),
        ("It is Friday, November 27, 2026.", "It is Saturday, November 28, 2026.", "a date"),
        ("It is 27 Nov 2026.", "It is 1 Dec 2026.", "a date"),
        ("Now: 2026-11-27T10:00:01Z", "Now: 2026-11-27T10:00:02Z", "a time"),
        ("Now: 2026-11-27 10:00:01", "Now: 2026-11-28 09:12:44", "a date and a time"),
        ("Now: 9:59 am", "Now: 10:03 am", "a time"),
        ("Now: 1764237600", "Now: 1764237661", "a time"),
        (f"Session {ONE}", f"Session {TWO}", "a UUID"),
        (f"Session {ONE} of 2026-11-27", f"Session {TWO} of 2026-11-28", "a UUID and a date"),
        ("Request req_01AbC9xYz", "Request req_01AbC9xYw", "an id"),
        ("Commit 3f2a9c1d", "Commit 77ab0c2e", "an id"),
        ("Tokens left: 190000", "Tokens left: 3120", "a number"),
        ("Be brief.\nBe kind.", "Be brief. Be  kind.", "white space"),
        ("Be brief.", "Be thorough.", "text"),
    ],
)
def test_what_differs_is_named(old: str, new: str, kind: str) -> None:
    before, after = "You are an agent. " * 40 + old + " Go on." * 40, "You are an agent. " * 40 + new + " Go on." * 40
    found = change(request(before), request(after))
    assert (found.where, found.kind) == ("system", kind)
    assert change(request([{"type": "text", "text": before}]), request(after)).kind == kind


@pytest.mark.parametrize(
    ("tools", "where", "kind"),
    [
        ([READ, BASH], "tools", "the order"),
        ([BASH, READ, GREP], "tools", "added Grep"),
        ([GREP, BASH, READ], "tools", "added Grep"),
        ([BASH], "tools", "removed Read"),
        ([BASH, GREP], "tools", "added Grep and removed Read"),
        ([], "tools", "removed Bash, Read"),
        ([BASH, {**READ, "description": "Runs Read, as of 2026-11-28."}], "tools (Read)", "text"),
    ],
)
def test_what_became_of_the_tools_is_named(tools: list[Json], where: str, kind: str) -> None:
    found = change(request(), request(tools=tools))
    assert (found.where, found.kind) == (where, kind)


def test_a_deferred_tool_is_no_change() -> None:
    deferred = {**GREP, "defer_loading": True}
    assert first_change(parsed(request()), parsed(request(tools=[BASH, deferred, READ]))) is None


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        (["a", "b"], ["b", "a"], "the order"),
        (["a"], ["a", "b"], "added text"),
        (["a", "b"], ["a"], "removed text"),
    ],
)
def test_blocks_of_a_system_prompt_that_moved_came_or_went_are_named(old: list[str], new: list[str], kind: str) -> None:
    before, after = ([{"type": "text", "text": text} for text in texts] for texts in (old, new))
    assert change(request(before), request(after)).kind == kind


def test_a_message_is_named_by_its_number() -> None:
    found = change(request("s", [], "hi", "yes", "at 10:00"), request("s", [], "hi", "yes", "at 10:01", "so", "on"))
    assert (found.where, found.kind, found.old, found.new) == ("message 3", "a time", "at 10:00", "at 10:01")


def test_the_first_difference_counts_in_the_providers_order_not_in_the_requests() -> None:
    old, new = request("one", [BASH], "a"), request("two", [READ], "b")
    assert change(old, new).where == "tools"
    assert change({**old, "tools": []}, {**new, "tools": []}).where == "system"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("hi", [{"type": "text", "text": "hi"}]),
        ([{"type": "text", "text": "hi", "cache_control": MARK}], "hi"),
        ([{"type": "text", "text": "hi", "cache_control": MARK}], [{"type": "text", "text": "hi"}]),
        ([{"cache_control": MARK, "type": "text", "text": "hi"}], [{"type": "text", "text": "hi"}]),
        (
            [{"type": "tool_result", "tool_use_id": "t", "content": "x", "cache_control": {**MARK, "ttl": "1h"}}],
            [{"type": "tool_result", "tool_use_id": "t", "content": "x"}],
        ),
        (
            [{"type": "tool_result", "content": [{"type": "text", "text": "x", "cache_control": MARK}]}],
            [{"type": "tool_result", "content": "x"}],
        ),
    ],
)
def test_a_moved_mark_and_a_string_for_a_list_are_no_change(old: object, new: object) -> None:
    assert first_change(parsed(request(old)), parsed(request(new))) is None
    assert first_change(parsed(request("s", [], old, "yes")), parsed(request("s", [], new, "yes"))) is None


def test_words_about_marks_are_no_marks() -> None:
    said = json.dumps({"type": "text", "text": "x", "cache_control": MARK})
    assert change(request("s", [], said), request("s", [], said.replace("ephemeral", "other"))).kind == "text"


def test_claude_codes_billing_line_counts_only_where_the_provider_takes_it_for_words() -> None:
    def billed(checksum: str, prompt: str = "You are brief.") -> ParsedRequest:
        line = f"{BILLING} cc_version=2.1.197.fd4; cc_entrypoint=cli; cch={checksum};"
        return parsed(request([{"type": "text", "text": text} for text in (line, prompt)]))

    assert first_change(billed("97bd6"), billed("24c2d")) is None
    found = first_change(billed("97bd6"), billed("24c2d"), billing_counts=True)
    assert found is not None
    assert (found.where, found.kind) == ("system", BILLING_KIND)
    other = first_change(billed("97bd6"), billed("24c2d", "You are kind."))
    assert other is not None
    assert other.kind == "text"


def test_in_chat_the_first_message_is_the_system_prompt() -> None:
    def chat(system: str) -> Json:
        return {"model": "m", "messages": [{"role": "system", "content": system}, {"role": "user", "content": "hi"}]}

    found = change(chat("On 2026-11-27."), chat("On 2026-11-28."), openai_chat)
    assert (found.where, found.kind) == ("system", "a date")


def test_in_responses_the_instructions_are() -> None:
    def items(date: str, last: str) -> Json:
        return {"model": "m", "instructions": f"On {date}.", "input": [{"role": "user", "content": last}]}

    assert change(items("2026-11-27", "a"), items("2026-11-28", "a"), openai_responses).where == "system"
    assert change(items("2026-11-27", "a"), items("2026-11-27", "b"), openai_responses).where == "message 1"


def test_what_stands_behind_the_change_as_before_is_counted_and_what_differs_is_not() -> None:
    said = ["x" * 1000, "y" * 2000, "z" * 4000]
    new = [*said[:2], "another", "and", "more"]
    found = change(request("1 " + "s" * 500, [], *said), request("2 " + "s" * 500, [], *new))
    assert 3500 < found.n_chars < 3700
    assert change(request("s", [], *said), request("s", [], said[0], *said[:2])).n_chars < 100


def test_excerpts_are_short_one_line_and_can_be_written() -> None:
    found = change(request("a\ud800\n" * 200), request("b\ud800\n" * 200))
    assert len(found.old) < 100
    assert "\n" not in found.old
    found.old.encode()


values = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
)


@given(values, values, values, values)
def test_any_two_requests_can_be_compared(system: object, tools: object, content: object, other: object) -> None:
    one, two = request(system, tools, content), request(other, content, system)
    assert first_change(parsed(one), parsed(one)) is None
    first_change(parsed(one), parsed(two))
    first_change(parsed(two), parsed(one))
