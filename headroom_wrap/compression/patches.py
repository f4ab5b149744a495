"""The parts of a unified diff: files, hunks and their lines, found by the counts that hunk headers give."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_START = re.compile(r"diff --git |diff --cc |diff --combined |diff -[-\w]|Index: ")
_HUNK = re.compile(r"(@@@*)((?: -\d{1,9}(?:,\d{1,9})?)+) \+\d{1,9}(?:,(\d{1,9}))? (@@@*)(?: |\Z|\r)")
_COUNT = re.compile(r" -\d+(?:,(\d+))?")
_EXTENDED = re.compile(
    r"(?:old|new|deleted file|new file) mode |(?:copy|rename) (?:from|to) |(?:dis)?similarity index |index [0-9a-f]"
    r"|mode [0-7]|--- |\+\+\+ |={10,}\s*\Z"
)
_BINARY = re.compile(r"Binary files |GIT binary patch|Files .* differ")
_BASE85 = re.compile(r"[A-Za-z][0-9A-Za-z!#$%&()*+;<=>?@^_`{|}~-]{5,65}\Z")
_SIZE = re.compile(r"(?:literal|delta) \d+\Z")
_MAX_PARENTS = 8


@dataclass(frozen=True, slots=True)
class Hunk:
    """One hunk; `head` is its `@@` line, `first`..`last` are the lines below it, all numbered from 0."""

    head: int
    first: int
    last: int
    n_parents: int = 1


@dataclass(frozen=True, slots=True)
class FilePart:
    """What a diff says of one file.

    Attributes:
        start: its first line.
        end: the line after its last.
        path: the file's name after the change, or before it where it is deleted.
        hunks: in order.
        is_new: it was not there before.
        is_deleted: it is not there any more.
        base85: lines of a binary patch's bodies.
        is_sound: every hunk has the lines that its header promises (the text's end may cut the last one short).
    """

    start: int
    end: int
    path: str
    hunks: tuple[Hunk, ...] = ()
    is_new: bool = False
    is_deleted: bool = False
    base85: tuple[int, ...] = ()
    is_sound: bool = True


def parse(lines: Sequence[str]) -> list[FilePart]:
    """The files of all diffs in a text, in order; lines between them belong to none."""
    parts: list[FilePart] = []
    index = 0
    while index < len(lines):
        if _starts(lines, index):
            part = _file(lines, index)
            parts.append(part)
            index = part.end
        else:
            index += 1
    return parts


def is_context(line: str, n_parents: int) -> bool:
    """Whether a line of a hunk is the same on all sides; editors and pipes take the blank off an empty one."""
    return line[:n_parents].strip(" \r") == ""


def _starts(lines: Sequence[str], index: int) -> bool:
    line = lines[index]
    if _START.match(line):
        return True
    return (
        line.startswith("--- ")
        and index + 2 < len(lines)
        and lines[index + 1].startswith("+++ ")
        and _HUNK.match(lines[index + 2]) is not None
    )


def _file(lines: Sequence[str], start: int) -> FilePart:
    index = start + 1 if _START.match(lines[start]) else start
    while index < len(lines) and _EXTENDED.match(lines[index]):
        index += 1
    head = lines[start:index]
    base85: list[int] = []
    if index < len(lines) and _BINARY.match(lines[index]):
        index, base85 = _binary(lines, index)
    hunks: list[Hunk] = []
    is_sound = True
    while index < len(lines) and (match := _HUNK.match(lines[index])):
        n_parents = len(_COUNT.findall(match[2]))
        end = _hunk_end(lines, index, match) if n_parents + 1 == len(match[1]) == len(match[4]) else None
        if end is None:
            is_sound = False
            index = _next_start(lines, index + 1)
            break
        hunks.append(Hunk(index, index + 1, end - 1, n_parents))
        index = end
    if is_sound and hunks and index < len(lines) and _is_stray(lines[index]):
        is_sound = False
        index = _next_start(lines, index)
    return FilePart(
        start, max(index, start + 1), _path(head), tuple(hunks),
        is_new=any(line.startswith(("new file mode", "--- /dev/null")) for line in head),
        is_deleted=any(line.startswith(("deleted file mode", "+++ /dev/null")) for line in head),
        base85=tuple(base85), is_sound=is_sound,
    )  # fmt: skip


def _is_stray(line: str) -> bool:
    """Whether a line below a hunk that is full still looks like one of its lines: its header counted wrongly.

    `-- ` ends a mailed patch; a blank line may stand between commits; `--- ` begins the next file.
    """
    return line[:1] in ("+", "-", " ") and not line.startswith(("-- ", "--- ")) and line != "--"


def _next_start(lines: Sequence[str], index: int) -> int:
    while index < len(lines) and not _START.match(lines[index]) and not lines[index].startswith("commit "):
        index += 1
    return index


def _hunk_end(lines: Sequence[str], head: int, match: re.Match[str]) -> int | None:
    """The line after a hunk's last one; None where the lines are not those that its header promises."""
    old = [int(count or 1) for count in _COUNT.findall(match[2])]
    new = int(match[3] or 1)
    n_parents = len(old)
    if n_parents > _MAX_PARENTS:
        return None
    index = head + 1
    while index < len(lines) and (new > 0 or any(count > 0 for count in old)):
        signs = lines[index][:n_parents]
        if lines[index].startswith("\\"):
            index += 1
            continue
        if signs.strip(" +-\r") or (signs.strip(" \r") and len(signs) < n_parents):
            return None
        if index == len(lines) - 1 and not lines[index]:
            break
        removed = "-" in signs
        new -= not removed
        for parent in range(n_parents):
            sign = signs[parent : parent + 1]
            old[parent] -= sign == "-" if removed else sign != "+"
        index += 1
    if new < 0 or any(count < 0 for count in old):
        return None
    while index < len(lines) and lines[index].startswith("\\"):
        index += 1
    return index


def _binary(lines: Sequence[str], index: int) -> tuple[int, list[int]]:
    if not lines[index].startswith("GIT binary"):
        return index + 1, []
    index += 1
    bodies: list[int] = []
    while index < len(lines) and _SIZE.match(lines[index]):
        index += 1
        while index < len(lines) and _BASE85.match(lines[index]):
            bodies.append(index)
            index += 1
        if index < len(lines) and not lines[index]:
            index += 1
    return index, bodies


def _path(head: Sequence[str]) -> str:
    names = [line[4:].split("\t")[0].rstrip("\r") for line in head if line.startswith(("--- ", "+++ "))]
    names = [name for name in reversed(names) if name != "/dev/null"]
    if names:
        name = names[0].strip('"')
        return name[2:] if name[:2] in ("a/", "b/") else name
    words = head[0].rstrip("\r").split(" ") if head else [""]
    return words[-1].strip('"').removeprefix("b/")
