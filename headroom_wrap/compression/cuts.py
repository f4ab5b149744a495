"""Lines taken out of a text in many small places, told of by one marker per group, and lines spelled anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from headroom_wrap.compression import markers
from headroom_wrap.compression.lines import Marker

Teller = Callable[[Sequence[tuple[int, int]], str], str]

_MIN_SPAN_CHARS = 36
"""A shorter stretch costs as much to name as it saves."""
_MIN_GAIN_CHARS = 60


class Cuts:
    """What becomes of the lines of one text. Lines are numbered from 0 here.

    Each line is cut at most once. Cuts of one group share one marker, which stands where the first of them was
    and names all their lines; the first words given for a group hold. `offset` lines of the original stand before
    these.
    """

    def __init__(self, lines: Sequence[str], offset: int = 0) -> None:
        self.lines = lines
        self.offset = offset
        self.total = len(lines) - (lines[-1] == "")
        self._group_of: dict[int, int] = {}
        self._groups: dict[object, int] = {}
        self._words: list[str] = []
        self._members: list[list[int]] = []
        self._respelled: dict[int, Sequence[str]] = {}
        self._kept: set[int] = set()
        self.gone: frozenset[int] = frozenset()
        """The lines that `render` did not show."""

    def cut(self, first: int, last: int, group: object, what: str) -> None:
        """Take out `first`..`last`, with one marker for all of `group`; `{n}` in `what` is how many lines go."""
        number = self._groups.setdefault(group, len(self._words))
        if number == len(self._words):
            self._words.append(what)
            self._members.append([])
        for index in range(first, last + 1):
            if index not in self._group_of and index not in self._kept:
                self._group_of[index] = number
                self._members[number].append(index)

    def keep(self, index: int) -> None:
        """Let a line stay, whatever is cut later."""
        self._kept.add(index)

    def respell(self, index: int, lines: Sequence[str]) -> None:
        """Let `lines` (none at all, perhaps) stand for a line: the same content in other words."""
        self._respelled[index] = lines

    def is_cut(self, index: int) -> bool:
        """Whether the line is to go."""
        return index in self._group_of

    def render(self, marker: Marker | None, tell: Teller | None = None) -> tuple[str, int]:
        """The text that remains, and how many lines of the original it does not show.

        Args:
            marker: None where nothing may go.
            tell: the line for spans (of lines, from 0 on) and words, where `marker` does not know their places.
        """
        stand_ins: dict[int, str] = {}
        gone: set[int] = set()
        if marker is not None:
            for words, members in zip(self._words, self._members, strict=True):
                spans = [span for span in _spans(sorted(members)) if self._chars(*span) >= _MIN_SPAN_CHARS]
                if not spans:
                    continue
                n_gone = sum(last - first + 1 for first, last in spans)
                what = words.replace("{n}", str(n_gone))
                line = _told(spans, what, marker) if tell is None else tell(spans, what)
                if sum(self._chars(*span) for span in spans) >= len(line) + _MIN_GAIN_CHARS:
                    stand_ins[spans[0][0]] = line
                    gone.update(index for first, last in spans for index in range(first, last + 1))
        out: list[str] = []
        for index, line in enumerate(self.lines):
            if index in stand_ins:
                out.append(stand_ins[index])
            if index not in gone:
                out += self._respelled.get(index, (line,))
        self.gone = frozenset(gone)
        return "\n".join(out), len(gone)

    def _chars(self, first: int, last: int) -> int:
        return sum(len(self.lines[index]) + 1 for index in range(first, last + 1))


def _spans(indices: Sequence[int]) -> list[tuple[int, int]]:
    if not indices:
        return []
    breaks = [(before, after) for before, after in pairwise(indices) if after != before + 1]
    starts = [indices[0], *(after for _, after in breaks)]
    ends = [*(before for before, _ in breaks), indices[-1]]
    return list(zip(starts, ends, strict=True))


def _told(spans: Sequence[tuple[int, int]], words: str, marker: Marker) -> str:
    return markers.gathered(marker, [(first + 1, last + 1) for first, last in spans], words)
