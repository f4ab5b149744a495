"""Sections of ours in Markdown, between two comments that name them."""

from __future__ import annotations

import re

from headroom_wrap.edits.text import EditError, taken_apart

_NAME = re.compile(r"[a-z0-9-]+")
_MARK = re.compile(r"^<!-- headroom:([a-z0-9-]+):(start|end) -->[ \t]*\r?\n", re.MULTILINE)
"""In a file whose lines end in two ways, the carriage returns are still there."""


def sections(text: str) -> dict[str, str]:
    """The bodies of our sections by name.

    Raises:
        EditError: the marks do not fit together.
    """
    _, body = taken_apart(text)
    return {name: body[start:end] for name, (_, start, end, _) in _spans(body).items()}


def set_section(text: str, name: str, body: str) -> str:
    """The text with this section; a new one comes last, behind an empty line.

    Args:
        text: the document.
        name: small letters, digits and hyphens.
        body: Markdown; a newline at its end is added where it has none.

    Raises:
        EditError: the marks in the text do not fit together, or the name or body would break them.
    """
    shape, document = taken_apart(text)
    section = f"<!-- headroom:{name}:start -->\n{body.removesuffix(chr(10))}\n<!-- headroom:{name}:end -->\n"
    if not _NAME.fullmatch(name) or _MARK.search(body + "\n"):
        raise EditError("a section's name and body may not hold marks of sections")
    spans = _spans(document)
    if name in spans:
        start, _, _, end = spans[name]
        edited = document[:start] + section + document[end:]
    else:
        edited = f"{document}\n{section}" if document else section
    _spans(edited)
    return shape.restore(edited)


def remove_section(text: str, name: str) -> str:
    """The text without this section and the empty line before it.

    Raises:
        EditError: the marks in the text do not fit together.
    """
    shape, document = taken_apart(text)
    spans = _spans(document)
    if name not in spans:
        return text
    start, _, _, end = spans[name]
    before = document[:start]
    if before.endswith("\n\n") or before == "\n":
        before = before[:-1]
    return shape.restore(before + document[end:])


def _spans(document: str) -> dict[str, tuple[int, int, int, int]]:
    """Of each section: where it starts, where its body starts and ends, and where it ends."""
    spans: dict[str, tuple[int, int, int, int]] = {}
    opened: re.Match[str] | None = None
    for mark in _MARK.finditer(document):
        name, line = mark[1], _line_of(document, mark)
        if mark[2] == "start":
            if opened is not None:
                first = _line_of(document, opened)
                raise EditError(f"the section {opened[1]} of line {first} has no end before line {line}")
            if name in spans:
                raise EditError(f"line {line} opens the section {name} a second time")
            opened = mark
        elif opened is None or opened[1] != name:
            raise EditError(f"line {line} ends a section {name} that is not open there")
        else:
            spans[name] = opened.start(), opened.end(), mark.start(), mark.end()
            opened = None
    if opened is not None:
        raise EditError(f"the section {opened[1]} of line {_line_of(document, opened)} has no end")
    return spans


def _line_of(document: str, mark: re.Match[str]) -> int:
    return document.count("\n", 0, mark.start()) + 1
