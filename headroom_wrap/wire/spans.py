"""Find where values stand in a JSON text, and put others in their place, leaving every other character alone.

The walk descends only where a wire format asks for it; what it does not ask for is skipped by the C scanner of
the standard library, which accepts all that JavaScript clients send (lone surrogates, big integers, NaN).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_SPACE = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder()


class MalformedError(ValueError):
    """The text is not JSON of the shape that was walked."""


@dataclass(frozen=True, slots=True)
class Span:
    """Where a value stands: `text[start:end]`."""

    start: int
    end: int


class Cursor:
    """A position in a JSON text. Iterate containers with `members` and `elements`; take values with `value`.

    Within a loop over a container the cursor stands at the start of the member's value; a value that the
    loop's body does not consume is skipped.

    Raises:
        MalformedError: from every method, where the text is not JSON or nests too deep.
    """

    __slots__ = ("at", "text")

    def __init__(self, text: str, at: int = 0) -> None:
        self.text = text
        self.at = _SPACE.match(text, at).end()  # type: ignore[union-attr]  # the pattern matches everywhere

    def peek(self) -> str:
        """The first character of the value here, or "" at the end."""
        return self.text[self.at : self.at + 1]

    def value(self) -> Any:
        """Decode the value here and stand behind it."""
        return self.spanned()[0]

    def spanned(self) -> tuple[Any, Span]:
        """Like `value`, with the place where the value stood."""
        start = self.at
        try:
            value, self.at = _DECODER.scan_once(self.text, start)
        except (StopIteration, ValueError, RecursionError) as error:
            raise MalformedError(f"no JSON value at {start}") from error
        return value, Span(start, self.at)

    def members(self) -> Iterator[str]:
        """The keys of the object here, in order; a key that stands twice is malformed: who knows which one counts."""
        seen: set[str] = set()
        for _ in self._items("{", "}"):
            key = self.value()
            if not isinstance(key, str):
                raise MalformedError(f"no key at {self.at}")
            self._expect(":")
            if key in seen:
                raise MalformedError(f"the key {key!r} stands twice")
            seen.add(key)
            start = self.at
            yield key
            if self.at == start:
                self.value()

    def elements(self) -> Iterator[int]:
        """The indices of the array here, in order."""
        for index in self._items("[", "]"):
            start = self.at
            yield index
            if self.at == start:
                self.value()

    def at_end(self) -> bool:
        """Whether nothing but white space follows."""
        return self._skip_space() == len(self.text)

    def _items(self, opening: str, closing: str) -> Iterator[int]:
        self._expect(opening)
        if self.peek() == closing:
            self.at += 1
            return
        index = 0
        while True:
            yield index
            index += 1
            self._skip_space()
            if self.peek() == closing:
                self.at += 1
                return
            self._expect(",")

    def _expect(self, character: str) -> None:
        self._skip_space()
        if self.peek() != character:
            raise MalformedError(f"no {character!r} at {self.at}")
        self.at += 1
        self._skip_space()

    def _skip_space(self) -> int:
        if self.text[self.at : self.at + 1] in " \t\n\r":
            self.at = _SPACE.match(self.text, self.at).end()  # type: ignore[union-attr]
        return self.at


def splice(text: str, replacements: Mapping[Span, str]) -> bytes:
    """Put new JSON strings in the place of old ones; every other character keeps its UTF-8 bytes.

    Args:
        text: the whole JSON text.
        replacements: place of a string -> the text that it shall have, decoded.
    """
    pieces: list[str] = []
    at = 0
    for span in sorted(replacements, key=lambda span: span.start):
        pieces.append(text[at : span.start])
        pieces.append(_quote(replacements[span]))
        at = span.end
    pieces.append(text[at:])
    return "".join(pieces).encode("utf-8")


def _quote(text: str) -> str:
    quoted = json.dumps(text, ensure_ascii=False)
    try:
        quoted.encode("utf-8")
    except UnicodeEncodeError:  # a lone surrogate has no bytes, only an escape
        return json.dumps(text)
    return quoted
