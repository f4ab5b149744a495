"""Calibration: what the provider counts for a token of ours, learnt once per session and model."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from headroom_wrap import tokens
from headroom_wrap.compression.engine import Engine
from headroom_wrap.emulator.server import EmulatedProvider
from headroom_wrap.proxy.app import ProxyApp
from headroom_wrap.proxy.calibration import Calibrator, count_body
from headroom_wrap.proxy.pipeline import EnginePipeline
from headroom_wrap.proxy.upstream import connect
from headroom_wrap.store import LedgerRow, Store
from headroom_wrap.tokens import Basis
from tests.proxy.fakes import ask, config, no_control, scope

WORDS = " ".join(f"word{number}" for number in range(3000))
MESSAGES = [{"role": "user", "content": WORDS}]
BODY = json.dumps({"model": "claude-x", "system": "be brief", "messages": MESSAGES}).encode()
OURS = tokens.count("be brief") + tokens.count(WORDS)
ROW = LedgerRow("s1", "claude", "anthropic", "claude-x", 200, input_tokens=OURS // 5, cache_read_tokens=OURS)
"""In all the provider counts a fifth more than we do."""


def factors(store: Store) -> dict[str, tuple[float, int]]:
    """Model -> factor and number of sessions, as another process sees them."""
    store.flush()
    other = Store(store.path)
    found = {model: (round(known.factor, 2), known.n) for model, known in other.calibrations.items()}
    other.close()
    return found


def observed(store: Store, *rows: LedgerRow, sent: bytes = BODY) -> dict[str, tuple[float, int]]:
    calibrator = Calibrator(store)
    for row in rows:
        calibrator.observe(row, sent)
    calibrator.close(patience_s=30)
    return factors(store)


def test_a_session_counts_once_for_each_model(store: Store) -> None:
    other = replace(ROW, model="claude-y", cache_write_tokens=OURS // 5)
    assert observed(store, ROW, ROW, other) == {"claude-x": (1.2, 1), "claude-y": (1.4, 1)}


def test_sessions_enter_a_mean(store: Store) -> None:
    rows = [replace(ROW, session=f"s{number}", input_tokens=OURS // 10 * number) for number in range(1, 4)]
    assert observed(store, *rows) == {"claude-x": (1.2, 3)}


@pytest.mark.parametrize(("total", "factor"), [(OURS * 5, 2.0), (OURS // 3, 0.7)])
def test_a_factor_stays_within_reason(store: Store, total: int, factor: float) -> None:
    row = replace(ROW, input_tokens=total, cache_read_tokens=0)
    assert observed(store, row) == {"claude-x": (factor, 1)}


@pytest.mark.parametrize(
    "change",
    [
        {"status": 529},
        {"error": "client-disconnected"},
        {"input_tokens": None},
        {"model": ""},
        {"model": "gpt-5"},
        {"input_tokens": 10, "cache_read_tokens": 0},
    ],
)
def test_calls_that_tell_nothing_are_left_out(store: Store, change: dict[str, Any]) -> None:
    assert observed(store, replace(ROW, **change)) == {}


@pytest.mark.parametrize(
    "content",
    [
        [{"type": "text", "text": WORDS}, {"type": "image", "source": {"type": "base64", "data": "x" * 9000}}],
        [{"type": "tool_result", "content": [{"type": "document", "source": {"data": "x" * 9000}}]}],
    ],
)
def test_a_request_with_parts_that_are_no_text_tells_nothing(store: Store, content: list[Any]) -> None:
    sent = json.dumps({"model": "claude-x", "messages": [{"role": "user", "content": content}]}).encode()
    assert observed(store, ROW, sent=sent) == {}


@pytest.mark.parametrize("sent", [b"", b"[1]", b"{", b"[" * 100_000, b"{}", b" " * 2_000_001])
def test_a_body_that_is_no_request_tells_nothing(store: Store, sent: bytes) -> None:
    assert observed(store, ROW, sent=sent) == {}


def test_what_a_provider_reads_is_counted_and_nothing_else() -> None:
    tool = {"name": "Bash", "input_schema": {"type": "object"}}
    content = [
        {"type": "thinking", "thinking": "hm", "signature": "x" * 500},
        {"type": "text", "text": "one", "cache_control": {"type": "ephemeral"}},
        {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": "ls"}},
    ]
    result = [{"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "two"}]}]
    messages = [{"role": "assistant", "content": content}, {"role": "user", "content": result}]
    read = ["one", "Bash", '{"command":"ls"}', "two", json.dumps([tool], separators=(",", ":"))]
    body = json.dumps({"model": "m", "tools": [tool], "messages": messages}).encode()
    assert count_body(body) == sum(map(tokens.count, read))
    assert count_body(json.dumps({"input": WORDS, "previous_response_id": "resp_1"}).encode()) is None


def test_a_session_that_ends_meanwhile_ends_without_a_word(store: Store) -> None:
    calibrator = Calibrator(store)
    store.close()
    calibrator.observe(ROW, BODY)
    calibrator.close(patience_s=30)


def test_a_call_through_the_proxy_calibrates_its_model_for_the_sessions_that_follow(store: Store) -> None:
    calibrator = Calibrator(store)
    pipeline = EnginePipeline(Engine(store), store, calibrator=calibrator)
    with EmulatedProvider() as provider:

        async def call() -> int:
            app = ProxyApp(config(url=provider.url), pipeline, lambda: connect({}), no_control)
            document = {**json.loads(BODY), "max_tokens": 9}
            headers = [(b"x-api-key", b"k"), (b"anthropic-version", b"2023-06-01")]
            answer = await ask(app, scope(headers=headers), json.dumps(document).encode())
            await app.aclose()
            return answer.status

        assert asyncio.run(call()) == 200
    calibrator.close(patience_s=30)
    (factor, n) = factors(store)["claude-x"]
    assert n == 1
    store.record(replace(ROW, tokens_before=1000, tokens_after=100))
    later = Store(store.path)
    assert store.totals("s1").counted is Basis.ESTIMATED
    totals = later.totals("s1")
    later.close()
    assert totals.counted is Basis.CALIBRATED
    assert totals.tokens_before == pytest.approx(1000 * factor, rel=0.01)
