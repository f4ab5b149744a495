"""Commands that failed for how they were run, and the variant that then worked, or what had to be done first."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from posixpath import basename, normpath

from headroom_wrap.learn.events import Call, Outcome, ToolKind
from headroom_wrap.learn.findings import FindingKind, Sighting
from headroom_wrap.learn.miner.causes import Cause, Why, cause_of
from headroom_wrap.learn.miner.goals import READERS, are_alike, is_preparation, is_probe, purpose_of
from headroom_wrap.learn.miner.merging import ARROW
from headroom_wrap.learn.miner.shell import Core, Simple, core, family_of
from headroom_wrap.learn.miner.trail import MAX_COMMAND_CHARS, Step, Trail, one_line, shown

_LOOK_AHEAD = 30
_MASKED_CHARS = 1500
"""A pipe hides the exit code: an answer that is no longer may still say that the program is not there."""
_RAN = re.compile(
    r"\b\d+ (?:passed|failed|passing|failing|errors?|tests?)\b|\bTests run:|\bRan \d+ tests?\b|^(?:ok|FAIL)\s",
    re.MULTILINE,
)
_MASTER = re.compile(r"\b(?:main|master|trunk|develop)\b")


@dataclass(frozen=True, slots=True)
class _Failed:
    """A failed command: the simple command of its line that failed, and why."""

    step: Step
    simple: Simple
    core: Core
    cause: Cause
    folder: str


@dataclass(frozen=True, slots=True)
class _Worked:
    """A command that worked, and what prepared it: commands before it on its line, or in calls between."""

    step: Step
    simple: Simple
    core: Core
    folder: str
    on_its_line: tuple[Simple, ...]


def mine(trail: Trail) -> Iterator[Sighting]:
    """What commands failed for, with what worked then."""
    last: tuple[Why, str, str] | None = None
    for step in trail.steps:
        failed = _failed(trail, step)
        if failed is None:
            continue
        key = failed.cause.why, failed.cause.what, failed.core.head
        if key == last:
            continue
        if (found := _fixed(trail, failed)) is not None:
            last = key
            yield found


def _failed(trail: Trail, step: Step) -> _Failed | None:
    call = step.call
    if call.kind is not ToolKind.SHELL or not call.command or not call.text:
        return None
    is_masked = call.outcome in (Outcome.OK, Outcome.UNKNOWN)
    if is_masked and (len(call.text) > _MASKED_CHARS or not _may_mask(call)):
        return None
    if call.outcome not in (Outcome.OK, Outcome.UNKNOWN, Outcome.FAILED):
        return None
    cause = cause_of(call.text)
    if cause is None or (is_masked and cause.why not in (Why.PROGRAM, Why.MODULE, Why.FOLDER, Why.TARGET, Why.OPTION)):
        return None
    simple = _culprit(step.simples, cause)
    if simple is None or simple.has_fallback or is_probe(simple) or family_of(simple.program) in READERS:
        return None
    return _Failed(step, simple, core(simple.words), cause, trail.folder(step, simple))


def _may_mask(call: Call) -> bool:
    """Whether the exit code may be another command's than that which failed."""
    return call.outcome is Outcome.UNKNOWN or any(sign in call.command for sign in ("|", ";", "\n"))


def _culprit(simples: tuple[Simple, ...], cause: Cause) -> Simple | None:
    """The simple command that failed: the one that the cause names, else the first that is no preparation."""
    name = basename(cause.what)
    for simple in simples:
        if cause.what in simple.words or (name and name in map(basename, simple.words)):
            return simple
    line_starts = cause.line.split(":", 1)[0]
    for simple in simples:
        if basename(simple.program) == basename(line_starts):
            return simple
    working = [simple for simple in simples if not is_preparation(simple) and not is_probe(simple)]
    rest = working or [simple for simple in simples if not is_probe(simple)]
    return rest[0] if rest else None


def _fixed(trail: Trail, failed: _Failed) -> Sighting | None:
    """The sighting, if what was wanted worked later in a way that teaches something."""
    prepared: list[tuple[Step, Simple]] = []
    for step in trail.after(failed.step, _LOOK_AHEAD):
        call = step.call
        if call.kind is not ToolKind.SHELL or not _works(call):
            if call.kind is ToolKind.EDIT and _creates(call, failed):
                return None
            continue
        before: list[Simple] = []
        for simple in step.simples:
            worked = _Worked(step, simple, core(simple.words), trail.folder(step, simple), tuple(before))
            if _is_after_the_same(failed, worked):
                return _sighting(trail, failed, worked, prepared)
            if is_preparation(simple):
                before.append(simple)
        prepared += [(step, simple) for simple in before]
    return None


