"""One output of several kinds: the parts that are surely something, each for its own compressor.

What chained commands print, prose with fenced code, JSON after a banner: each part is cut at line boundaries, so that
markers inside it name lines of the whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from headroom_wrap.compression.json_text import NotPlainJsonError, end_of_value
from headroom_wrap.compression.lines import Marker, may_try
from headroom_wrap.compression.model import Compressed, Hints

MIN_PART_CHARS = 600
_MAX_PARTS = 64
_MAX_JSON_TRIES = 16

_DIFF_LINE = re.compile(
    r"[ +\-@\\]|diff |index [0-9a-f]|(?:new|deleted) file mode|(?:old|new) mode|(?:dis)?similarity index"
    r"|(?:rename|copy) (?:from|to) |Binary files |GIT binary patch|literal \d|delta \d"
    r"|[A-Za-z][0-9A-Za-z+/=`~!@#$%^&*()_{}|;<>?-]{10,70}\Z"
)
_SESSION = "==="
_SESSION_TIME = re.compile(r"\bin \d[\d.:]*s?\b")
_FENCE = re.compile(r"\s{0,3}(`{3,40}|~{3,40})")


@dataclass(frozen=True, slots=True)
class Part:
    """Lines `first`..`last` (0-based, inclusive); `is_sure` where its look tells what it is."""

    first: int
    last: int
    is_sure: bool


def compress(text: str, hints: Hints, best: Callable[[str, Hints], tuple[str, Compressed] | None]) -> Compressed | None:
    """Each part as `best` makes it, between the lines that stay; None for a text of one kind.

    Args:
        text: the whole.
        hints: as for any compressor.
        best: compresses one part; gives a name and what became of it.
    """
    if not may_try(text):
        return None
    lines = text.split("\n")
    found = parts(lines)
    if len(found) < 2 or not any(part.is_sure for part in found):  # noqa: PLR2004 - one part is the whole
        return None
    out: list[str] = []
    names: list[str] = []
    elided = before = 0
    for part in found:
        piece = "\n".join(lines[part.first : part.last + 1])
        marker = None if hints.marker is None else _shifted(hints.marker, part.first)
        told = replace(hints, marker=marker, offset=part.first, offset_chars=before)
        before += len(piece) + 1
        made = best(piece, told) if len(piece) >= MIN_PART_CHARS else None
        if made is None or made[1].unit != "lines":
            out.append(piece)
            continue
        out.append(made[1].text)
        elided += made[1].elided
        names.append(made[0])
    if not names:
        return None
    reason = f"several kinds of output, each on its own: {', '.join(dict.fromkeys(names))}"
    return Compressed("\n".join(out), reason, elided, len(lines) - (lines[-1] == ""))


def parts(lines: Sequence[str]) -> list[Part]:
    """The text cut into parts; few and simple rules, each of which a text of one kind passes whole."""
    found: list[Part] = []
    at = 0
    for part in _sure_parts(lines):
        if part.first > at:
            found.append(Part(at, part.first - 1, is_sure=False))
        found.append(part)
        at = part.last + 1
        if len(found) >= _MAX_PARTS:
            break
    if at < len(lines):
        found.append(Part(at, len(lines) - 1, is_sure=False))
    return found


def _sure_parts(lines: Sequence[str]) -> Iterator[Part]:
    index = tries = 0
    unclosed: set[str] = set()
    while index < len(lines):
        line = lines[index]
        last = -1
        if line.startswith("diff --git "):
            last = _end_of_diff(lines, index)
        elif line.startswith("===") and " test session starts " in line:
            last = _end_of_session(lines, index, unclosed)
        elif line.lstrip()[:3] in ("```", "~~~"):
            last = _end_of_fence(lines, index, unclosed)
        elif line[:1] in ("{", "[") and tries < _MAX_JSON_TRIES:
            tries += 1
            last = _end_of_json(lines, index)
        if last >= 0:
            yield Part(index, last, is_sure=True)
            index = last
        index += 1


def _end_of_diff(lines: Sequence[str], first: int) -> int:
    last = first
    for index in range(first + 1, len(lines)):
        if not _DIFF_LINE.match(lines[index]):
            # A context line whose space somebody stripped is empty; what follows tells.
            if lines[index] or index + 1 == len(lines) or not _DIFF_LINE.match(lines[index + 1]):
                break
            continue
        last = index
    return last


def _end_of_session(lines: Sequence[str], first: int, unclosed: set[str]) -> int:
    """The line that sums a test session up."""
    if _SESSION not in unclosed:
        for index in range(first + 1, len(lines)):
            if _is_session_end(lines[index]):
                return index
        unclosed.add(_SESSION)
    return -1


def _is_session_end(line: str) -> bool:
    return line.startswith(_SESSION) and line.endswith(_SESSION) and _SESSION_TIME.search(line) is not None


def _end_of_fence(lines: Sequence[str], first: int, unclosed: set[str]) -> int:
    """The line that closes a fence. What nothing closes is not looked for again: many of it would take for ever."""
    opening = _FENCE.match(lines[first])
    if opening is None or opening[1] in unclosed:
        return -1
    for index in range(first + 1, len(lines)):
        if lines[index].strip() == opening[1]:
            return index
    unclosed.add(opening[1])
    return -1


def _end_of_json(lines: Sequence[str], first: int) -> int:
    """The line on which the JSON value that begins at `first` ends, if nothing follows it there and it is long."""
    text = "\n".join(lines[first:])
    try:
        end = end_of_value(text, 0)
    except NotPlainJsonError:
        return -1
    if end < MIN_PART_CHARS or text[end : end + 1] not in ("", "\n"):
        return -1
    return first + text.count("\n", 0, end)


def _shifted(marker: Marker, n_lines: int) -> Marker:
    return lambda first, last, what: marker(first + n_lines, last + n_lines, what)
