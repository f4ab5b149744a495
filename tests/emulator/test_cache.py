from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_wrap.emulator.cache import AnthropicCache, MarkError, OpenAICache, Usage, minimum_tokens
from headroom_wrap.emulator.prefix import canonical_blocks

MARK = {"cache_control": {"type": "ephemeral"}}
HOUR = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
MODEL = "claude-test"


def _text(name: str, mark: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"type": "text", "text": name, **(mark or {})}


def _request(*blocks: dict[str, Any], **changes: object) -> dict[str, Any]:
    return {"model": MODEL, "messages": [{"role": "user", "content": list(blocks)}], **changes}


class _Provider:
    """A cache in which every block costs 100 tokens, and a clock that the test moves."""

    def __init__(self, minimum: int = 0) -> None:
        self.cache = AnthropicCache(lambda _text: 100, minimum)
        self.now = 0.0

    def bill(self, request: dict[str, Any], credential: str = "key") -> Usage:
        return self.cache.bill(credential, request, canonical_blocks(request), self.now)


def test_a_prefix_is_written_once_and_read_from_then_on() -> None:
    provider = _Provider()
    assert provider.bill(_request(_text("a"), _text("b", MARK), _text("c"))) == Usage(written_5m=200, rest=100)
    assert provider.bill(_request(_text("a"), _text("b", MARK), _text("d"))) == Usage(read=200, rest=100)


def test_a_mark_that_moves_on_finds_the_prefix_it_left_behind() -> None:
    provider = _Provider()
    provider.bill(_request(_text("a"), _text("b", MARK)))
    assert provider.bill(_request(_text("a"), _text("b"), _text("c", MARK))) == Usage(read=200, written_5m=100)


def test_only_prefixes_that_ended_at_a_mark_can_be_read() -> None:
    provider = _Provider()
    provider.bill(_request(_text("a"), _text("b"), _text("c", MARK)))
    assert provider.bill(_request(_text("a"), _text("b", MARK))) == Usage(written_5m=200)


def test_a_changed_block_misses_everything_behind_it() -> None:
    provider = _Provider()
    provider.bill(_request(_text("a", MARK), _text("b"), _text("c", MARK)))
    assert provider.bill(_request(_text("a", MARK), _text("B"), _text("c", MARK))) == Usage(read=100, written_5m=200)


def test_another_set_of_tools_misses_all() -> None:
    provider = _Provider()
    tools = [{"name": "Bash"}, {"name": "Read", **MARK}]
    provider.bill(_request(_text("a", MARK), tools=tools, system=[_text("s", MARK)]))
    changed = _request(_text("a", MARK), tools=[{"name": "Grep"}, *tools], system=[_text("s", MARK)])
    assert provider.bill(changed).read == 0


def test_another_tool_choice_or_thinking_keeps_tools_and_system_and_drops_the_messages() -> None:
    provider = _Provider()
    request = _request(_text("a", MARK), system=[_text("s", MARK)])
    provider.bill(request)
    assert provider.bill({**request, "tool_choice": {"type": "any"}}).read == 100
    assert provider.bill({**request, "thinking": {"type": "disabled"}}).read == 100
    assert provider.bill(request).read == 200


@pytest.mark.parametrize(("n_new", "n_read"), [(19, 100), (20, 0)])
def test_look_back_is_twenty_blocks_the_marked_one_included(n_new: int, n_read: int) -> None:
    provider = _Provider()
    provider.bill(_request(_text("first", MARK)))
    new = [_text(f"new {i}") for i in range(n_new - 1)]
    assert provider.bill(_request(_text("first"), *new, _text("last", MARK))).read == n_read


def test_a_prefix_below_the_minimum_is_not_cached_and_not_refused() -> None:
    provider = _Provider(minimum=300)
    short = _request(_text("a"), _text("b", MARK))
    assert provider.bill(short) == Usage(rest=200)
    assert provider.bill(short) == Usage(rest=200)
    enough = _request(_text("a"), _text("b", MARK), _text("c", MARK))
    assert provider.bill(enough) == Usage(written_5m=300)


def test_five_marks_are_refused_in_the_providers_words() -> None:
    with pytest.raises(MarkError, match=r"A maximum of 4 blocks with cache_control may be provided. Found 5."):
        _Provider().bill(_request(*(_text(str(i), MARK) for i in range(5))))


def test_an_hour_may_not_come_after_five_minutes() -> None:
    with pytest.raises(MarkError, match="ttl='1h' cache_control block must not come after"):
        _Provider().bill(_request(_text("a", MARK), _text("b", HOUR)))
    with pytest.raises(MarkError, match="Input should be '5m' or '1h'"):
        _Provider().bill(_request(_text("a", {"cache_control": {"type": "ephemeral", "ttl": "2h"}})))


def test_writes_are_split_by_lifetime() -> None:
    usage = _Provider().bill(_request(_text("a", HOUR), _text("b"), _text("c", MARK), _text("d")))
    assert usage == Usage(written_1h=100, written_5m=200, rest=100)
    assert usage.written == 300
    assert usage.total == 400


