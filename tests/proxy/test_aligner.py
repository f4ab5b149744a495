"""The watch over prefixes: what a change costs, beside what the emulated provider bills for it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from headroom_wrap import tokens
from headroom_wrap.compression.engine import Engine
from headroom_wrap.emulator.cache import AnthropicCache, TokenMemo
from headroom_wrap.emulator.prefix import canonical_blocks
from headroom_wrap.emulator.server import EmulatedProvider
from headroom_wrap.proxy.aligner import LIFETIME_S, CacheAligner, PrefixChange, aligner_before, describe
from headroom_wrap.proxy.config import ProxyConfig
from headroom_wrap.proxy.embedded import Compression, EmbeddedProxy
from headroom_wrap.proxy.pipeline import EnginePipeline
from headroom_wrap.proxy.server import bind
from headroom_wrap.store import Store
from headroom_wrap.wire.anthropic import anthropic
from headroom_wrap.wire.openai_chat import openai_chat

Json = dict[str, Any]
KEY = "ab" * 32
MARK = {"type": "ephemeral"}
RULES = "Read a file before you change it, and say in one sentence what you found there. " * 150
LOG = "\n".join(f"2026-11-20 10:00:{n % 60:02d} INFO worker {n % 7} handled job {n * 7919 % 9973}" for n in range(400))
TOOLS = [
    {"name": name, "description": RULES[:800], "input_schema": {"type": "object"}} for name in ("Bash", "Read", "Edit")
]
OURS = {"name": "mcp__headroom__headroom_retrieve", "description": "", "input_schema": {"type": "object"}}


@dataclass
class Clock:
    now_s: float = 0.0

    def __call__(self) -> float:
        return self.now_s


def turn(
    number: int, *, date: str = "2026-11-27", tools: Sequence[Json] = TOOLS, begin: str = "Find it.", marks: bool = True
) -> Json:
    """The request of a turn: the conversation grows by a call and its result, the client's marks move."""
    messages: list[Json] = [{"role": "user", "content": [{"type": "text", "text": begin}]}]
    for step in range(number):
        call = {"type": "tool_use", "id": f"t{step}", "name": "Bash", "input": {"command": f"cat {step}.log"}}
        result = {"type": "tool_result", "tool_use_id": f"t{step}", "content": f"{LOG}\nfile {step}"}
        messages += [{"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
    system: Json = {"type": "text", "text": f"{RULES}Today is {date}."}
    if marks:
        system["cache_control"] = MARK
        messages[-1] = {"role": "user", "content": [{**messages[-1]["content"][0], "cache_control": MARK}]}
    return {"model": "claude-sonnet-5", "system": [system], "tools": list(tools), "messages": messages}


def watch(*requests: Json, clock: Clock | None = None) -> CacheAligner:
    aligner, form = CacheAligner(clock=clock or Clock()), anthropic()
    for request in requests:
        parsed = form(json.dumps(request).encode())
        assert parsed is not None
        aligner.observe("anthropic", parsed)
    return aligner


def written_again(*requests: Json) -> int:
    """How many tokens the last request writes though they stood in the one before; what is new in it is not counted."""
    cache = AnthropicCache(TokenMemo(tokens.count))
    *_, before, last = (cache.bill("key", request, canonical_blocks(request), now=0.0) for request in requests)
    return before.total - last.read


def test_a_conversation_that_only_grows_changes_nothing() -> None:
    assert watch(*map(turn, range(5))).report() == ()


@pytest.mark.parametrize(
    ("last", "where", "kind"),
    [
        (turn(3, date="2026-11-28"), "system", "a date"),
        (turn(3, tools=TOOLS[::-1]), "tools", "the order"),
        (turn(3, tools=(*TOOLS, OURS)), "tools", "added mcp__headroom__headroom_retrieve"),
        (turn(3, tools=TOOLS[:2]), "tools", "removed Edit"),
    ],
)
def test_a_change_costs_about_what_the_provider_bills_for_it(last: Json, where: str, kind: str) -> None:
    (found,) = watch(turn(1), turn(2), last).report()
    assert (found.where, found.kind, found.times) == (where, kind, 1)
    billed = written_again(turn(1), turn(2), last)
    assert billed > 10_000
    assert found.tokens == pytest.approx(billed, rel=0.15)


def test_a_date_that_changes_each_turn_is_one_finding_with_its_sum() -> None:
    days = [turn(number, date=f"2026-11-{10 + number}") for number in range(4)]
    (found,) = watch(*days).report()
    assert found.times == 3
    assert found.tokens == pytest.approx(sum(written_again(*days[: n + 1]) for n in range(1, 4)), rel=0.15)
    assert "2026-11-12" in found.old
    assert "2026-11-13" in found.new


def test_tools_that_connect_late_are_found_in_the_second_turn() -> None:
    (found,) = watch(turn(0), turn(1, tools=[*TOOLS, OURS])).report()
    assert found.kind.startswith("added ")


def test_what_is_no_continuation_is_no_change() -> None:
    assert watch(turn(3), turn(1, date="2026-11-28")).report() == ()
    assert watch(turn(2), turn(3, date="2026-11-28", begin="Something else.")).report() == ()
    assert watch(turn(2), {**turn(3, date="2026-11-28"), "model": "claude-haiku-4-5"}).report() == ()


def test_behind_a_pause_in_which_the_provider_forgets_a_change_costs_nothing() -> None:
    clock = Clock()
    aligner = watch(turn(1), clock=clock)
    clock.now_s = LIFETIME_S + 1
    request = anthropic()(json.dumps(turn(2, date="2026-11-28")).encode())
    assert request is not None
    assert aligner.observe("anthropic", request) is not None
    assert aligner.report() == ()


def test_a_client_that_asks_for_no_cache_loses_none() -> None:
    plain = (turn(1, marks=False), turn(2, date="2026-11-28", marks=False))
    assert watch(*plain).report() == ()


def test_openais_cache_needs_no_asking_and_knows_conversations_by_the_clients_key() -> None:
    def chat(words: str, date: str, *more: Json) -> Json:
        said = [{"role": "system", "content": f"{RULES}{date}"}, {"role": "user", "content": words}, *more]
        return {"model": "gpt-5.5", "prompt_cache_key": "k", "messages": said}

    aligner, form = CacheAligner(clock=Clock()), openai_chat()
    for request in (chat("a", "2026-11-27"), chat("a", "2026-11-28", {"role": "assistant", "content": "yes"})):
        parsed = form(json.dumps(request).encode())
        assert parsed is not None
        aligner.observe("openai_chat", parsed)
    (found,) = aligner.report()
    assert (found.where, found.kind) == ("system", "a date")


def test_what_we_took_out_is_not_written_again(store: Store) -> None:
    pipeline = EnginePipeline(Engine(store), store)
    found = []
    offers: tuple[list[Json], ...] = (TOOLS, [OURS, *TOOLS])
    for tools in offers:
        for request in (turn(1, tools=tools), turn(2, tools=tools), turn(3, tools=tools, date="2026-11-28")):
            pipeline.prepare("anthropic", json.dumps(request).encode())
        found.append(sum(change.tokens for change in pipeline.aligner.report()))
    plain, compressed = found[0], found[1] - found[0]
    assert 0 < compressed < plain / 2


def test_a_count_is_no_turn(store: Store) -> None:
    pipeline = EnginePipeline(Engine(store), store)
    pipeline.prepare("anthropic", json.dumps(turn(1)).encode())
    pipeline.prepare("anthropic", json.dumps(turn(2, date="2026-11-28")).encode(), counts_only=True)
    pipeline.prepare("anthropic", json.dumps(turn(3)).encode())
    assert pipeline.aligner.report() == ()


def test_the_findings_stay_few_whatever_clients_do() -> None:
    aligner, form = CacheAligner(clock=Clock()), anthropic()
    for number in range(60):
        begun = [{"role": "user", "content": f"Conversation {number}"}, *[{"role": "user", "content": "x"}] * number]
        late: Json = {"name": f"tool_{number}"}
        for tools in (list[Json](), [late]):
            request = {
                **turn(0),
                "tools": [TOOLS[0], *tools],
                "messages": [*begun, *[{"role": "user", "content": "y"}] * len(tools)],
            }
            parsed = form(json.dumps(request).encode())
            assert parsed is not None
            aligner.observe("anthropic", parsed)
    assert len(aligner.report()) == 32


def test_the_sentence_says_how_often_what_and_how_dear() -> None:
    date = PrefixChange("system", "a date", 3, 36_000, "27", "28")
    assert describe([date]) == "the prefix changed 3 times (system: a date), about 36,000 tokens were written again"
    order = PrefixChange("tools", "the order", 1, 500, "", "")
    assert describe([date, order]).startswith(
        "the prefix changed 4 times (system: a date; tools: the order), about 36,500"
    )
    assert describe([order]) == ""
    assert describe([]) == ""


def test_with_marks_of_ours_a_client_that_sets_none_reads_what_it_sent_before_also_after_a_restart(
    store: Store,
) -> None:
    cache = AnthropicCache(TokenMemo(tokens.count))
    reads, written = [], 0
    for number in range(6):
        if number in (0, 3):
            pipeline = EnginePipeline(Engine(store), store, cache_breakpoints=True)
        request = turn(number, tools=[*TOOLS, OURS], marks=False)
        out = pipeline.prepare("anthropic", json.dumps(request).encode()).body
        usage = cache.bill("key", request, canonical_blocks(out), now=0.0)
        assert usage.read == written
        written = usage.read + usage.written
        reads.append(usage.read)
    assert reads[-1] > reads[1] > 1000


def test_a_whole_proxy_marks_watches_and_goes_on_after_a_restart(tmp_path: Path) -> None:
    headers = {"x-api-key": "sk-ant-1", "anthropic-version": "2023-06-01"}
    reports = []
    with EmulatedProvider() as provider:
        for half in ((0, 1), (2, 3)):
            config = ProxyConfig(KEY, "s1", "proxy", {"anthropic": provider.url}, require_key=False)
            proxy = EmbeddedProxy(config, Compression("balanced", cache_breakpoints=True), bind(), tmp_path, {})
            proxy.start()
            for number in half:
                day = f"2026-11-{27 + number % 2}"
                request = turn(number, tools=[*TOOLS, OURS], marks=False, date=day if half[0] else "2026-11-27")
                url = f"{proxy.server.url}/v1/messages"
                httpx.post(url, json=request | {"max_tokens": 9}, headers=headers).raise_for_status()
            reports.append(proxy.prefix_changes())
            proxy.stop()
            proxy.close()
        usages = [row.usage for row in provider.cache_report().rows]
    assert [usage.read > 0 for usage in usages] == [False, True, True, False]
    assert usages[2].read == usages[1].read + usages[1].written
    assert [[(change.where, change.kind) for change in report] for report in reports] == [[], [("system", "a date")]]


@pytest.mark.parametrize(
    ("url", "n_changes"), [("https://api.anthropic.com", 0), ("https://api.anthropic.com.gw.test/x", 1)]
)
def test_only_anthropic_itself_is_known_to_overlook_the_billing_line(store: Store, url: str, n_changes: int) -> None:
    pipeline = EnginePipeline(Engine(store), store, aligner=aligner_before({"anthropic": url}, marks_itself=False))
    for number, checksum in enumerate(("97bd6", "24c2d"), 1):
        request = turn(number)
        line = {"type": "text", "text": f"x-anthropic-billing-header: cc_version=1; cch={checksum};"}
        pipeline.prepare("anthropic", json.dumps({**request, "system": [line, *request["system"]]}).encode())
    assert len(pipeline.aligner.report()) == n_changes


def test_only_anthropics_requests_are_marked_and_only_on_request(store: Store) -> None:
    body = json.dumps(turn(0, marks=False)).encode()
    assert EnginePipeline(Engine(store), store).prepare("anthropic", body).body is body
    marking = EnginePipeline(Engine(store), store, cache_breakpoints=True)
    assert marking.prepare("anthropic", body).body.count(b"cache_control") == 3
    assert marking.prepare("anthropic", body, counts_only=True).body is body
    chat = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}]}).encode()
    assert marking.prepare("openai_chat", chat).body is chat
