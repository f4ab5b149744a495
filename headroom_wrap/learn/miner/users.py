"""What the user corrected: said outright, after the agent had done something."""

from __future__ import annotations

import re
from collections.abc import Iterator

from headroom_wrap.learn.findings import FindingKind, Sighting
from headroom_wrap.learn.miner.trace import Trace
from headroom_wrap.learn.redaction import redact
from headroom_wrap.memory.gather import corrected

_SCANNED_CHARS = 2000
_MAX_TEXT = 240
_BACK = 6
_OF_THE_MOMENT = re.compile(
    r"(?:(?:the|it['’]s|it is|it should|you should)\b(?!.*\b(?:always|never|must|not)\b)"  # noqa: RUF001
    r"|(?:use|do(?: not|n['’]t)|put|write|run|call)\s+(?:it|that|this|those|these|them)\b(?!\s+\w+\s+\w))",  # noqa: RUF001
    re.IGNORECASE,
)
"""What speaks of the thing at hand alone, and is no rule for later."""


def mine(trace: Trace) -> Iterator[Sighting]:
    """The sightings of a session's corrections by the user."""
    for n_before, said in trace.said:
        if not n_before:
            continue
        for each in corrected(said.text[:_SCANNED_CHARS]):
            text = " ".join(each.text.split())
            if len(text) > _MAX_TEXT or _OF_THE_MOMENT.match(text):
                continue
            step = trace.steps[n_before - 1]
            recent = [
                each for each in trace.steps[max(n_before - _BACK, 0) : n_before] if each.call.turn == step.call.turn
            ]
            lost = sum(each.n_tokens for each in recent)
            quote = redact(" ".join(each.evidence.split()))[:200]
            sighting = trace.sighting(
                FindingKind.USER, text.lower().rstrip(".!"), f"{text.rstrip('.')}.", step, quote, 0.9, lost=lost
            )
            if sighting is not None:
                yield sighting
