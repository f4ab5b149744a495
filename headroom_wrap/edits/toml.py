"""Edits of TOML, by tomlkit."""

from __future__ import annotations

from typing import Any

from headroom_wrap.edits.text import MISSING, EditError, Path, same, taken_apart, value_at, with_value


def load(text: str) -> Any:
    """What the document says.

    Raises:
        EditError: it is not TOML.
    """
    return _parsed(taken_apart(text)[1]).unwrap()


def set_value(text: str, path: Path, value: Any) -> str:
    """The text with `value` at the path; tables on the way are made.

    Raises:
        EditError: it is not TOML, or what stands on the way is no table.
    """
    import tomlkit  # noqa: PLC0415 - few sessions edit TOML

    shape, body = taken_apart(text)
    document = _parsed(body)
    before = document.unwrap()
    if same(value_at(before, path), value):
        return text
    expected = with_value(before, path, value)
    table: Any = document
    for key in path[:-1]:
        if key not in table:
            table[key] = tomlkit.table(is_super_table=True)
        table = table[key]
    table[path[-1]] = value
    return shape.restore(_checked(_set_off(body, document.as_string()), expected))


def remove(text: str, path: Path) -> str:
    """The text without the path's last key, and without tables that it leaves empty of keys and of comments.

    Raises:
        EditError: it is not TOML, or what stands on the way is no table.
    """
    shape, body = taken_apart(text)
    document = _parsed(body)
    before = document.unwrap()
    if value_at(before, path) is MISSING:
        return text
    table: Any = document
    for key in path[:-1]:
        table = table[key]
    del table[path[-1]]
    edited = _without_gap(body, document.as_string())
    return shape.restore(_checked(edited, with_value(before, path, MISSING)))


def _parsed(body: str) -> Any:
    import tomlkit  # noqa: PLC0415 - few sessions edit TOML
    from tomlkit.exceptions import TOMLKitError  # noqa: PLC0415

    try:
        return tomlkit.parse(body)
    except TOMLKitError as error:
        raise EditError(f"it is not TOML ({error})") from error


def _checked(edited: str, expected: Any) -> str:
    """The edited text, once it is sure that it says what it should."""
    if not same(_parsed(edited).unwrap(), expected):
        raise EditError("it is written in a way that this edit does not understand")
    return edited


def _set_off(body: str, edited: str) -> str:
    """What was added with an empty line before it where it ends the text as a table, and with none behind it."""
    old, lines = body.splitlines(keepends=True), edited.splitlines(keepends=True)
    start = _first_difference(old, lines)
    stop = start + len(lines) - len(old)
    if start >= stop:
        return edited
    if start == len(old):
        if old and lines[start] != "\n" and (lines[start].startswith("[") or old[-1] == "\n"):
            lines.insert(start, "\n")
    elif lines[start] != "\n" and lines[stop - 1] == "\n":
        del lines[stop - 1]
    elif lines[start] == "\n" and lines[stop] != "\n":
        del lines[start]
    return "".join(lines)


def _without_gap(body: str, edited: str) -> str:
    """Take away the empty line that set off what was removed, where another or the end of the text follows."""
    lines = edited.splitlines(keepends=True)
    start = _first_difference(body.splitlines(keepends=True), lines)
    if start > 0 and lines[start - 1] == "\n" and (start == len(lines) or lines[start] == "\n"):
        del lines[start - 1]
    return "".join(lines)


def _first_difference(old: list[str], new: list[str]) -> int:
    differing = (n for n, (one, other) in enumerate(zip(old, new, strict=False)) if one != other)
    return next(differing, min(len(old), len(new)))
