"""What compilers and linters say: each distinct message once, errors with their places, the rest counted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from headroom_wrap.compression.lines import Sheet

_HEAD = re.compile(
    r"((?:[A-Za-z]:[\\/])?[^\s:()][^:()\n]{0,300}(?::\d+(?::\d+)?|\(\d+(?:,\d+)?\)):? ?-? ?)?"
    r"(fatal error|error|warning)(?:\[[\w:-]+\]| [A-Z]{1,4}\d+)?: (\S.*)"
)
_RUST_PLACE = re.compile(r" *(?:-->|:::) \S")
_BEFORE = re.compile(r"In file included from |  +from \S+:\d|\S.{0,300}: (?:In (?:\w+ ){1,3}|At top level|At global)")
_FRAME = re.compile(r" *\d* *\||\s*[~^]+[~^ ]*\Z")
_NOTE = re.compile(r"(?:\S[^:\n]{0,300}:\d+(?::\d+)?: )(?:note|remark): ")
_QUOTED = re.compile(
    r"`[^`\n]{1,160}`|\u2018[^\u2019\n]{1,160}\u2019|\u201c[^\u201d\n]{1,160}\u201d|'[^'\n]{1,160}'|\"[^\"\n]{1,160}\""
)
_NUMBER = re.compile(r"\d+")

_ERRORS_WHOLE, _ERRORS_SHOWN = 3, 40
"""Errors equal but for quoted names: as many whole, and as many by their first line."""
_WARNINGS_SHOWN = 40
_BLOCK_LINES = 80
_BEFORE_LINES = 12
_SAMPLE_CHARS = 40


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One message: lines `first`..`last` with what stands before and below its `head`, and its `frame` up to there.

    `message` is its text, `kind` the same without quoted names and numbers.
    """

    first: int
    head: int
    frame: int
    last: int
    message: str
    is_error: bool

    @property
    def kind(self) -> str:
        """The message without quoted names and numbers."""
        return _NUMBER.sub("#", _QUOTED.sub("'…'", self.message))


def find(shown: Sequence[str]) -> list[Diagnostic]:
    """The diagnostics of a build, in order; those without place and source are nobody's but the log's."""
    found: list[Diagnostic] = []
    free = 0
    for index, line in enumerate(shown):
        if index < free or ("rror" not in line and "arning" not in line):
            continue
        head = _HEAD.match(line)
        if head is None:
            continue
        is_rust = not head[1] and index + 1 < len(shown) and _RUST_PLACE.match(shown[index + 1]) is not None
        if not head[1] and not is_rust:
            continue
        frame = _end_of_paragraph(shown, index) if is_rust else _end_of_frame(shown, index)
        last = frame if is_rust else _end_of_notes(shown, frame)
        first = index if is_rust else _start(shown, index, free)
        found.append(Diagnostic(first, index, frame, last, head[3].strip(), head[2] != "warning"))
        free = last + 1
    return found


def fold(sheet: Sheet) -> set[int]:
    """Drop what repeats; the lines that must stay."""
    keep: set[int] = set()
    kinds: dict[str, int] = {}
    messages: set[str] = set()
    for one in find(sheet.shown):
        nth = kinds[one.kind] = kinds.get(one.kind, 0) + 1
        is_new = one.message not in messages
        messages.add(one.message)
        stays = _staying(sheet.shown, one, nth, is_new=is_new)
        keep.update(stays)
        label = f'more of "{_clipped(one.message)}"' if one.head not in stays else ""
        for index in range(one.first, one.last + 1):
            if index not in stays:
                sheet.drop(index, index, label, weight=int(index == one.head))
    return keep


def _staying(shown: Sequence[str], one: Diagnostic, nth: int, *, is_new: bool) -> set[int]:
    if one.is_error:
        if nth <= _ERRORS_WHOLE:
            return set(range(one.first, one.last + 1))
        return _named(shown, one) if nth <= _ERRORS_SHOWN else set()
    if nth == 1:
        return set(range(one.head, one.frame + 1))
    return _named(shown, one) if is_new and nth <= _WARNINGS_SHOWN else set()


def _named(shown: Sequence[str], one: Diagnostic) -> set[int]:
    """The head, with its place where that has a line of its own."""
    has_place = one.head < one.last and _RUST_PLACE.match(shown[one.head + 1]) is not None
    return {one.head, one.head + 1} if has_place else {one.head}


def _end_of_paragraph(shown: Sequence[str], head: int) -> int:
    last = head
    while last + 1 < len(shown) and last - head < _BLOCK_LINES and shown[last + 1].strip():
        last += 1
    return last


def _end_of_frame(shown: Sequence[str], head: int) -> int:
    last = head
    while last + 1 < len(shown) and last - head < _BLOCK_LINES and _FRAME.match(shown[last + 1]):
        last += 1
    return last


def _end_of_notes(shown: Sequence[str], frame: int) -> int:
    last = frame
    while last + 1 < len(shown) and last - frame < _BLOCK_LINES and _NOTE.match(shown[last + 1]):
        last = _end_of_frame(shown, last + 1)
    return last


def _start(shown: Sequence[str], head: int, free: int) -> int:
    first = head
    while first > free and head - first < _BEFORE_LINES and _BEFORE.match(shown[first - 1]):
        first -= 1
    return first


def _clipped(message: str) -> str:
    return message if len(message) <= _SAMPLE_CHARS else message[: _SAMPLE_CHARS - 1] + "…"
