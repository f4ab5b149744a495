"""The prompt cache's watch: finds what clients change in a prefix between two requests, and what that costs."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from headroom_wrap import tokens
from headroom_wrap.compression.model import Verdict
from headroom_wrap.proxy.config import OFFICIAL_URLS
from headroom_wrap.wire.prefix import Change, first_change, is_marked
from headroom_wrap.wire.request import ParsedRequest
from headroom_wrap.wire.spans import Inner, Span

LIFETIME_S = 300.0
"""Behind a longer pause the provider had forgotten the prefix anyway (the shortest lifetime that one offers)."""
_REMEMBERED = 8
_REMEMBERED_CHARS = 32 * 1024 * 1024
_KINDS_KEPT = 32
_KEY_CHARS = 2048
_SAMPLES = 4
_SAMPLE_CHARS = 2000
_MUST_BE_ASKED = "anthropic"
_WORTH_TELLING_TOKENS = 1000
_TOLD = 3

_Key = tuple[str, str, bool, str]


@dataclass(frozen=True, slots=True)
class PrefixChange:
    """One way in which prefixes changed.

    Attributes:
        where: "tools", "system" or "message 3".
        kind: what differed: "a date", "the order", "added Read", "text".
        times: how often.
        tokens: about how many tokens were written into the provider's cache again for it, all times together.
        old, new: a few words around the latest one.
    """

    where: str
    kind: str
    times: int
    tokens: int
    old: str
    new: str


class CacheAligner:
    """Compares each request with the one before it in its conversation. Safe for several threads.

    Args:
        marks_itself: requests without marks get ours, and are cached although the client does not ask for it.
        billing_counts: as for `first_change`.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        *,
        marks_itself: bool = False,
        billing_counts: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._marks_itself = marks_itself
        self._billing_counts = billing_counts
        self._clock = clock
        self._latest: OrderedDict[_Key, tuple[ParsedRequest, float]] = OrderedDict()
        self._found: dict[tuple[str, str], PrefixChange] = {}
        self._lock = threading.Lock()

    def observe(self, wire: str, request: ParsedRequest, verdicts: Sequence[Verdict] = ()) -> Change | None:
        """Take notice of a model call; gives where its prefix broke.

        Args:
            wire: name of the wire format.
            request: as the client sent it.
            verdicts: what becomes of its slots: what we took out is not written again.
        """
        begun = request.cache_key or next((entry.words[:_KEY_CHARS] for entry in request.entries if entry.words), "")
        if not begun:
            return None
        key, now_s = (wire, request.model, bool(request.tools), begun), self._clock()
        with self._lock:
            before, at_s = self._latest.get(key, (None, 0.0))
            self._keep(key, request, now_s)
        # A retry, a rewind or another conversation with the same first words does not go on where that one ended.
        if before is None or len(request.entries) <= len(before.entries):
            return None
        change = first_change(before, request, billing_counts=self._billing_counts)
        if change is not None and now_s - at_s <= LIFETIME_S and self._is_cached(wire, before):
            self._note(change, _rewritten(request, change, verdicts))
        return change

    def report(self) -> tuple[PrefixChange, ...]:
        """What was found so far, the dearest first."""
        with self._lock:
            return tuple(sorted(self._found.values(), key=lambda change: -change.tokens))

    def _is_cached(self, wire: str, request: ParsedRequest) -> bool:
        return wire != _MUST_BE_ASKED or self._marks_itself or is_marked(request)

    def _note(self, change: Change, n_tokens: int) -> None:
        key = (change.where, change.kind)
        first = PrefixChange(change.where, change.kind, 0, 0, change.old, change.new)
        with self._lock:
            if key not in self._found and len(self._found) >= _KINDS_KEPT:
                return
            known = self._found.get(key, first)
            times, total = known.times + 1, known.tokens + n_tokens
            self._found[key] = replace(known, times=times, tokens=total, old=change.old, new=change.new)

    def _keep(self, key: _Key, request: ParsedRequest, now_s: float) -> None:
        self._latest[key] = (request, now_s)
        self._latest.move_to_end(key)
        while len(self._latest) > _REMEMBERED or self._n_chars() > _REMEMBERED_CHARS:
            self._latest.popitem(last=False)

    def _n_chars(self) -> int:
        return sum(len(request.text) for request, _ in self._latest.values())


def aligner_before(upstreams: Mapping[str, str], *, marks_itself: bool) -> CacheAligner:
    """The watch before these base URLs: others than Anthropic itself take Claude Code's billing line for words."""
    official = urlsplit(OFFICIAL_URLS["anthropic"]).hostname
    is_official = urlsplit(upstreams.get("anthropic", OFFICIAL_URLS["anthropic"])).hostname == official
    return CacheAligner(marks_itself=marks_itself, billing_counts=not is_official)


def describe(changes: Sequence[PrefixChange]) -> str:
    """The changes in one sentence for people; empty where they cost next to nothing."""
    n_tokens = sum(change.tokens for change in changes)
    if n_tokens < _WORTH_TELLING_TOKENS:
        return ""
    times = sum(change.times for change in changes)
    told = "; ".join(f"{change.where}: {change.kind}" for change in changes[:_TOLD])
    more = "; ..." if len(changes) > _TOLD else ""
    often = "once" if times == 1 else f"{times} times"
    return f"the prefix changed {often} ({told}{more}), about {n_tokens:,} tokens were written again"


def _rewritten(request: ParsedRequest, change: Change, verdicts: Sequence[Verdict]) -> int:
    """About how many tokens of what is sent stood in the provider's cache, and cannot be read from there."""
    rest = len(request.text) - change.at
    step = max(_SAMPLE_CHARS, rest // _SAMPLES)
    samples = [request.text[at : at + _SAMPLE_CHARS] for at in range(change.at, len(request.text), step)][:_SAMPLES]
    n_sampled = sum(map(len, samples))
    n_tokens = change.n_chars * sum(map(tokens.count, samples)) / max(1, n_sampled)
    saved = sum(
        verdict.tokens_before - verdict.tokens_after
        for verdict in verdicts
        if verdict.replacement is not None and not verdict.is_new and _start(verdict.slot.place) >= change.at
    )
    return max(0, round(n_tokens - saved))


def _start(place: object) -> int:
    if isinstance(place, Inner):
        return place.outer.start
    return place.start if isinstance(place, Span) else 0
