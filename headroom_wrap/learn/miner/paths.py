"""Files that were looked for in one place and found in another."""

from __future__ import annotations

import re
from collections.abc import Iterator
from posixpath import basename, dirname, splitext

from headroom_wrap.learn.events import Call, Outcome, ToolKind
from headroom_wrap.learn.findings import FindingKind, Sighting
from headroom_wrap.learn.miner.goals import READERS
from headroom_wrap.learn.miner.merging import ARROW
from headroom_wrap.learn.miner.shell import family_of, join
from headroom_wrap.learn.miner.trail import Step, Trail

_LOOK_AHEAD = 15
_LOOK_AHEAD_COMMON = 6
_HEAD_CHARS = 600
_MISSING = re.compile(
    r"[Nn]o such file|does not exist|[Nn]ot found|ENOENT|cannot find|could not find|[Nn]o file|doesn't exist|can't find"
    r"|os error 2|Cannot access|not exist"
)
_FILE = re.compile(r"[\w./@+~][\w./@+~-]*")
_COMMON = frozenset(
    "__init__.py index.ts index.js index.tsx index.html main.py main.go main.rs mod.rs lib.rs package.json readme.md "
    "makefile cargo.toml pyproject.toml dockerfile setup.py conftest.py tsconfig.json types.ts utils.py go.mod".split()
)
"""Names that many folders have."""
_WEIGHT, _WEIGHT_COMMON = 0.7, 0.4


def mine(trail: Trail) -> Iterator[Sighting]:
    """Reads that failed for the path, with the path that was read then."""
    done: set[str] = set()
    for step in trail.steps:
        if (
            step.call.kind not in (ToolKind.READ, ToolKind.SHELL, ToolKind.EDIT)
            or step.call.outcome is not Outcome.FAILED
        ):
            continue
        if not _MISSING.search(step.call.text[:_HEAD_CHARS]):
            continue
        for path in _missing(trail, step):
            if path not in done and (found := _found(trail, step, path)) is not None:
                done.add(path)
                yield found


def _missing(trail: Trail, step: Step) -> list[str]:
    """The paths that a failed read named, as seen from the project's root."""
    paths = _paths(trail, step)
    if step.call.kind is ToolKind.SHELL:
        lines = [line for line in step.call.text[: _HEAD_CHARS * 4].splitlines() if _MISSING.search(line)]
        return [path for path, given in paths if any(given in line for line in lines)]
    return [path for path, _ in paths]


def _paths(trail: Trail, step: Step) -> list[tuple[str, str]]:
    """What a call reads or edits: each path as seen from the root, and as given."""
    call = step.call
    if call.kind is not ToolKind.SHELL:
        return [(trail.relative(call.path, call.cwd), call.path)] if call.path else []
    found: list[tuple[str, str]] = []
    for simple in step.simples:
        if family_of(simple.program) in READERS or simple.program in READERS:
            files = (word for word in simple.words[1:] if _FILE.fullmatch(word) and "." in basename(word))
            found += [(trail.relative(join(simple.folder, word), call.cwd), word) for word in files]
    return found


def _found(trail: Trail, step: Step, missing: str) -> Sighting | None:
    name = basename(missing)
    if not name or name in (".", ".."):
        return None
    is_common = name.lower() in _COMMON
    for later in trail.after(step, _LOOK_AHEAD_COMMON if is_common else _LOOK_AHEAD):
        if later.call.kind not in (ToolKind.READ, ToolKind.EDIT, ToolKind.SHELL) or not later.is_ok:
            continue
        if _makes(later.call, name):
            return None
        for path, _ in _paths(trail, later):
            if path == missing:
                # It came to be there.
                return None
            if _is_it(missing, path):
                weight = _WEIGHT_COMMON if is_common else _WEIGHT
                text = f"Look for `{name}` at `{path}`: there is no `{missing}`."
                quote = next((line for line in step.call.text.splitlines() if _MISSING.search(line)), step.call.text)
                return trail.sighting(FindingKind.PATH, f"{missing}{ARROW}{path}", text, [step], quote, weight)
    return None


def _is_it(missing: str, path: str) -> bool:
    """Whether one path is what another was to be: the same name elsewhere, or the same place with another ending."""
    if basename(path) == basename(missing):
        return True
    (one, ending), (other, other_ending) = splitext(missing), splitext(path)
    return one == other and (ending, other_ending) != ("", "") and dirname(one) == dirname(other)


def _makes(call: Call, name: str) -> bool:
    """Whether a call writes a file of that name anew."""
    if call.kind is ToolKind.EDIT:
        is_new = call.tool.lower() in ("write", "create", "create_file", "write_file") or "*** Add File" in str(
            call.input.get("input", "")
        )
        return is_new and basename(call.path) == name
    return call.kind is ToolKind.SHELL and re.search(rf">\s*\S*{re.escape(name)}", call.command) is not None
