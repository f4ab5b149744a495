"""Where things stand in JSON, JSON with comments, and JSON5 (https://spec.json5.org)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from headroom_wrap.edits.text import EditError

SPACE = " \t\n\r\f\v\xa0\u2028\u2029\ufeff"
_MAX_DEPTH = 200
_TRIVIA = re.compile(rf"(?:[{SPACE}]+|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"|' + r"'(?:[^'\\\n]|\\.)*'", re.DOTALL)
_WORD = re.compile(r"[^\s,:{}\[\]\"'/]+")
_QUOTES = ('"', "'")
_NAME = re.compile(r"(?:[\w$\u200c\u200d]|\\u[0-9a-fA-F]{4})+")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(\r\n|.))", re.DOTALL)
_ESCAPED = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "0": "\0", "\n": "", "\r\n": ""}
_NUMBER = re.compile(r"[+-]?(?:0[xX][0-9a-fA-F]+|\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|Infinity|NaN)")
_INTEGER = re.compile(r"[+-]?\d+")
_LITERALS = {"true": True, "false": False, "null": None}


@dataclass(frozen=True, slots=True)
class Member:
    """A key and its value; `start` is where the key begins."""

    key: str
    start: int
    value: Node


@dataclass(frozen=True, slots=True)
class Node:
    """A value: its first position, the position after its last, what it says, and its members where it is an object."""

    start: int
    end: int
    value: Any
    members: tuple[Member, ...] = ()

    @property
    def is_object(self) -> bool:
        """Whether it has members, or could have."""
        return isinstance(self.value, dict)


def parse(text: str) -> Node | None:
    """The document's value; None where there is none, but comments at most.

    Raises:
        EditError: the text is not of this format.
    """
    scanner = _Scanner(text)
    scanner.pass_trivia()
    if scanner.at == len(text):
        return None
    node = scanner.value(0)
    scanner.pass_trivia()
    if scanner.at != len(text):
        raise scanner.wrong()
    return node


def after_trivia(text: str, at: int) -> int:
    """The position after white space and comments."""
    match = _TRIVIA.match(text, at)
    return at if match is None else match.end()


class _Scanner:
    """Reads a text from its beginning to its end; `at` is the next position."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.at = 0

    def pass_trivia(self) -> None:
        self.at = after_trivia(self._text, self.at)

    def wrong(self) -> EditError:
        line = self._text.count("\n", 0, self.at) + 1
        return EditError(f"its line {line} is not JSON, not even with comments")

    def value(self, depth: int) -> Node:
        if depth > _MAX_DEPTH:
            raise EditError("it is nested too deeply")
        start = self.at
        first = self._text[start : start + 1]
        members: tuple[Member, ...] = ()
        value: Any
        if first == "{":
            members = tuple(self._members(depth))
            value = {member.key: member.value.value for member in members}
        elif first == "[":
            value = list(self._items(depth))
        elif first in _QUOTES:
            value = self._string()
        else:
            value = self._scalar()
        return Node(start, self.at, value, members)

    def _members(self, depth: int) -> Iterator[Member]:
        for _ in self._separated("}"):
            start = self.at
            key = self._key()
            self.pass_trivia()
            self._expect(":")
            self.pass_trivia()
            yield Member(key, start, self.value(depth + 1))

    def _items(self, depth: int) -> Iterator[Any]:
        for _ in self._separated("]"):
            yield self.value(depth + 1).value

    def _separated(self, end: str) -> Iterator[None]:
        """Stops at each item up to the closing bracket; a comma may stand after the last."""
        self.at += 1
        self.pass_trivia()
        while not self._text.startswith(end, self.at):
            yield
            self.pass_trivia()
            if not self._text.startswith(end, self.at):
                self._expect(",")
                self.pass_trivia()
        self.at += 1

    def _expect(self, character: str) -> None:
        if not self._text.startswith(character, self.at):
            raise self.wrong()
        self.at += 1

    def _key(self) -> str:
        if self._text[self.at : self.at + 1] in _QUOTES:
            return self._string()
        return _unescaped(self._match(_NAME))

    def _string(self) -> str:
        return _unescaped(self._match(_STRING)[1:-1])

    def _scalar(self) -> Any:
        word = self._match(_WORD)
        if word in _LITERALS:
            return _LITERALS[word]
        if not _NUMBER.fullmatch(word):
            raise self.wrong()
        if word.lstrip("+-").lower().startswith("0x"):
            return int(word, 16)
        return int(word) if _INTEGER.fullmatch(word) else float(word.replace("Infinity", "inf"))

    def _match(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self.at)
        if match is None:
            raise self.wrong()
        self.at = match.end()
        return match[0]


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(_meaning, text).encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _meaning(match: re.Match[str]) -> str:
    code = match[1] or match[2]
    return chr(int(code, 16)) if code else _ESCAPED.get(match[3], match[3])
