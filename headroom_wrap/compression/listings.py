"""Lists of paths: neighbours of one directory in braces, as a shell would spell them."""

from __future__ import annotations

import re
from itertools import groupby

from headroom_wrap.compression.lines import may_try
from headroom_wrap.compression.model import Compressed, Hints

_MIN_LINES = 60
"""Shorter lists stay: agents copy whole paths from them."""
_PATH_SHARE = 0.9
_PATH = re.compile(r"[^\s{},:|<>\"'`]{1,400}\Z")


def compress(text: str, _hints: Hints) -> Compressed | None:
    """`src/a.py`, `src/b.py` become `src/{a.py,b.py}`; nothing is lost, so hints do not matter."""
    if not may_try(text) or text.count("\n") < _MIN_LINES:
        return None
    lines = text.split("\n")
    if any("{" in line for line in lines):
        return None
    paths = sum(1 for line in lines if "/" in line and _PATH.match(line))
    if paths < _PATH_SHARE * len(lines):
        return None
    spelled = "\n".join(_spell(directory, list(group)) for directory, group in groupby(lines, _directory))
    if len(spelled) >= len(text):
        return None
    return Compressed(spelled, "paths grouped by directory", 0, len(lines) - (lines[-1] == ""))


def _directory(line: str) -> str:
    """The directory of a path; for anything else the line itself, which then stands alone."""
    return line[: line.rfind("/") + 1] if "/" in line and _PATH.match(line) and not line.endswith("/") else line + "\n"


def _spell(directory: str, lines: list[str]) -> str:
    if directory.endswith("\n") or len(lines) == 1:
        return "\n".join(lines)
    return directory + "{" + ",".join(line[len(directory) :] for line in lines) + "}"


def expand(spelled: str) -> str:
    """The inverse of the spelling that `compress` gives."""
    out: list[str] = []
    for line in spelled.split("\n"):
        directory, brace, names = line.partition("{")
        out += [directory + name for name in names[:-1].split(",")] if brace else [line]
    return "\n".join(out)