def _works(call: Call) -> bool:
    if call.outcome is Outcome.OK:
        return not (len(call.text) <= _MASKED_CHARS and _may_mask(call) and cause_of(call.text))
    if call.outcome is Outcome.FAILED:
        # Tests that ran and were red: they were run rightly.
        return bool(_RAN.search(call.text[-2000:])) and cause_of(call.text) is None
    return call.outcome is Outcome.UNKNOWN and bool(call.text) and cause_of(call.text) is None


def _creates(call: Call, failed: _Failed) -> bool:
    """Whether an edit made what was missing: then it was the task."""
    if call.outcome not in (Outcome.OK, Outcome.UNKNOWN) or failed.cause.why not in (
        Why.FILE,
        Why.MODULE,
        Why.FOLDER,
        Why.TARGET,
    ):
        return False
    stem = re.split(r"[./]", basename(failed.cause.what) if failed.cause.why is Why.FILE else failed.cause.what)[0]
    place = call.path.replace("\\", "/")
    if failed.cause.why in (Why.FOLDER, Why.TARGET):
        return basename(place) in (
            "package.json",
            "Makefile",
            "Cargo.toml",
            "go.mod",
            "pyproject.toml",
            "justfile",
            "CMakeLists.txt",
        )
    return bool(stem) and re.search(rf"(?:^|/){re.escape(stem)}(?:$|[./])", place) is not None


def _is_after_the_same(failed: _Failed, worked: _Worked) -> bool:
    """Whether a command that worked was after what the failed one was after."""
    cause = failed.cause
    one, other = failed.core, worked.core
    if is_probe(worked.simple):
        return (
            cause.why is Why.PROGRAM and one.family == other.family and one.head != other.head and are_alike(one, other)
        )
    if cause.why is Why.PROGRAM and cause.what in (failed.simple.program, *one.head.split()):
        if one.family == other.family:
            return other.head != one.head or are_alike(one, other)
        return _stands_for(one, other)
    if cause.why is Why.MODULE and one.family == cause.what and one.family == other.family:
        return True
    if one.family == other.family and _same_target(failed, worked):
        return True
    purpose = purpose_of(failed.simple)
    return (
        cause.why in (Why.PROGRAM, Why.FOLDER, Why.TARGET, Why.MANAGER, Why.MODULE)
        and purpose in ("test", "lint", "types", "build", "format")
        and purpose == purpose_of(worked.simple)
        and one.head != other.head
        and not is_preparation(worked.simple)
    )


def _same_target(failed: _Failed, worked: _Worked) -> bool:
    """Whether both work on the same, apart from what the cause says was wrong."""
    why, what = failed.cause.why, failed.cause.what
    one, other = failed.core, worked.core
    if why is Why.FILE:
        missing = [arg for arg in one.args if basename(normpath(arg)) == basename(what)]
        return any(basename(normpath(arg)) == basename(what) for arg in other.args) and bool(missing)
    if why is Why.OPTION:
        return (are_alike(one, other) or not (one.operands and other.operands)) and one.options != other.options
    if why is Why.TARGET:
        if _MASTER.fullmatch(what.removeprefix("origin/")):
            return (
                any(_MASTER.search(arg) and arg not in one.args for arg in other.args)
                and one.args[:1] == other.args[:1]
            )
        return one.head != other.head or one.args != other.args
    return are_alike(one, other)


def _stands_for(one: Core, other: Core) -> bool:
    """Whether another program did what a missing one was to do: half of what it was given is the same."""
    mine, theirs = {*one.operands}, {*other.operands}
    return bool(mine & theirs) and len(mine & theirs) * 2 >= len(mine)


def _sighting(trail: Trail, failed: _Failed, worked: _Worked, prepared: list[tuple[Step, Simple]]) -> Sighting | None:
    why = failed.cause.why
    if not _changed(failed, worked):
        ready = [*worked.on_its_line] or [simple for _, simple in prepared if _prepares(simple, failed)]
        is_task = why in (Why.MODULE, Why.FILE, Why.VARIABLE) and _is_of_the_task(trail, failed)
        if not ready or is_task or why in (Why.PORT, Why.OPTION, Why.TARGET):
            return None
        return _prepared(trail, failed, worked, ready[-1])
    if worked.step.n_edits > failed.step.n_edits:
        is_own = why in (Why.FILE, Why.VARIABLE, Why.OPTION) and _is_of_the_project(failed)
        if is_own or (why is Why.MODULE and _is_of_the_task(trail, failed)):
            return None
    if why is Why.VARIABLE and not _sets(failed, worked):
        return None
    return _instead(trail, failed, worked)


