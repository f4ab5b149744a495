"""The summary: only what was measured, and the reason where nothing was saved."""

from __future__ import annotations

from dataclasses import replace

import pytest

from headroom_wrap.proxy.aligner import PrefixChange
from headroom_wrap.store import Failure, SessionTotals
from headroom_wrap.tokens import Basis
from headroom_wrap.wrap.summary import describe
from tests.store.test_savings import TOTALS


def test_the_line_names_what_was_sent_saved_cached_and_retrieved() -> None:
    line = describe(replace(TOTALS, retrievals=1, errors=1), "Claude Code")
    assert line == (
        "headroom: 3 requests (1 failed), 1 retrieval; tool output 1,000 -> 200 tokens (estimated), 2,400 fewer sent"
        " over all requests\nheadroom: input 32% smaller, about 40% cheaper,"
        " 78% of what was sent came from the provider's cache"
    )


@pytest.mark.parametrize(
    ("counted", "said"),
    [(Basis.EXACT, "tokens, "), (Basis.CALIBRATED, "tokens (calibrated estimate), ")],
)
def test_the_line_says_how_good_its_counts_are(counted: Basis, said: str) -> None:
    assert f"tool output 1,000 -> 200 {said}" in describe(replace(TOTALS, counted=counted), "Claude Code")


def test_nothing_saved_is_said_with_the_reason() -> None:
    totals = SessionTotals(requests=1, input_tokens=9)
    assert "nothing saved: no tool result was worth compressing" in describe(totals, "Claude Code")
    assert "nothing saved: compression is off" in describe(totals, "Claude Code", "compression is off")


@pytest.mark.parametrize(
    ("failures", "said"),
    [
        ((Failure(401, "", 3),), "3 requests, all failed: 401 from the provider"),
        (
            (Failure(500, "", 2), Failure(502, "upstream-unreachable", 1)),
            "3 requests, all failed: 500 from the provider (2), no answer from the provider (1)",
        ),
        ((Failure(200, "upstream-unreachable", 3),), "3 requests, all failed: the provider broke off its answer"),
        ((Failure(499, "client-disconnected", 3),), "3 requests, all failed: given up by the agent"),
        ((Failure(400, "bad-request", 3),), "3 requests, all failed: 400 (bad-request)"),
        ((Failure(429, "", 1),), "3 requests (1 failed: 429 from the provider); nothing saved: no tool result was"),
    ],
)
def test_calls_that_failed_are_told_with_what_they_failed_of(failures: tuple[Failure, ...], said: str) -> None:
    totals = SessionTotals(requests=3, errors=sum(failure.calls for failure in failures), failures=failures)
    assert describe(totals, "Aider").startswith(f"headroom: {said}")


def test_of_calls_that_all_failed_nothing_is_claimed() -> None:
    failed = replace(TOTALS, errors=3, failures=(Failure(401, "", 3),))
    assert describe(failed, "Aider").splitlines()[0] == "headroom: 3 requests, all failed: 401 from the provider"


def test_no_model_call_is_said_too() -> None:
    assert describe(SessionTotals(), "Claude Code") == "headroom: Claude Code made no model call through this session."


def test_what_a_changed_prefix_cost_is_said_in_a_line_of_its_own() -> None:
    changes = [PrefixChange("system", "a date", 3, 36_000, "27", "28")]
    said = describe(SessionTotals(requests=4), "Claude Code", prefix_changes=changes).splitlines()
    assert said[-1] == ("headroom: the prefix changed 3 times (system: a date), about 36,000 tokens were written again")


def _fields(totals: SessionTotals) -> dict[str, int]:
    return {name: getattr(totals, name) for name in totals.__dataclass_fields__}
