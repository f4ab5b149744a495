"""Find where values stand in a JSON text, and put others in their place, leaving every other character alone.

The walk descends only where a wire format asks for it; what it does not ask for is skipped by the C scanner of
the standard library, which accepts all that JavaScript clients send (lone surrogates, big integers, NaN).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

_S = r"[ \t\n\r]*"
_SPACE = re.compile(_S)
_OPEN_OBJECT = re.compile(rf"{_S}\{{{_S}(\}})?")
_OPEN_ARRAY = re.compile(rf"{_S}\[{_S}(\])?")
_COLON = re.compile(rf"{_S}:{_S}")
_AFTER_MEMBER = re.compile(rf"{_S}([,}}]){_S}")
_AFTER_ELEMENT = re.compile(rf"{_S}([,\]]){_S}")
_NONE: Mapping[int, str] = MappingProxyType({})
_scan: Callable[[str, int], tuple[Any, int]] = json.JSONDecoder().scan_once  # type: ignore[attr-defined]  # untyped


class MalformedError(ValueError):
    """The text is not JSON of the shape that was walked."""


@dataclass(frozen=True, slots=True)
class Span:
    """Where a value stands: `text[start:end]`."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Inner:
    """Where a text stands inside a JSON string: at `text[start:end]` of the string, decoded, that is at `outer`.

    With `is_json` the string holds JSON itself, and what stands there is a JSON string of it.
    """

    outer: Span
    text: str = field(repr=False, compare=False)
    start: int
    end: int
    is_json: bool


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
        self.at = at
        self._pass(_SPACE)

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
            value, self.at = _scan(self.text, start)
        except (StopIteration, ValueError, RecursionError) as error:
            raise MalformedError(f"no JSON value at {start}") from error
        return value, Span(start, self.at)

    def members(self) -> Iterator[str]:
        """The keys of the object here, in order; a key that stands twice is malformed: who knows which one counts."""
        seen: set[str] = set()
        more = self._pass(_OPEN_OBJECT) is None
        while more:
            key = self.value()
            if not isinstance(key, str) or key in seen:
                raise MalformedError(f"no key, or one that stands twice, before {self.at}")
            seen.add(key)
            self._pass(_COLON)
            start = self.at
            yield key
            if self.at == start:
                self.value()
            more = self._pass(_AFTER_MEMBER) == ","

    def elements(self) -> Iterator[int]:
        """The indices of the array here, in order."""
        index = 0
        more = self._pass(_OPEN_ARRAY) is None
        while more:
            start = self.at
            yield index
            if self.at == start:
                self.value()
            index += 1
            more = self._pass(_AFTER_ELEMENT) == ","

    def at_end(self) -> bool:
        """Whether nothing but white space follows."""
        self._pass(_SPACE)
        return self.at == len(self.text)

    def _pass(self, pattern: re.Pattern[str]) -> str | None:
        """Step over punctuation and the space around it; gives the pattern's group, if it has one that took part."""
        match = pattern.match(self.text, self.at)
        if match is None:
            raise MalformedError(f"unexpected character at {self.at}")
        self.at = match.end()
        return match[pattern.groups]  # group 0, the whole match, only where there is no other


def splice(text: str, replacements: Mapping[Span | Inner, str], insertions: Mapping[int, str] = _NONE) -> bytes:
    """Put new texts in the place of old ones; every other character keeps its UTF-8 bytes.

    Args:
        text: the whole JSON text.
        replacements: place of a string, or inside one -> the text that it shall have, decoded.
        insertions: position outside the replaced places -> JSON to put in before it, as it is.
    """
    strings = {place: new for place, new in replacements.items() if isinstance(place, Span)}
    inside: dict[Span, list[tuple[Inner, str]]] = {}
    for place, new in replacements.items():
        if isinstance(place, Inner):
            inside.setdefault(place.outer, []).append((place, new))
    strings |= {outer: _refilled(places) for outer, places in inside.items()}
    try:
        return "".join(_pieces(text, strings, insertions, ascii_only=False)).encode("utf-8")
    except UnicodeEncodeError:  # a lone surrogate has no bytes, only an escape
        return "".join(_pieces(text, strings, insertions, ascii_only=True)).encode("utf-8")


def _refilled(places: list[tuple[Inner, str]]) -> str:
    """The decoded string with new texts inside it."""
    pieces: list[str] = []
    at, text = 0, places[0][0].text
    for place, new in sorted(places, key=lambda item: item[0].start):
        pieces += [text[at : place.start], json.dumps(new, ensure_ascii=False) if place.is_json else new]
        at = place.end
    return "".join([*pieces, text[at:]])


def _pieces(
    text: str, replacements: Mapping[Span, str], insertions: Mapping[int, str], *, ascii_only: bool
) -> Iterator[str]:
    at = 0
    changes = [(span.start, span.end, json.dumps(new, ensure_ascii=ascii_only)) for span, new in replacements.items()]
    changes += [(position, position, new) for position, new in insertions.items()]
    for start, end, new in sorted(changes):
        yield text[at:start]
        yield new
        at = end
    yield text[at:]