def _changed(failed: _Failed, worked: _Worked) -> bool:
    """Whether the command that worked differs in what can matter."""
    one, other = failed.core, worked.core
    why = failed.cause.why
    if one.head != other.head or failed.folder != worked.folder or _names(failed.simple) != _names(worked.simple):
        return True
    return why in (Why.OPTION, Why.FILE, Why.TARGET, Why.MANAGER, Why.RIGHTS) and one.args != other.args


def _names(simple: Simple) -> frozenset[str]:
    return frozenset(each.partition("=")[0] for each in simple.env)


def _sets(failed: _Failed, worked: _Worked) -> bool:
    what = failed.cause.what
    line = " ".join((*worked.simple.env, *worked.simple.words))
    return (
        what in line
        or "--settings" in line
        or _names(failed.simple) != _names(worked.simple)
        or bool(worked.on_its_line)
    )


def _prepares(simple: Simple, failed: _Failed) -> bool:
    """Whether a preparation is one for this cause, as far as it says."""
    return is_preparation(simple) and simple.words != failed.simple.words


def _is_of_the_project(failed: _Failed) -> bool:
    """Whether what was run is a script or program of the project itself, which the task may be about."""
    first = failed.core.args[0] if failed.core.args else ""
    return failed.simple.program.startswith(("./", "../")) or first.endswith((".py", ".js", ".ts", ".sh", ".rb", ".go"))


def _is_of_the_task(trail: Trail, failed: _Failed) -> bool:
    """Whether the agent itself had brought in what is missing, so that to add it was the task."""
    what = failed.cause.what
    root = what if what.startswith("@") else re.split(r"[./]", what)[0]
    for step in trail.steps[: failed.step.place]:
        if step.call.kind is ToolKind.EDIT and any(root in value for value in _texts(step.call.input)):
            return True
    return False


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


_WEIGHTS = {
    Why.PROGRAM: 0.8, Why.MODULE: 0.75, Why.FOLDER: 0.75, Why.FILE: 0.7, Why.TARGET: 0.7, Why.OPTION: 0.65,
    Why.VARIABLE: 0.75, Why.RIGHTS: 0.65, Why.VERSION: 0.7, Why.SERVICE: 0.6, Why.PORT: 0.6, Why.MANAGER: 0.75,
}  # fmt: skip


def _instead(trail: Trail, failed: _Failed, worked: _Worked) -> Sighting | None:
    """Run this instead of that."""
    bad = shown(failed.simple, failed.folder)
    simple = worked.simple
    before = [each for each in worked.on_its_line if _prepares(each, failed)]
    good = shown(replace(simple, folder=""), worked.folder)
    if before and not worked.folder:
        good = " && ".join([*map(shown, before), good])
    same_args = failed.core.args == worked.core.args
    if max(len(bad), len(good)) > MAX_COMMAND_CHARS or "\n" in bad + good:
        if failed.core.head == worked.core.head:
            return None
        bad, good = failed.core.head, worked.core.head
    if one_line(bad) == one_line(good):
        return None
    if failed.core.family == worked.core.family and (same_args or failed.cause.why in (Why.PROGRAM, Why.MODULE)):
        subject = (
            f"{_place(failed.folder)}{failed.core.head}{ARROW}{_place(worked.folder)}{_env(simple)}{worked.core.head}"
        )
    else:
        subject = f"{bad}{ARROW}{good}"
    text = f"Run `{good}` instead of `{bad}` ({_said(failed.cause)})."
    weight = _WEIGHTS[failed.cause.why] * (1.0 if worked.step.place - failed.step.place <= _NEAR else 0.8)
    return trail.sighting(FindingKind.COMMAND, subject, text, [failed.step], failed.cause.line, weight)


_NEAR = 12


def _place(folder: str) -> str:
    return f"cd {folder} && " if folder else ""


def _env(simple: Simple) -> str:
    return "".join(f"{each} " for each in simple.env)


def _prepared(trail: Trail, failed: _Failed, worked: _Worked, ready: Simple) -> Sighting | None:
    """Do this first."""
    first, then = shown(ready), shown(worked.simple, worked.folder)
    if len(then) > MAX_COMMAND_CHARS:
        then = worked.core.head
    if len(first) > MAX_COMMAND_CHARS or "\n" in first + then:
        return None
    subject = f"{failed.cause.why.value} {failed.cause.what}: {first}"
    text = f"Run `{first}` before `{then}` ({_said(failed.cause)})."
    return trail.sighting(
        FindingKind.ENVIRONMENT, subject, text, [failed.step], failed.cause.line, _WEIGHTS[failed.cause.why] * 0.9
    )


def _said(cause: Cause) -> str:
    """The words of the failure, short."""
    said = cause.line.removeprefix("E   ").strip().rstrip(".").replace("`", "'")
    return said if len(said) <= _MAX_SAID else said[: _MAX_SAID - 3] + "..."


_MAX_SAID = 100
