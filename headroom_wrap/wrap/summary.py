"""What a person reads when a session is over: true figures, or the reason why there are none."""

from __future__ import annotations

from collections.abc import Sequence

from headroom_wrap.errors import Code
from headroom_wrap.proxy import aligner
from headroom_wrap.proxy.aligner import PrefixChange
from headroom_wrap.store import Failure, SessionTotals
from headroom_wrap.store.savings import savings
from headroom_wrap.tokens import Basis

_ERRORS = {
    Code.UPSTREAM_UNREACHABLE.value: "no answer from the provider",
    "client-disconnected": "given up by the agent",
    "proxy-stopped": "cut off by the end of the session",
}
"""The ledger's codes for calls that ended otherwise than by the provider's answer."""
_FIRST_ERROR = 400


def describe(
    totals: SessionTotals, title: str, why_nothing: str = "", prefix_changes: Sequence[PrefixChange] = ()
) -> str:
    """One to three short lines about a session.

    Args:
        totals: sums over the session.
        title: the agent's name for a person.
        why_nothing: the reason to give where nothing was saved, if one is known.
        prefix_changes: what the client changed in what the provider had cached.
    """
    if totals.requests == 0:
        return f"headroom: {title} made no model call through this session."
    first = _count(totals.requests, "request")
    all_failed = totals.errors == totals.requests
    if all_failed:
        first += f", all failed{_said_of(totals.failures)}"
    elif totals.errors:
        first += f" ({totals.errors} failed{_said_of(totals.failures)})"
    if totals.retrievals:
        first += f", {_count(totals.retrievals, 'retrieval')}"
    found = savings(totals)
    second = []
    if totals.blocks_replaced == 0 and not all_failed:
        first += f"; nothing saved: {why_nothing or 'no tool result was worth compressing'}"
    elif not all_failed:
        before, after = totals.new_tokens_before, totals.new_tokens_after
        kind = "" if totals.counted is Basis.EXACT else f" ({totals.counted.value})"
        told = f"tool output {before:,} -> {after:,} tokens{kind}" if before else f"earlier savings replayed{kind}"
        first += f"; {told}, {_compared(found.tokens, 'fewer', 'more', '{:,}')} sent over all requests"
        if found.of_input is not None:
            second.append(f"input {_compared(found.of_input, 'smaller', 'larger')}")
        if found.of_cost is not None:
            second.append(f"about {_compared(found.of_cost, 'cheaper', 'dearer')}")
    if found.cache_hit is not None:
        second.append(f"{found.cache_hit:.0%} of what was sent came from the provider's cache")
    lines = (first, ", ".join(second), aligner.describe(prefix_changes))
    return "\n".join(f"headroom: {line}" for line in lines if line)


def describe_memory(*, n_notes: int, n_tools: int, n_requests: int, saved: Sequence[str]) -> str:
    """What the memory cost a session, and what it got from it, as a line; empty where there is nothing to tell.

    Args:
        n_notes: tokens of the notes that each request carried.
        n_tools: tokens of the memory's tools, likewise; agents that load tools when they need them send fewer.
        n_requests: calls of the session.
        saved: ids of the facts that were saved in it.
    """
    parts = [f"notes of {n_notes:,} tokens"] if n_notes else []
    parts += [f"tools of {n_tools:,}{'' if n_notes else ' tokens'}"] if n_tools else []
    told = []
    if parts and n_requests:
        most = (n_notes + n_tools) * n_requests
        told.append(f"{' and '.join(parts)} in {_count(n_requests, 'request')}, at most {most:,} tokens in all")
    if saved:
        told.append(f"{_count(len(saved), 'fact')} saved ({', '.join(saved)}; see headroom memory list)")
    elif told:
        told.append("no fact saved")
    return f"headroom: memory: {'; '.join(told)}" if told else ""


def _said_of(failures: Sequence[Failure]) -> str:
    """How calls failed, behind a colon; a kind that stands alone needs no count."""
    counts = [f" ({failure.calls})" if len(failures) > 1 else "" for failure in failures]
    told = [_failure(failure) + count for failure, count in zip(failures, counts, strict=True)]
    return f": {', '.join(told)}" if told else ""


def _failure(failure: Failure) -> str:
    if not failure.error:
        return f"{failure.status} from the provider"
    if failure.error == Code.UPSTREAM_UNREACHABLE.value and failure.status < _FIRST_ERROR:
        return "the provider broke off its answer"
    return _ERRORS.get(failure.error, f"{failure.status} ({failure.error})")


def _compared(share: float, less: str, more: str, form: str = "{:.0%}") -> str:
    return f"{form.format(abs(share))} {less if share >= 0 else more}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
