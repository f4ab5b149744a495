"""`git blame`: each commit's author and date once, where its first line stands; lossless."""

from __future__ import annotations

import re

from headroom_wrap.compression.lines import may_try
from headroom_wrap.compression.markers import PREFIX
from headroom_wrap.compression.model import Compressed, Hints

_COMMIT = re.compile(r"\^?[0-9a-f]{7,64} ")
_NUMBER = re.compile(r" {1,8}\d{1,8}\)")
_SAME = re.compile(r" {1,8}\d{1,8}\)")
_KNOWN = re.compile(r"(\^?[0-9a-f]{7,64})( {1,8}\d{1,8}\).*)\Z", re.DOTALL)
_MIN_LINES = 8
_MAX_ABOUT_CHARS = 400
_NOTE = (
    f"{PREFIX}: a line without a commit is of the commit above it; author and date stand where a commit first comes up]"
)


def compress(text: str, _hints: Hints) -> Compressed | None:
    """Say author and date of a commit once, and the commit itself once per run of lines; `expand` is the inverse."""
    if not may_try(text):
        return None
    lines = text.split("\n")
    body = lines[:-1] if lines[-1] == "" else lines
    if len(body) < _MIN_LINES:
        return None
    found = [parts for line in body if (parts := _split(line))]
    if len(found) < len(body):
        return None
    out = [_NOTE]
    about: dict[str, str] = {}
    current = ""
    for commit, who, rest in found:
        if about.get(commit) != who:
            out.append(commit + who + rest)
            about[commit] = who
        else:
            out.append(rest if commit == current else commit + rest)
        current = commit
    spelled = "\n".join([*out, *lines[len(body) :]])
    if len(spelled) >= len(text) or expand(spelled) != text:
        return None
    return Compressed(spelled, "author and date said once per commit", 0, len(body))


def _split(line: str) -> tuple[str, str, str] | None:
    """The commit, what is told of it, and the line's number with its text."""
    commit = _COMMIT.match(line)
    if commit is None:
        return None
    start = line.find("(", commit.end(), commit.end() + _MAX_ABOUT_CHARS)
    number = _NUMBER.search(line, start, start + _MAX_ABOUT_CHARS) if start >= 0 else None
    if number is None:
        return None
    end = commit.end() - 1
    return line[:end], line[end : number.start()], line[number.start() :]


def expand(spelled: str) -> str:
    """The inverse of the spelling that `compress` gives."""
    out: list[str] = []
    about: dict[str, str] = {}
    current = ""
    for line in spelled.split("\n")[1:]:
        if _SAME.match(line):
            out.append(current + about[current] + line)
        elif known := _KNOWN.match(line):
            current = known[1]
            out.append(current + about.get(current, "") + known[2])
        elif whole := _split(line):
            current = whole[0]
            about[current] = whole[1]
            out.append(line)
        else:
            out.append(line)
    return "\n".join(out)
