"""What a person reads when a session is over: true figures, or the reason why there are none."""

from __future__ import annotations

from dataclasses import dataclass

from headroom_wrap.store import SessionTotals

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
    first = totals.new_tokens_before - totals.new_tokens_after - totals.retrieved_tokens
    saved = totals.tokens_before - totals.tokens_after
    cached = totals.cache_read_tokens + totals.cache_write_tokens > 0
    write, read = (CACHE_WRITE_PRICE, CACHE_READ_PRICE) if cached else (1.0, 1.0)
    paid = totals.input_tokens + write * totals.cache_write_tokens + read * totals.cache_read_tokens
    cost_saved = write * first + read * (saved - first)
    return Savings(
        tokens=saved,
        of_input=saved / (sent + saved) if sent + saved > 0 and sent else None,
        of_cost=cost_saved / (paid + cost_saved) if paid + cost_saved > 0 and paid else None,
        cache_hit=totals.cache_read_tokens / sent if sent else None,
    )


def describe(totals: SessionTotals, title: str, why_nothing: str = "") -> str:
    """One short line about a session.

    Args:
        totals: sums over the session.
        title: the agent's name for a person.
        why_nothing: the reason to give where nothing could be saved, if one is known beforehand.
    """
    if totals.requests == 0:
        return f"headroom: {title} made no model call through this session."
    parts = [_count(totals.requests, "request")]
    if totals.errors:
        parts[0] += f" ({totals.errors} failed)"
    if totals.blocks_replaced == 0:
        parts.append(f"nothing saved: {why_nothing or 'no tool result was worth compressing'}")
    else:
        parts.append(_saved(totals))
    hit = savings(totals).cache_hit
    if hit is not None:
        parts.append(f"provider cache hit {hit:.0%}")
    if totals.retrievals:
        parts.append(_count(totals.retrievals, "retrieval"))
    return f"headroom: {' · '.join(parts)}"


def _saved(totals: SessionTotals) -> str:
    found = savings(totals)
    first, after = totals.new_tokens_before, totals.new_tokens_after
    text = f"tool output {first:,} → {after:,} tokens" if first else "earlier savings replayed"
    text += f", over all requests {found.tokens:,} fewer sent"
    shares = []
    if found.of_input is not None:
        shares.append(f"{found.of_input:.0%} of input")
    if found.of_cost is not None:
        shares.append(f"about {found.of_cost:.0%} of its cost")
    return f"{text} ({', '.join(shares)})" if shares else text


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
