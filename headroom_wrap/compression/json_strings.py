"""Very long strings in JSON: blobs and long texts without their middle, where that may go."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from headroom_wrap.compression import markers
from headroom_wrap.compression.json_layout import NOISE
from headroom_wrap.compression.json_text import NotPlainJsonError, end_of_value, minified
from headroom_wrap.compression.lines import is_alarming
from headroom_wrap.compression.model import Hints, Level
from headroom_wrap.compression.relevance import relevant, terms_of

_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"')
_BLOB = re.compile(r"(?:[A-Za-z0-9+/=_-]|\\n)+\Z")
_LINKS = re.compile(
    r'(?:"(?!html_|clone_|ssh_|git_url|download_|tarball_|zipball_|browser_|target_|web_)\w{1,60}_url":"[^"\\]*",?){4,}'
)
"""Runs of links that lead to other parts of an API: they follow from the object's own link."""
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_SENTENCE = re.compile(r"[.!?;] ")
_LONG_CHARS, _LONG_CHARS_AGGRESSIVE, _LONG_BLOB_CHARS = 600, 300, 160
_LONG_CELL_CHARS = 400
_BLOB_HEAD, _BLOB_TAIL = 32, 12
_HEAD_CHARS, _TAIL_CHARS = 240, 120
_MIN_GAP_CHARS = 120
_ALARMS_SHOWN, _RELEVANT_SHOWN = 8, 6
_MAX_CHUNK_CHARS = 500
_MIN_NOISE_CHARS = 200
_ESCAPE_CHARS = 12


class Clipper:
    """Takes the middle out of long strings; each gap names the characters of the original that stood there."""

    def __init__(self, original: str, hints: Hints) -> None:
        self._original = original
        self._offset = hints.offset_chars
        self._terms = terms_of(hints)
        self._long_chars = _LONG_CHARS_AGGRESSIVE if hints.level is Level.AGGRESSIVE else _LONG_CHARS
        self._noise: dict[str, tuple[int, int]] = {}
        for value, span in _noise(original):
            self._noise.setdefault(value, span)
        self.n_chars = 0
        """How many characters have been elided."""

    def clip(self, text: str) -> str:
        """A piece of minified JSON without what is too long in it."""
        if len(text) <= _LONG_BLOB_CHARS:
            return text
        for value, (first, last) in self._noise.items():
            if value in text:
                self.n_chars += last - first + 1
                text = text.replace(value, f'"{self._elided(first, last)}"')
        if '_url":"' in text:
            text = _LINKS.sub(self._without_links, text)
        return _STRING.sub(self._clipped, text) if len(text) > _LONG_BLOB_CHARS else text

    def _without_links(self, found: re.Match[str]) -> str:
        run = found[0].rstrip(",")
        members = _STRING.findall(run)
        first = self._original.find(members[0] + ":")
        value = self._original.find(members[1], first)
        start = self._original.rfind(members[0], 0, value)
        end = start
        for member in members:
            end = self._original.find(member, end) + len(member)
        if start < 0 or minified(self._original[start:end]) != run:
            return found[0]
        self.n_chars += end - start
        what = f"{len(members) // 2} links named *_url"
        return self._elided(start + 1, end, what) + found[0][len(run) :]

    def _clipped(self, found: re.Match[str]) -> str:
        token = found[0]
        if len(token) <= _LONG_BLOB_CHARS:
            return token
        content = token[1:-1]
        if _BLOB.match(content):
            keep = [(0, _BLOB_HEAD), (len(content) - _BLOB_TAIL, len(content))]
        elif len(content) > self._long_chars:
            keep = self._telling_spans(content)
        else:
            return token
        start = self._original.find(token)
        if start < 0:
            return token
        return f'"{self._without_gaps(content, keep, start + 1)}"'

    def clip_cell(self, cell: str) -> str:
        """A cell of a table in plain text without its middle, if it is very long."""
        start = self._original.find(cell) if len(cell) > _LONG_CELL_CHARS else -1
        return cell if start < 0 else self._without_gaps(cell, self._telling_spans(cell), start)

    def _without_gaps(self, content: str, keep: Sequence[tuple[int, int]], start: int) -> str:
        out = []
        at = 0
        for first, end in [*sorted(keep), (len(content), len(content))]:
            if first - at >= _MIN_GAP_CHARS:
                out.append(self._elided(start + at + 1, start + first))
                self.n_chars += first - at
            elif first > at:
                out.append(content[at:first])
            out.append(content[max(first, at) : end])
            at = max(at, end)
        return "".join(out)

    def _elided(self, first: int, last: int, what: str = "") -> str:
        return markers.elision(self._offset + first, self._offset + last, what, "chars")

    def _telling_spans(self, content: str) -> list[tuple[int, int]]:
        """Beginning and end, and the sentences or lines that tell of failure or of what is asked."""
        spans = list(_chunks(content))
        chunks = [content[first:end] for first, end in spans]
        telling = relevant(chunks, self._terms, _RELEVANT_SHOWN)
        telling += [index for index, chunk in enumerate(chunks) if is_alarming(chunk)][:_ALARMS_SHOWN]
        head = content.rfind(" ", _HEAD_CHARS // 2, _HEAD_CHARS) + 1 or _cut(content, _HEAD_CHARS)
        tail = content.rfind(" ", 0, len(content) - _TAIL_CHARS) + 1
        if tail < len(content) - 2 * _TAIL_CHARS:
            tail = _cut(content, len(content) - _TAIL_CHARS)
        keep = [(0, head), (tail, len(content))]
        for index in telling:
            first, end = spans[index]
            keep.append((first, end if end - first <= _MAX_CHUNK_CHARS else _cut(content, first + _MAX_CHUNK_CHARS)))
        return keep


def _chunks(content: str) -> Iterator[tuple[int, int]]:
    """The lines of a string as spelled, and the sentences of long lines."""
    ends = [found.end() for found in _ESCAPED.finditer(content) if found[1] == "n"]
    ends += [found.end() for found in _SENTENCE.finditer(content)]
    at = 0
    for end in sorted({*ends, len(content)}):
        if end > at:
            yield at, end
        at = end


def _cut(content: str, at: int) -> int:
    """A place at or before `at` where no escape is cut in two, nor a pair of them."""
    at = max(at, 0)
    while at > 0 and (slash := content.find("\\", max(0, at - _ESCAPE_CHARS), at)) >= 0:
        at = slash
    return at


def _noise(text: str) -> Iterator[tuple[str, tuple[int, int]]]:
    """Values of keys that nobody reads, minified, and the characters of the text where they stand first."""
    for key in sorted(NOISE):
        at = text.find(key)
        while at >= 0:
            colon = re.compile(r"\s*:\s*").match(text, at + len(key))
            at += len(key)
            if colon is not None:
                try:
                    end = end_of_value(text, colon.end())
                except NotPlainJsonError:
                    return
                value = minified(text[colon.end() : end])
                if len(value) >= _MIN_NOISE_CHARS:
                    yield value, (colon.end() + 1, end)
                at = end
            at = text.find(key, at)
