"""A file read in part that was read before: the lines that an earlier result of the same file shows become a marker."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headroom_wrap.compression import markers, numbered
from headroom_wrap.compression.model import Compressed, Hints

_PATHS = ("file_path", "filePath", "path", "notebook_path")
_GRAM = 3
_CANDIDATES = 4
_MIN_LINES = 8
_MIN_CHARS = 250
_MAX_LINES = 20_000


@dataclass(frozen=True, slots=True)
class Shown:
    """An earlier result of the same file: its text, and what stands for it in the request (None: itself)."""

    text: str
    rendered: str | None


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Lines `first`..`last` (0-based, inclusive) that the earlier result with the index `source` shows."""

    first: int
    last: int
    source: int


def path_of(tool_input: Mapping[str, Any]) -> str:
    """The file that a reader's tool was asked for, or ""."""
    return next((value for name in _PATHS if isinstance(value := tool_input.get(name), str)), "")


def compress(text: str, hints: Hints, earlier: Sequence[Shown]) -> tuple[Compressed, frozenset[int]] | None:
    """Elide what earlier results show word for word; gives the result and the indices of those it stands on.

    Lines with numbers must have the same numbers there.

    Args:
        text: the result.
        hints: as for any compressor; without a marker nothing is done.
        earlier: results of the same file that stand earlier in the request, in order.
    """
    marker = hints.marker
    lines = text.split("\n")
    if marker is None or len(lines) > _MAX_LINES:
        return None
    runs = numbered.runs_of(lines)
    stretches = list(_stretches(lines, _keys(lines, runs), earlier))
    if not stretches:
        return None
    deep = numbered.deep_of(hints)
    run_of = {index: run for run in runs for index in range(run.first, run.last + 1)}
    out = [numbered.header(runs[0].separator, "what is left out is marked")] if runs else []
    at = 0
    for stretch in [*stretches, _Stretch(len(lines), len(lines) - 1, -1)]:
        for index in range(at, stretch.first):
            run = run_of.get(index)
            is_after = index == at > 0
            out.append(lines[index] if run is None else run.spell(lines[index], index, deep, after_gap=is_after))
        if stretch.source >= 0:
            out.append(marker(stretch.first + 1, stretch.last + 1, _what(stretch, run_of)))
        at = stretch.last + 1
    elided = sum(stretch.last - stretch.first + 1 for stretch in stretches)
    total = len(lines) - (lines[-1] == "")
    reason = "lines of a file that an earlier result shows"
    return Compressed("\n".join(out), reason, elided, total), frozenset(each.source for each in stretches)


def _what(stretch: _Stretch, run_of: Mapping[int, numbered.Run]) -> str:
    what = "an earlier result of this file shows them"
    run = run_of.get(stretch.first)
    if run is None or run.number_of(stretch.first) == stretch.first + 1:
        return what
    return f"{what}, numbered {run.number_of(stretch.first)}-{run.number_of(stretch.last)}"


def _keys(lines: Sequence[str], runs: Sequence[numbered.Run]) -> list[str]:
    """What must be equal for one line to stand for another: the text, and the number if it has one."""
    keys = list(lines)
    for run in runs:
        for index in range(run.first, run.last + 1):
            keys[index] = f"{run.number_of(index)}\0{run.text_of(lines[index], index)}"
    return keys


def _shown_keys(shown: Shown) -> Iterator[str | None]:
    """The keys of an earlier result's lines; None for what it does not show."""
    lines = shown.text.split("\n")
    hidden: set[int] = set()
    for elision in markers.elisions(shown.rendered or ""):
        hidden.update(range(elision.first - 1, elision.last))
    for index, key in enumerate(_keys(lines, numbered.runs_of(lines))):
        yield None if index in hidden else key


def _stretches(lines: Sequence[str], keys: Sequence[str], earlier: Sequence[Shown]) -> Iterator[_Stretch]:
    above: list[str | None] = []
    source_of: list[int] = []
    for source, shown in enumerate(earlier):
        for key in [*_shown_keys(shown), None]:
            above.append(key)
            source_of.append(source)
    starts: dict[tuple[str | None, ...], list[int]] = {}
    for at in range(len(above) - _GRAM + 1):
        known = starts.setdefault(tuple(above[at : at + _GRAM]), [])
        if len(known) < _CANDIDATES:
            known.append(at)
    index = 0
    while index + _GRAM <= len(keys):
        best_at, best = 0, 0
        for at in starts.get(tuple(keys[index : index + _GRAM]), ()):
            length = 0
            while (
                index + length < len(keys) and at + length < len(above) and above[at + length] == keys[index + length]
            ):
                length += 1
            if length > best:
                best_at, best = at, length
        if best >= _MIN_LINES and sum(map(len, lines[index : index + best])) >= _MIN_CHARS:
            yield _Stretch(index, index + best - 1, source_of[best_at])
            index += best
        else:
            index += 1
