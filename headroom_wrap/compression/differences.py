"""A file read again after an edit, a command run again: what is new in the result, and where it stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from headroom_wrap.compression import markers
from headroom_wrap.compression.numbered import runs_of

_MAX_LINES = 20_000
_MAX_CHANGED_LINES = 2_000
"""Of the stretch between the first and the last change: what is compared line by line takes its square, at worst."""
_MAX_CHANGES = 12
_MAX_NEW_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Change:
    """Lines of a result that stand in place of lines of an earlier one; either may be none.

    All numbers are 0-based indices, ends exclusive, of lines as `_body` gives them.
    """

    earlier_first: int
    earlier_end: int
    first: int
    end: int


@dataclass(frozen=True, slots=True)
class Difference:
    """What tells a result from an earlier one.

    Attributes:
        lines: the new lines, each stretch under a line of ours that says where it stands.
        n_same: how many lines stand in the earlier result, too.
        total: how many lines the result has.
    """

    lines: tuple[str, ...]
    n_same: int
    total: int


def difference(text: str, earlier: str) -> Difference | None:
    """How `text` differs from `earlier`; None where too much does to be told so.

    Lines that a reader's tool numbered are compared without their numbers, and named by them.
    """
    if text.count("\n") > _MAX_LINES or earlier.count("\n") > _MAX_LINES:
        return None
    body, earlier_body = _body(text), _body(earlier)
    if body is None or earlier_body is None:
        return None
    changes = _changes(earlier_body.lines, body.lines)
    n_new = sum(change.end - change.first for change in changes or ())
    if changes is None or len(changes) > _MAX_CHANGES or n_new > _MAX_NEW_SHARE * len(body.lines):
        return None
    told: list[str] = []
    for change in changes:
        told.append(_heading(change, body.first_number, earlier_body.first_number))
        told += body.lines[change.first : change.end]
    return Difference(tuple(told), len(body.lines) - n_new, len(body.lines))


@dataclass(frozen=True, slots=True)
class _Body:
    """Lines as they are compared; they are named by numbers from `first_number` on."""

    lines: Sequence[str]
    first_number: int


def _body(text: str) -> _Body | None:
    """None for a text of which only a part is numbered: its lines have no names of one kind."""
    lines = text.split("\n")
    if len(lines) > 1 and lines[-1] == "":
        lines.pop()
    runs = runs_of(lines)
    if not runs:
        return _Body(lines, 1)
    (run,) = runs[:1]
    if len(run) != len(lines):
        return None
    return _Body([run.text_of(line, index) for index, line in enumerate(lines)], run.number)


def _changes(earlier: Sequence[str], lines: Sequence[str]) -> list[Change] | None:
    """What differs, in order; None where the stretch that differs is too long to be looked into."""
    first = 0
    while first < len(earlier) and first < len(lines) and earlier[first] == lines[first]:
        first += 1
    n_same_at_end = 0
    most = min(len(earlier), len(lines)) - first
    while n_same_at_end < most and earlier[-1 - n_same_at_end] == lines[-1 - n_same_at_end]:
        n_same_at_end += 1
    old, new = earlier[first : len(earlier) - n_same_at_end], lines[first : len(lines) - n_same_at_end]
    if max(len(old), len(new)) > _MAX_CHANGED_LINES:
        return None
    return [
        Change(first + old_first, first + old_end, first + new_first, first + new_end)
        for kind, old_first, old_end, new_first, new_end in SequenceMatcher(None, old, new).get_opcodes()
        if kind != "equal"
    ]


def _heading(change: Change, first_number: int, earlier_first_number: int) -> str:
    gone = _span(earlier_first_number, change.earlier_first, change.earlier_end)
    here = _span(first_number, change.first, change.end)
    if change.first == change.end:
        return f"{markers.PREFIX}: without its {gone}]"
    if change.earlier_first == change.earlier_end:
        return f"{markers.PREFIX}: new, {here}:]"
    return f"{markers.PREFIX}: {here}, in place of its {gone}:]"


def _span(first_number: int, first: int, end: int) -> str:
    one = f"line {first_number + first}"
    return one if end - first == 1 else f"lines {first_number + first}-{first_number + end - 1}"