def test_an_entry_lives_five_minutes_or_an_hour_from_its_last_use() -> None:
    provider = _Provider()
    request = _request(_text("a", MARK))
    provider.bill(request)
    for _ in range(3):
        provider.now += 299
        assert provider.bill(request).read == 100
    provider.now += 301
    assert provider.bill(request).read == 0

    hour = _request(_text("h", HOUR))
    provider.bill(hour)
    provider.now += 3599
    assert provider.bill(hour).read == 100
    provider.now += 3601
    assert provider.bill(hour).read == 0


def test_credentials_and_models_do_not_share_a_cache() -> None:
    provider = _Provider()
    request = _request(_text("a", MARK))
    provider.bill(request)
    assert provider.bill(request, "other key").read == 0
    assert provider.bill({**request, "model": "another"}).read == 0
    assert provider.bill(request).read == 100


def test_one_mark_for_the_whole_request_stands_on_its_last_block() -> None:
    provider = _Provider()
    automatic = _request(_text("a"), _text("b"), **MARK)
    assert provider.bill(automatic) == Usage(written_5m=200)
    assert provider.bill(automatic) == Usage(read=200)


def test_deferred_tools_cost_nothing_and_miss_nothing() -> None:
    provider = _Provider()
    provider.bill(_request(_text("a", MARK), tools=[{"name": "Bash"}]))
    later = _request(_text("a", MARK), tools=[{"name": "Bash"}, {"name": "Fetch", "defer_loading": True}])
    assert provider.bill(later) == Usage(read=200)


def test_minimum_lengths_follow_the_model() -> None:
    assert minimum_tokens("claude-haiku-4-5-20251001") == 4096
    assert minimum_tokens("claude-opus-5") == 512
    assert minimum_tokens("claude-opus-4-8") == 1024


NAMES = st.lists(st.sampled_from("abc"), min_size=1, max_size=8)


@given(NAMES, st.lists(NAMES, max_size=4), st.sets(st.integers(0, 7), max_size=4))
def test_every_token_is_billed_once(first: list[str], more: list[list[str]], marked: set[int]) -> None:
    provider = _Provider()
    for names in itertools.accumulate([first, *more]):
        blocks = [_text(name, MARK if at in marked else None) for at, name in enumerate(names)]
        usage = provider.bill(_request(*blocks))
        assert usage.total == 100 * len(blocks)
        assert min(usage.read, usage.written, usage.rest) >= 0


@given(NAMES, NAMES)
def test_repeating_a_request_reads_all_up_to_its_last_mark(names: list[str], rest: list[str]) -> None:
    provider = _Provider()
    request = _request(*map(_text, names[:-1]), _text(names[-1], MARK), *map(_text, rest))
    provider.bill(request)
    assert provider.bill(request) == Usage(read=100 * len(names), rest=100 * len(rest))


@given(st.lists(st.integers(1, 6), min_size=2, max_size=6))
def test_an_append_only_conversation_reads_all_that_the_turn_before_sent(sizes: list[int]) -> None:
    provider = _Provider()
    blocks: list[dict[str, Any]] = []
    for turn, size in enumerate(sizes):
        n_before = len(blocks)
        blocks = blocks + [_text(f"{turn}.{i}") for i in range(size)]
        usage = provider.bill(_request(*blocks[:-1], {**blocks[-1], **MARK}))
        assert usage == Usage(read=100 * n_before, written_5m=100 * size)


def _chat(*texts: str, **changes: object) -> dict[str, Any]:
    return {"model": "gpt", "messages": [{"role": "user", "content": text} for text in texts], **changes}


class _OpenAI:
    """A cache that counts characters of the canonical blocks as tokens."""

    def __init__(self) -> None:
        self.cache = OpenAICache(len)
        self.now = 0.0

    def bill(self, request: dict[str, Any], credential: str = "key") -> Usage:
        return self.cache.bill(credential, request, canonical_blocks(request), self.now)


def test_openai_reads_whole_steps_up_to_the_first_difference() -> None:
    provider = _OpenAI()
    assert provider.bill(_chat("x" * 2000)).read == 0
    again = provider.bill(_chat("x" * 2000, "more"))
    assert again.read == 1920
    assert again.read % 128 == 0
    assert again.rest == again.total - 1920
    assert provider.bill(_chat("x" * 1500 + "y" * 500)).read == 1408


def test_openai_reads_nothing_below_its_minimum() -> None:
    provider = _OpenAI()
    provider.bill(_chat("x" * 900))
    assert provider.bill(_chat("x" * 900)).read == 0


def test_openai_entries_end_and_are_not_shared() -> None:
    provider = _OpenAI()
    request = _chat("x" * 2000)
    provider.bill(request)
    assert provider.bill(request, "other key").read == 0
    assert provider.bill({**request, "prompt_cache_key": "thread"}).read == 0
    assert provider.bill(request).read == 1920
    provider.now += 601
    assert provider.bill(request).read == 0


@given(st.text("ab", max_size=3000), st.text("ab", max_size=3000))
def test_openai_never_reads_more_than_was_sent_before(first: str, second: str) -> None:
    provider = _OpenAI()
    provider.bill(_chat(first))
    usage = provider.bill(_chat(second))
    common = next((i for i, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), None)
    shared = min(len(first), len(second)) if common is None else common
    assert usage.read <= shared + len('["user",{"type":"text","text":""}]')
    assert usage.read + usage.rest == usage.total
