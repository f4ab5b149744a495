"""Savings: shares of what the provider counted, net of what retrievals brought back."""

from __future__ import annotations

from typing import Any

import pytest

from headroom_wrap.store import SessionTotals
from headroom_wrap.store.savings import savings

TOTALS = SessionTotals(
    requests=3,
    tokens_before=3000,
    tokens_after=600,
    new_tokens_before=1000,
    new_tokens_after=200,
    blocks_replaced=3,
    input_tokens=100,
    cache_read_tokens=4000,
    cache_write_tokens=1000,
)


def test_savings_are_related_to_what_the_provider_counted() -> None:
    found = savings(TOTALS)
    assert found.tokens == 2400
    assert found.of_input == pytest.approx(2400 / 7500)
    paid, saved = 100 + 1.25 * 1000 + 0.1 * 4000, 1.25 * 800 + 0.1 * 1600
    assert found.of_cost == pytest.approx(saved / (paid + saved))
    assert found.cache_hit == pytest.approx(4000 / 5100)


def test_shares_leave_out_what_calls_without_usage_saved() -> None:
    counts: dict[str, Any] = {
        "tokens_before": 1000,
        "tokens_after": 400,
        "new_tokens_before": 900,
        "new_tokens_after": 300,
    }
    found = savings(SessionTotals(requests=2, input_tokens=300, saved_unreported=500, **counts))
    assert found.tokens == 600
    assert found.of_input == pytest.approx(100 / 400)
    assert found.of_cost == pytest.approx(100 / 400)


def test_retrieved_tokens_are_held_against_us() -> None:
    counts: dict[str, Any] = {
        "tokens_before": 1000,
        "tokens_after": 1100,
        "new_tokens_before": 1000,
        "new_tokens_after": 200,
    }
    less = SessionTotals(requests=1, retrieved_tokens=900, input_tokens=1000, **counts)
    found = savings(less).of_cost
    assert found is not None
    assert found < 0


def test_a_provider_without_a_cache_is_counted_at_the_plain_price() -> None:
    plain = SessionTotals(
        requests=2, tokens_before=200, tokens_after=100, new_tokens_before=100, new_tokens_after=50, input_tokens=300
    )
    assert savings(plain).of_cost == pytest.approx(100 / 400)
    assert savings(plain).cache_hit == 0
