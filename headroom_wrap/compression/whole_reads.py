"""Which calls of tools read whole files, and which files: those may lose bodies; reads of ranges never do."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from headroom_wrap.compression.commands import command_of, unwrapped
from headroom_wrap.compression.model import Hints

_WRITERS = re.compile(r"edit|write|update|create|replace|patch|insert|notebook", re.IGNORECASE)
_PATHS = frozenset(
    "path file_path filepath filename file target_file absolute_path paths file_paths filepaths files".split()
)
_RANGES = frozenset(
    "offset limit view_range start_line end_line startline endline start end line_start line_end lines range "
    "start_line_one_indexed end_line_one_indexed_inclusive start_line_number_base_zero end_line_number_base_zero "
    "line_count head tail".split()
)
_WHOLE: tuple[object, ...] = (None, "", 0, 1, [], -1, [0, -1], [1, -1])
"""Arguments that name a range and leave nothing out."""
_EDITED = re.compile(
    r"\b(?:verify|review|check|confirm|re-?read)\b.{0,40}\b(?:my|the|these|those|all) "
    r"(?:final|edit|change|modification|fix\b)"
    r"|\b(?:just|have) (?:edited|changed|modified|updated|written)\b",
    re.IGNORECASE,
)
_SUFFIX = re.compile(r"[\w\])}\"'*-]\.([A-Za-z]\w{0,3}|c\+\+|h\+\+)(?=[\s\"';|&)}\]]|\Z)")
_SEGMENT = re.compile(r"&&|\|\||;|\n|(?<!\|)\|(?!\|)")
_READING = re.compile(
    r"(?:cd|pushd|popd|echo|printf|true|export|set|for|done|do|source|\w+=\S*)\b|(?:do\s+)?(?:cat|bat|batcat|nl|less|more)\b"
    r"|tail\s+(?:-n\s*|--lines=)?\+[01]\b|find\b(?!.*-delete)|git ls-files\b"
    r"|xargs(?:\s+-\S+(?:\s+\d+)?)*\s+(?:cat|bat|nl)\b"
)
_READER = re.compile(r"(?<![\w/.-])(?:(?:cat|bat|batcat|nl)\b|tail\s+(?:-n\s*|--lines=)?\+[01]\b)")
"""`tail -n +1 a b` is how several files are printed, each under its name."""
_MAX_COMMAND_CHARS = 4000


def suffixes_read_whole(hints: Hints) -> tuple[str, ...] | None:
    """The distinct suffixes of the files that a call reads from end to end; None where it reads a range, or edits."""
    if _EDITED.search(hints.query[-400:]):
        return None
    command = command_of(hints.tool_input)
    paths = _paths(hints.tool_input)
    if command and not paths:
        return _of_command(unwrapped(command))
    if _WRITERS.search(hints.tool_name) and command != "view":
        return None
    for name, value in hints.tool_input.items():
        if name.lower() in _RANGES and value not in _WHOLE:
            return None
    return tuple(dict.fromkeys(suffix.lower() for path in paths for suffix in _SUFFIX.findall(path)))


def _paths(tool_input: Mapping[str, Any]) -> Sequence[str]:
    found: list[str] = []
    for name, value in tool_input.items():
        if name.lower() in _PATHS:
            found += [value] if isinstance(value, str) else [each for each in value or () if isinstance(each, str)]
    return found


def _of_command(command: str) -> tuple[str, ...] | None:
    """For `cat a.py b.py`, also with `cd`, `echo` and loops around it; a filter or another program makes it None."""
    if len(command) > _MAX_COMMAND_CHARS or not _READER.search(command):
        return None
    segments = [segment.strip() for segment in _SEGMENT.split(command)]
    if not all(_READING.match(segment) for segment in segments if segment):
        return None
    read = " ".join(segment for segment in segments if not segment.startswith(("echo", "printf")))
    return tuple(dict.fromkeys(suffix.lower() for suffix in _SUFFIX.findall(read)))
