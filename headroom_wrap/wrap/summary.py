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


def describe(totals: SessionTotals, title: str, why_nothing: str = "") -> str:
    """One or two short lines about a session.

    Args:
        totals: sums over the session.
        title: the agent's name for a person.
        why_nothing: the reason to give where nothing was saved, if one is known.
    """
    if totals.requests == 0:
        return f"headroom: {title} made no model call through this session."
    first = _count(totals.requests, "request")
    if totals.errors:
        first += f" ({totals.errors} failed)"
    if totals.retrievals:
        first += f", {_count(totals.retrievals, 'retrieval')}"
    found = savings(totals)
    second = []
    if totals.blocks_replaced == 0:
        if totals.errors == totals.requests:
            why_nothing = "every request failed"
        first += f"; nothing saved: {why_nothing or 'no tool result was worth compressing'}"
    else:
        before, after = totals.new_tokens_before, totals.new_tokens_after
        told = f"tool output {before:,} -> {after:,} tokens" if before else "earlier savings replayed"
        first += f"; {told}, {_compared(found.tokens, 'fewer', 'more', '{:,}')} sent over all requests"
        if found.of_input is not None:
            second.append(f"input {_compared(found.of_input, 'smaller', 'larger')}")
        if found.of_cost is not None:
            second.append(f"about {_compared(found.of_cost, 'cheaper', 'dearer')}")
    if found.cache_hit is not None:
        second.append(f"{found.cache_hit:.0%} of what was sent came from the provider's cache")
    return "\n".join(f"headroom: {line}" for line in (first, ", ".join(second)) if line)


def _compared(share: float, less: str, more: str, form: str = "{:.0%}") -> str:
    return f"{form.format(abs(share))} {less if share >= 0 else more}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
