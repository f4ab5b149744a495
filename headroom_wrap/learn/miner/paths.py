"""Files that were looked for in one place and found in another."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from headroom_wrap.learn.events import Outcome, ToolKind
from headroom_wrap.learn.findings import FindingKind, Sighting
from headroom_wrap.learn.miner.errors import line_of
from headroom_wrap.learn.miner.trace import Step, Trace
from headroom_wrap.learn.miner.words import READING

_WINDOW, _NEAR = 14, 5
_SCANNED_CHARS = 600
_MAX_PATH_CHARS = 120
_GONE = (
    "no such file", "does not exist", "not found", "enoent", "cannot find the", "couldn't find", "no file at",
    "file not found",
)  # fmt: skip
_COMMON = frozenset(
    "__init__.py index.ts index.js index.tsx index.html main.py main.go "
    "main.rs mod.rs lib.rs package.json README.md Makefile "
    "setup.py conftest.py utils.py types.ts Dockerfile Cargo.toml "
    "go.mod pom.xml tsconfig.json config.py pyproject.toml "
    "CMakeLists.txt .gitignore src test tests lib docs dist build bin".split()
)  # fmt: skip
"""Names that stand in many folders: the one is mostly not what was looked for in the place of the other."""


def mine(trace: Trace) -> Iterator[Sighting]:
    """The sightings of a session's reads, edits and commands that print files."""
    told: set[str] = set()
    for step in trace.steps:
        if step.call.outcome is not Outcome.FAILED:
            continue
        text = step.call.text[:_SCANNED_CHARS]
        lowered = text.lower()
        if not any(words in lowered for words in _GONE):
            continue
        for missing in _asked(step):
            if step.call.kind is ToolKind.SHELL and not _is_named(missing, text):
                continue
            found = _found(trace, step, missing)
            if found and missing not in told:
                told.add(missing)
                line = next((line for line in text.splitlines() if any(words in line.lower() for words in _GONE)), text)
                quote = line_of(line.replace("<tool_use_error>", "").replace("</tool_use_error>", ""))
                said = f"Look for `{posixpath.basename(found)}` at `{found}`, not at `{missing}`."
                sighting = trace.sighting(FindingKind.PATH, missing, said, step, quote, 0.85)
                if sighting is not None:
                    yield sighting


def _found(trace: Trace, step: Step, missing: str) -> str:
    """Where a file of that name was read later, "" if nowhere; not one that was made in between."""
    name = posixpath.basename(missing)
    limit = _NEAR if name in _COMMON else _WINDOW
    if not name or not trace.session.events:
        return ""
    for later in trace.after(step, limit):
        if (
            later.call.kind is ToolKind.EDIT
            and posixpath.basename(later.path) == name
            and not _was_seen(trace, step, later)
        ):
            return ""
        if later.call.outcome is not Outcome.OK:
            continue
        for path in _asked(later):
            if path == missing or len(path) > _MAX_PATH_CHARS or _is_outside(path):
                if path == missing:
                    return ""
                continue
            if posixpath.basename(path) == name and not _is_same(path, missing):
                return path
            if later.place - step.place <= _NEAR and _has_another_ending(path, missing):
                return path
    return ""


def _was_seen(trace: Trace, step: Step, later: Step) -> bool:
    """Whether a file that is edited had been read, and so was not made by this edit."""
    between = trace.steps[step.place + 1 : later.place]
    return any(later.path in _asked(each) and each.call.outcome is Outcome.OK for each in between)


def _is_outside(path: str) -> bool:
    return path.startswith(("/tmp/", "/proc/", "/dev/"))  # noqa: S108 - words, not files


def _is_same(path: str, missing: str) -> bool:
    """Whether one is only a longer spelling of the other: absolute or not, from another folder."""
    if posixpath.isabs(path) == posixpath.isabs(missing):
        return False
    # A folder of the same name in another root says nothing; a file does.
    is_folder = "." not in posixpath.basename(path)
    return path.endswith("/" + missing.lstrip("./")) or (is_folder and missing.endswith("/" + path))


_ENDINGS = (
    frozenset({".yml", ".yaml"}), frozenset({".js", ".ts", ".jsx", ".tsx", ".mjs", ".cjs", ".mts", ".cts"}),
    frozenset({".md", ".rst", ".txt"}), frozenset({".json", ".jsonc", ".json5"}), frozenset({".h", ".hpp", ".hh"}),
    frozenset({".c", ".cc", ".cpp", ".cxx"}), frozenset({".css", ".scss", ".less"}),
    frozenset({".toml", ".ini", ".cfg"}),
)  # fmt: skip


def _has_another_ending(path: str, missing: str) -> bool:
    """Whether it is the file in the same place with another ending of its kind."""
    (one, ending), (other, wanted) = posixpath.splitext(path), posixpath.splitext(missing)
    return one == other and ending != wanted and any({ending, wanted} <= endings for endings in _ENDINGS)


def _is_named(missing: str, text: str) -> bool:
    return missing in text or posixpath.basename(missing) in text


def _asked(step: Step) -> tuple[str, ...]:
    """The files that a step reads."""
    kind = step.call.kind
    if kind in (ToolKind.READ, ToolKind.EDIT):
        return (step.path,) if step.path else ()
    if kind is not ToolKind.SHELL:
        return ()
    found = []
    for command in step.commands:
        if command.name not in READING or any(char in command.text for char in "*$`{"):
            continue
        paths = [word for word in command.words[1:] if _is_path(word) or (command.name == "ls" and word.isalnum())]
        found += [posixpath.normpath(posixpath.join(step.folder, command.folder, word)) for word in paths]
    return tuple(found)


def _is_path(word: str) -> bool:
    return ("/" in word or "." in word) and not any(char in word for char in "|;,()'\" ^") and word not in (".", "..")
