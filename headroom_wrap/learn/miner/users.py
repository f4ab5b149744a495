"""What the user corrected: said outright, after the agent had done something."""

from __future__ import annotations

from collections.abc import Iterator

from headroom_wrap.learn.findings import FindingKind, Sighting
from headroom_wrap.learn.miner.trace import Trace
from headroom_wrap.memory.gather import corrected

_SCANNED_CHARS = 2000
_MAX_TEXT = 240
_BACK = 6


def mine(trace: Trace) -> Iterator[Sighting]:
    """The sightings of a session's corrections by the user."""
    for n_before, said in trace.said:
        if not n_before:
            continue
        for each in corrected(said.text[:_SCANNED_CHARS]):
            text = " ".join(each.text.split())
            if len(text) > _MAX_TEXT:
                continue
            step = trace.steps[n_before - 1]
            recent = [
                each for each in trace.steps[max(n_before - _BACK, 0) : n_before] if each.call.turn == step.call.turn
            ]
            lost = sum(each.n_tokens for each in recent)
            quote = " ".join(each.evidence.split())[:200]
            sighting = trace.sighting(
                FindingKind.USER, text.lower().rstrip(".!"), f"{text.rstrip('.')}.", step, quote, 0.9, lost=lost
            )
            if sighting is not None:
                yield sighting
