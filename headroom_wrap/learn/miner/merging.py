"""Sightings of one subject, from all sessions, as one finding."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from headroom_wrap.learn.findings import Finding, FindingKind, Sighting

DAY_S = 86_400
KEPT_DAYS = 30
"""How long a finding of one session is kept behind its last sighting."""
MAX_KEPT_DAYS = 180
MAX_CONFIDENCE = 0.99
ARROW = " -> "
"""In a subject: between what failed and what worked."""


def merge(sightings: Iterable[Sighting], now: float) -> list[Finding]:
    """One finding of each subject, the surest first; those of sessions without a time count from now.

    Confidence grows with the number of sessions, and is halved where others show the reverse: that what worked here
    failed, and what failed here worked.
    """
    by_subject: defaultdict[tuple[FindingKind, str], list[Sighting]] = defaultdict(list)
    for sighting in sorted(set(sightings), key=_order):
        by_subject[sighting.kind, sighting.subject].append(sighting)
    found = [_finding(kind, subject, seen, by_subject, now) for (kind, subject), seen in by_subject.items()]
    return sorted(found, key=lambda each: (-each.confidence, -each.tokens_lost, each.kind.value, each.subject))


def _finding(
    kind: FindingKind,
    subject: str,
    seen: list[Sighting],
    by_subject: dict[tuple[FindingKind, str], list[Sighting]],
    now: float,
) -> Finding:
    n_sessions = len(_weights(seen))
    confidence = 1.0 - _doubt(seen)
    failed, arrow, worked = subject.partition(ARROW)
    against = by_subject.get((kind, f"{worked}{ARROW}{failed}"), []) if arrow else []
    if against:
        confidence *= 0.5 if against[-1].at <= seen[-1].at else 0.25
    days = min(MAX_KEPT_DAYS, KEPT_DAYS * (1 + (n_sessions - 1) / 2))
    last = max(sighting.at for sighting in seen) or now
    newest = max(seen, key=lambda each: (each.at, each.session))
    return Finding(
        kind, subject, newest.text, tuple(seen), round(min(confidence, MAX_CONFIDENCE), 3), last + days * DAY_S
    )


def _weights(seen: list[Sighting]) -> dict[tuple[str, str], float]:
    """The weight of each session: of the surest of its sightings."""
    weights: dict[tuple[str, str], float] = {}
    for sighting in seen:
        key = sighting.agent, sighting.session
        weights[key] = max(weights.get(key, 0.0), sighting.weight)
    return weights


def _doubt(seen: list[Sighting]) -> float:
    doubt = 1.0
    for weight in _weights(seen).values():
        doubt *= 1.0 - min(max(weight, 0.0), 1.0)
    return doubt


def _order(sighting: Sighting) -> tuple[float, str, str, str, str]:
    return sighting.at, sighting.agent, sighting.session, sighting.subject, sighting.quote
