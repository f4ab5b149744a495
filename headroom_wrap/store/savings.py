"""What a session saved, related to what the provider counted."""

from __future__ import annotations

from dataclasses import dataclass

from headroom_wrap.store.records import SessionTotals

CACHE_WRITE_PRICE = 1.25
CACHE_READ_PRICE = 0.1
"""Prices of Anthropic's cache relative to plain input, 5-minute writes
(https://docs.anthropic.com/en/docs/build-with-claude/prompt-caching#pricing)."""


@dataclass(frozen=True, slots=True)
class Savings:
    """A session's savings. Shares are 0..1, None where there is nothing to relate them to.

    Attributes:
        tokens: input tokens not sent, over all requests, less what retrievals brought back.
        of_input: their share in what would have been sent.
        of_cost: share of the input's cost that fell away, cached tokens counted at the cache's prices.
        cache_hit: share of the input that the provider read from its cache.
    """

    tokens: int
    of_input: float | None
    of_cost: float | None
    cache_hit: float | None


def savings(totals: SessionTotals) -> Savings:
    """Relate what was not sent to what the provider counted."""
    sent = totals.input_tokens + totals.cache_read_tokens + totals.cache_write_tokens
    saved = totals.tokens_before - totals.tokens_after
    # Shares relate what was saved to what was reported, of the same calls.
    related = saved - totals.saved_unreported
    first = min(totals.new_tokens_before - totals.new_tokens_after - totals.retrieved_tokens, related)
    cached = totals.cache_read_tokens + totals.cache_write_tokens > 0
    write, read = (CACHE_WRITE_PRICE, CACHE_READ_PRICE) if cached else (1.0, 1.0)
    paid = totals.input_tokens + write * totals.cache_write_tokens + read * totals.cache_read_tokens
    cost_saved = write * first + read * (related - first)
    return Savings(
        tokens=saved,
        of_input=related / (sent + related) if sent + related > 0 and sent else None,
        of_cost=cost_saved / (paid + cost_saved) if paid + cost_saved > 0 and paid else None,
        cache_hit=totals.cache_read_tokens / sent if sent else None,
    )
