"""What all edits have in common: byte order mark, newlines, the end of the file, and texts that none may touch."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

BOM = "\ufeff"
Path = tuple[str, ...]
"""The keys from the root of a document to a value."""

MISSING: Any = object()
"""Stands for the value of a key that is not there."""

_CONFLICT = re.compile(r"^(?:<{7}|>{7})(?: |$)", re.MULTILINE)


class EditError(ValueError):
    """The text cannot be edited without a risk for what else stands in it. Its message is the end of a sentence."""


class UnresolvedMergeError(EditError):
    """The text holds markers of a merge that nobody resolved."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What an edit gives back to a text.

    Attributes:
        bom: whether it began with a byte order mark.
        newline: what ends its lines, where all end alike; else empty, and nothing is converted.
        is_closed: whether its last line ended with a newline; an empty text counts as closed.
    """

    bom: bool
    newline: str
    is_closed: bool

    def restore(self, body: str) -> str:
        """The edited body with all that `taken_apart` took from it."""
        body = body if self.is_closed else body.removesuffix("\n")
        body = body.replace("\n", self.newline) if self.newline not in ("", "\n") else body
        return BOM + body if self.bom else body


def taken_apart(text: str) -> tuple[Shape, str]:
    """The shape of a text, and its body: without a byte order mark, lines ending with a bare newline, the last one too.

    Raises:
        EditError: the text holds markers of an unresolved merge.
    """
    if _CONFLICT.search(text):
        raise UnresolvedMergeError("it holds the markers of an unresolved merge")
    body = text.removeprefix(BOM)
    n_pairs, n_newlines = body.count("\r\n"), body.count("\n")
    newline = "" if n_pairs != n_newlines and n_pairs else "\r\n" if n_pairs else "\n"
    is_closed = body == "" or body.endswith("\n")
    body = body.replace("\r\n", "\n") if newline == "\r\n" else body
    return Shape(text.startswith(BOM), newline, is_closed), body if is_closed else body + "\n"


def value_at(document: Any, path: Path) -> Any:
    """What stands at a path of nested mappings; `MISSING` where nothing does."""
    for key in path:
        if not isinstance(document, dict) or key not in document:
            return MISSING
        document = document[key]
    return document


def with_value(document: Any, path: Path, value: Any) -> Any:
    """The document with another value at the path, or without one where it is `MISSING`; the given one is not changed.

    Raises:
        EditError: what stands on the way is no mapping.
    """
    if not path:
        return value
    if document is MISSING:
        document = {}
    if not isinstance(document, dict):
        raise EditError(f"what stands above {path[0]!r} is no group of keys")
    below = with_value(document.get(path[0], MISSING), path[1:], value)
    rest = {key: inner for key, inner in document.items() if key != path[0] or below is not MISSING}
    return rest if below is MISSING else {**rest, path[0]: below}


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal and of equal kinds: 1, 1.0 and true are three."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and bool(one == other)
