"""Where the JSON of a text is: one value, several one after another, or values between lines of other text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from json import JSONDecodeError

from headroom_wrap.compression.json_text import NotPlainJsonError, end_of_value, minified

_START = re.compile(r"^[ \t]*(?=[{\[])", re.MULTILINE)
_MAX_FAILED_CHARS = 400_000
_MAX_FAILURES = 50


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of whole lines.

    Attributes:
        text: the lines; if they are JSON, one value, minified.
        first, last: the lines of the original, from 1 on.
        is_json: whether it is a value.
    """

    text: str
    first: int
    last: int
    is_json: bool


def segments(text: str) -> list[Segment]:
    """All lines of a text in order, as JSON values that begin and end a line, and what stands between them.

    Raises:
        NotPlainJsonError: a value has duplicate keys, NaN, or is too deep.
    """
    found: list[Segment] = []
    at = failed_chars = failures = 0
    line = 1
    position = 0
    while position < len(text):
        start = _START.search(text, position)
        if start is None or failures > _MAX_FAILURES or failed_chars > _MAX_FAILED_CHARS:
            break
        try:
            end = end_of_value(text, start.end())
        except NotPlainJsonError as error:
            if not isinstance(error.__cause__, JSONDecodeError):
                raise
            failures += 1
            failed_chars += error.__cause__.pos - start.end()
            position = _next_line(text, start.end())
            continue
        stop = _next_line(text, end)
        if text[end:stop].strip():
            position = stop
            continue
        line = _add_lines(found, text[at : start.start()], line)
        last = line + text.count("\n", start.start(), end)
        found.append(Segment(minified(text[start.end() : end]), line, last, is_json=True))
        line = last + 1
        at = position = stop
    _add_lines(found, text[at:], line)
    return found


def _add_lines(found: list[Segment], text: str, line: int) -> int:
    """Add lines that are no JSON; the number of the line after them."""
    if not text:
        return line
    n_lines = text.count("\n") + (not text.endswith("\n"))
    if text.strip():
        found.append(Segment(text.rstrip("\n"), line, line + n_lines - 1, is_json=False))
    return line + n_lines


def _next_line(text: str, at: int) -> int:
    newline = text.find("\n", at)
    return len(text) if newline < 0 else newline + 1
