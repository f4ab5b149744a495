"""What is left of a file when our edit is taken out of it and the user's later ones stay."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath
from typing import Any, Protocol

from headroom_wrap.edits import jsonc, lines, markdown, toml, yaml
from headroom_wrap.edits.text import MISSING, EditError, Path, same, with_value


class _Format(Protocol):
    """How a document of keys and values is read and edited."""

    def load(self, text: str) -> Any: ...
    def set_value(self, text: str, path: Path, value: Any) -> str: ...
    def remove(self, text: str, path: Path) -> str: ...


_FORMATS: dict[str, _Format] = {
    ".json": jsonc, ".jsonc": jsonc, ".json5": jsonc, ".toml": toml, ".yml": yaml, ".yaml": yaml,
}  # fmt: skip
_MARKDOWN = (".md", ".mdc", ".markdown")


class _TogetherError(Exception):
    """Both changed the same."""


def merge(name: str, base: bytes, theirs: bytes, ours: bytes | None) -> bytes | None:
    """Merge three ways: by keys where the format has some, by lines where that gives the same, which keeps more bytes.

    Args:
        name: the file's name; its suffix tells the format.
        base: what we wrote.
        theirs: the file now.
        ours: what stood there before our edit; None where there was no file.

    Returns:
        The file as it should be now, nothing in it where there should be none; None where the user's edits and ours
        cannot be told apart.
    """
    try:
        texts = base.decode(), theirs.decode(), None if ours is None else ours.decode()
        suffix = PurePath(name).suffix.lower()
        if suffix in _FORMATS:
            merged: str | None = _by_keys(_FORMATS[suffix], *texts)
        else:
            merged = _by_lines(*texts)
            if merged is None and suffix in _MARKDOWN:
                merged = _by_sections(*texts)
    except (UnicodeDecodeError, EditError, _TogetherError):
        return None
    return None if merged is None else merged.encode()


def _by_lines(base: str, theirs: str, ours: str | None) -> str | None:
    return None if ours is None else lines.merge(base, theirs, ours)


def _by_keys(form: _Format, base: str, theirs: str, ours: str | None) -> str:
    values = form.load(base), form.load(theirs), {} if ours is None else form.load(ours)
    expected, edited = values[1], theirs
    for path, value in _changes(*values, ()):
        expected = with_value(expected, path, value)
        edited = form.remove(edited, path) if value is MISSING else form.set_value(edited, path, value)
    by_lines = _by_lines(base, theirs, ours)
    if by_lines is not None and _says(form, by_lines, expected):
        return by_lines
    return "" if ours is None and edited.strip() in ("{}", "") else edited


def _says(form: _Format, text: str, expected: Any) -> bool:
    try:
        return same(form.load(text), expected)
    except EditError:
        return False


def _changes(base: Any, theirs: Any, ours: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    """What is to be changed in theirs so that our edit is undone."""
    if same(base, ours) or same(theirs, ours):
        return
    if path and same(theirs, base):
        yield path, ours
        return
    if not (isinstance(base, dict) and isinstance(theirs, dict) and (ours is MISSING or isinstance(ours, dict))):
        raise _TogetherError
    before = {} if ours is MISSING else ours
    for key in {**base, **before}:
        one, other, wanted = (each.get(key, MISSING) for each in (base, theirs, before))
        yield from _changes(one, other, wanted, (*path, key))


def _by_sections(base: str, theirs: str, ours: str | None) -> str | None:
    """Undo our sections, where they are all that we changed."""
    before = "" if ours is None else ours
    names = markdown.sections(base).keys() | markdown.sections(before).keys()
    if _with_sections(base, names, before) != before:
        return None
    old, now, wanted = (markdown.sections(text) for text in (base, theirs, before))
    for name in names:
        if now.get(name) not in (old.get(name), wanted.get(name)):
            return None
    return _with_sections(theirs, names, before)


def _with_sections(text: str, names: set[str], source: str) -> str:
    """The text with the sections of these names as they stand in the source."""
    wanted = markdown.sections(source)
    for name in sorted(names):
        is_wanted = name in wanted
        text = markdown.set_section(text, name, wanted[name]) if is_wanted else markdown.remove_section(text, name)
    return text
