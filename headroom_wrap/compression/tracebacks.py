"""Stack traces: frames of other people's code may go, the raising frame and the exception never."""

from __future__ import annotations

import re
from collections.abc import Sequence

from headroom_wrap.compression.lines import Sheet

_FOREIGN = re.compile(
    r"(?:site|dist)-packages[/\\]|[/\\]lib[/\\]python\d|[Ll]ib[/\\]Python\d|<frozen |<__array_function__|<attrs "
    r"|node_modules[/\\]|\(<anonymous>\)|\(?node:|\(internal/|[/\\]\.cargo[/\\]registry|/rustc/|/usr/local/go/src/|/go/pkg/mod/"
    r"|\bat (?:java|javax|jdk|sun|com\.sun|scala|kotlin|groovy|org\.(?:junit|gradle|apache\.maven|springframework|"
    r"hibernate|mockito|eclipse\.jetty|apache\.(?:tomcat|catalina|coyote)))[./]"
)
_PYTHON_FRAME = re.compile(r'([ |+]*)File "([^"\n]+)", line \d+')
_STACK_FRAME = re.compile(r"\s+at \S")

_DIGITS = re.compile(r"\d+")
_TRACEBACKS, _OWN_FRAMES = 60, 6
"""Of so many distinct tracebacks the user's last frames stay."""
_FRAMES_SHOWN = 2
"""Of a run of foreign `at ...` frames, which name no user's file, as many stay."""


def is_foreign(location: str) -> bool:
    """Whether a path, or the line of a stack frame, belongs to a library, a runtime or a test framework."""
    return _FOREIGN.search(location) is not None


def drop_foreign_frames(sheet: Sheet) -> None:
    """Drop runs of foreign frames, but for the last frame of each Python traceback: it raised."""
    n_lines = len(sheet.lines)
    index = 0
    while index < n_lines:
        if _PYTHON_FRAME.match(sheet.shown[index]):
            index = _python_frames(sheet, index)
        elif _STACK_FRAME.match(sheet.shown[index]):
            index = _stack_frames(sheet, index)
        else:
            index += 1


def wanted_frames(shown: Sequence[str]) -> set[int]:
    """Of each distinct Python traceback the heading, the user's frames, the raising one and the exception."""
    wanted: set[int] = set()
    known: set[tuple[str, ...]] = set()
    index = 0
    while index < len(shown) and len(known) < _TRACEBACKS:
        if not _PYTHON_FRAME.match(shown[index]):
            index += 1
            continue
        frames = _frames(shown, index)
        first, index = index, frames[-1][1] + 1
        telling = [frame for frame in frames[:-1] if not is_foreign(shown[frame[0]])][-_OWN_FRAMES:] + frames[-1:]
        lines = [at for start, last in telling for at in range(start, last + 1)]
        exception = shown[index] if index < len(shown) else ""
        identity = (_DIGITS.sub("#", exception), *(shown[start] for start, _ in telling))
        if identity not in known:
            known.add(identity)
            wanted.update(lines, (max(0, first - 1), min(index, len(shown) - 1)))
    return wanted


def _python_frames(sheet: Sheet, first: int) -> int:
    """Handle the frames from `first` on; returns the line after them."""
    frames = _frames(sheet.shown, first)
    for start, last in frames[:-1]:
        if is_foreign(sheet.shown[start]):
            sheet.drop(start, last, "in foreign frames", weight=1)
    return frames[-1][1] + 1


def _frames(shown: Sequence[str], first: int) -> list[tuple[int, int]]:
    """The frames that follow each other from `first` on: their first and last lines."""
    frames: list[tuple[int, int]] = []
    index = first
    while index < len(shown) and (frame := _PYTHON_FRAME.match(shown[index])):
        indent = frame[1]
        start = index
        index += 1
        while index < len(shown) and _is_inside(shown[index], indent):
            index += 1
        frames.append((start, index - 1))
    return frames


def _is_inside(line: str, indent: str) -> bool:
    """Whether `line` is source text or carets under a frame at `indent`."""
    return line.startswith(indent + "  ") and not _PYTHON_FRAME.match(line)


def _stack_frames(sheet: Sheet, first: int) -> int:
    index = first
    foreign = 0
    while index < len(sheet.lines) and _STACK_FRAME.match(sheet.shown[index]):
        if is_foreign(sheet.shown[index]):
            foreign += 1
            if foreign > _FRAMES_SHOWN:
                sheet.drop(index, index, "in foreign frames")
        else:
            foreign = 0
        index += 1
    return index
