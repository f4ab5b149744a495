"""Takes lines of ours at their word where they speak of other lines: what folds, what repeats, what is the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from headroom_wrap.compression.lines import plain
from headroom_wrap.compression.passes import without_percentage
from headroom_wrap.compression.pytest_report import RULER
from headroom_wrap.compression.test_runs import _VOLATILE

_ELIDED = re.compile(r"\[headroom: lines? (\d[\d, -]*) elided: (.*)\]\Z")
_FOLDED = re.compile(r"\[headroom: the line above stands (\d+) times, lines (\d+)-(\d+)\]\Z")
_REPEATS = re.compile(r"(\d+) that repeat lines (\d+)-(\d+)( but for )?")
_CHANGES = re.compile(r"hunks with the same changes as lines (\d+)-(\d+)\Z")
_SAME = re.compile(r"the same as lines (\d+)-(\d+)\Z")


def check_sayings(original: str, text: str) -> int:
    """Look up every place that a line of ours in `text` compares something with; gives how many there were."""
    lines = original.split("\n")
    shown = [_as_shown(line) for line in lines]
    n_said = 0
    for line in text.split("\n"):
        if fold := _FOLDED.match(line):
            times, first, last = map(int, fold.groups())
            assert times == last - first + 1, line
            assert len(set(shown[first - 1 : last])) == 1, (line, shown[first - 1 : last])
            n_said += 1
        elif marker := _ELIDED.match(line):
            gone = _named(marker[1])
            for pattern, check in _CHECKS.items():
                for said in pattern.finditer(marker[2]):
                    assert int(said.groups()[-1 if pattern is not _REPEATS else 2] or 0) < gone[0], line
                    check(said, shown if pattern is _REPEATS else lines, gone)
                    n_said += 1
    return n_said


def _as_shown(line: str) -> str:
    bare = without_percentage(plain(line)) if plain(line).endswith("%]") else plain(line)
    return RULER if bare.startswith(RULER) and not bare.strip("_ ") else bare


def _named(spans: str) -> list[int]:
    ends = [span.split("-") for span in spans.split(", ")]
    return [number for span in ends for number in range(int(span[0]), int(span[-1]) + 1)]


def _repeats(said: re.Match[str], lines: Sequence[str], gone: Sequence[int]) -> None:
    def key(line: str) -> str:
        return _VOLATILE.sub("#", line) if said[4] else line

    above = {key(line) for line in lines[int(said[2]) - 1 : int(said[3])] if line.strip()}
    assert sum(key(lines[number - 1]) in above for number in gone) >= int(said[1]), said[0]


def _same_changes(said: re.Match[str], lines: Sequence[str], gone: Sequence[int]) -> None:
    changes = [line for line in lines[int(said[1]) - 1 : int(said[2])] if line[:1] in ("+", "-")]
    told = [lines[number - 1] for number in gone if lines[number - 1][:1] in ("+", "-")]
    assert changes, said[0]
    assert told == changes * (len(told) // len(changes)), said[0]


def _same(said: re.Match[str], lines: Sequence[str], gone: Sequence[int]) -> None:
    above = [line.strip() for line in lines[int(said[1]) - 1 : int(said[2])]]
    assert above == [lines[number - 1].strip() for number in gone], said[0]


_CHECKS: dict[re.Pattern[str], Callable[[re.Match[str], Sequence[str], Sequence[int]], None]] = {
    _REPEATS: _repeats,
    _CHANGES: _same_changes,
    _SAME: _same,
}
