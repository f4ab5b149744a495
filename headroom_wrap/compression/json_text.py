"""JSON as it is spelled: members and elements as slices of the source, so that nothing is read and written anew.

Order of use: `end_of_value` finds that a text is valid, `minified` takes its white space out, the rest walks it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

Member = tuple[str, str]
"""A key and a value of an object, each as spelled in the source; the key with its quotes."""

_SPACE = re.compile(r"[ \t\n\r]*")
_STRING = re.compile(r'("[^"\\]*(?:\\.[^"\\]*)*")')
_SPACES = dict.fromkeys(map(ord, " \t\n\r"))


class NotPlainJsonError(ValueError):
    """The text is not JSON of the kind that can be re-spelled: invalid, with duplicate keys, NaN, or too deep."""


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise NotPlainJsonError("duplicate keys")
    return members


def _no_constant(name: str) -> float:
    raise NotPlainJsonError(name)


_scan_strictly: Callable[[str, int], tuple[Any, int]] = json.JSONDecoder(
    object_pairs_hook=_no_duplicates, parse_constant=_no_constant
).raw_decode
_scan: Callable[[str, int], tuple[Any, int]] = json.JSONDecoder().raw_decode
read: Callable[[str], Any] = json.JSONDecoder().decode
"""The value of a text that is valid JSON."""


def skip_space(text: str, at: int) -> int:
    """The first place from `at` on that is not white space."""
    found = _SPACE.match(text, at)
    return found.end() if found else at


def end_of_value(text: str, at: int) -> int:
    """Where the value that begins at `at` ends.

    Raises:
        NotPlainJsonError: there is no valid value there, or one with duplicate keys, NaN, or too deep.
    """
    try:
        return _scan_strictly(text, at)[1]
    except (RecursionError, ValueError) as error:
        raise NotPlainJsonError(str(error)) from error


def minified(text: str) -> str:
    """Valid JSON without the white space between its tokens."""
    parts = _STRING.split(text)
    # No token but a string can hold a NUL, so that all that stands between strings goes through one call.
    parts[::2] = "\0".join(parts[::2]).translate(_SPACES).split("\0")
    return "".join(parts)


def elements(text: str, at: int = 0) -> list[tuple[int, int]]:
    """(start, end) of each element of the array at `at`, in valid minified JSON."""
    found: list[tuple[int, int]] = []
    while text[at] != "]" and text[at + 1] != "]":
        end = _scan(text, at + 1)[1]
        found.append((at + 1, end))
        at = end
    return found


def members(text: str, at: int = 0) -> list[tuple[str, int, int]]:
    """(key as spelled, start, end of its value) for each member of the object at `at`, in valid minified JSON."""
    found: list[tuple[str, int, int]] = []
    while text[at] != "}" and text[at + 1] != "}":
        colon = _scan(text, at + 1)[1]
        end = _scan(text, colon + 1)[1]
        found.append((text[at + 1 : colon], colon + 1, end))
        at = end
    return found


class Reader:
    """Members and elements of values, each value taken apart once, however often it stands in a text."""

    def __init__(self) -> None:
        self._members: dict[str, list[Member]] = {}
        self._elements: dict[str, list[str]] = {}
        self.cells: list[str] = []
        """Cells in which an object is spelled by its schema, as often as they were spelled."""

    def members(self, value: str) -> list[Member]:
        """The members of the object that `value` is."""
        found = self._members.get(value)
        if found is None:
            found = [(key, value[start:end]) for key, start, end in members(value)]
            self._members[value] = found
        return found

    def elements(self, value: str) -> list[str]:
        """The elements of the array that `value` is."""
        found = self._elements.get(value)
        if found is None:
            found = [value[start:end] for start, end in elements(value)]
            self._elements[value] = found
        return found


def are_objects(values: Sequence[str]) -> bool:
    """Whether all of some values, and there are some, are objects with members."""
    return bool(values) and all(value.startswith("{") and value != "{}" for value in values)


def are_arrays(values: Sequence[str]) -> bool:
    """Whether all of some values, and there are some, are arrays."""
    return bool(values) and all(value.startswith("[") for value in values)
