"""Commands that failed for a reason of the surroundings, and what then worked."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from headroom_wrap.learn.events import Outcome, ToolKind
from headroom_wrap.learn.findings import FindingKind, Sighting
from headroom_wrap.learn.miner import words
from headroom_wrap.learn.miner.errors import Failure, Trouble
from headroom_wrap.learn.miner.shell import Command
from headroom_wrap.learn.miner.trace import Step, Trace

_WINDOW = 25
_MAX_COMMAND, _MAX_QUOTE = 100, 70
_PLACE_OPTIONS = (
    "-C", "-f", "--file", "--prefix", "--manifest-path", "--project", "--project-directory", "-p", "--cwd", "--dir",
    "--rootdir", "--git-dir", "--filter", "-w", "--workspace", "--workspace-root", "-S", "--root", "--directory",
)  # fmt: skip
_SPOKEN_CHARS = 800
_TEMPORARY = re.compile(r"/(?:tmp|var/folders)/\S+")
_RESULTS = re.compile(r"\b\d+ (?:passed|failed)\b|test result:|^(?:ok|FAIL)\s|Tests:\s|Ran \d+ tests", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Fix:
    """What worked: another command, or the same behind a preparation; `step` is where it ran."""

    command: Command
    step: Step
    preparation: Command | None = None


def mine(trace: Trace) -> Iterator[Sighting]:
    """The sightings of a session's commands."""
    told: set[tuple[str, str]] = set()
    for step in trace.steps:
        if step.call.kind is not ToolKind.SHELL or not step.failed or (failure := step.failure) is None:
            continue
        failed = culprit(step, failure)
        if failed is None or _is_of_the_task(trace, step, failed, failure):
            continue
        fix = fix_for(trace, step, failed, failure)
        sighting = _tell(trace, step, failed, failure, fix)
        if sighting is not None and (sighting.subject, sighting.text) not in told:
            told.add((sighting.subject, sighting.text))
            yield sighting


def culprit(step: Step, failure: Failure) -> Command | None:
    """The command of a line that failed; None where its failing is no fault."""
    mains = step.works
    if failure.trouble is Trouble.PROGRAM:
        name = failure.name
        named = [each for each in step.commands if name in (each.program, each.name) or name in each.words[:6]]
        return next(iter(named or mains), None)
    if failure.name:
        mains = tuple(each for each in mains if any(failure.name in word for word in each.words)) or mains
    if not mains or words.is_probe(mains[-1]) or mains[-1].name in words.READING:
        is_tool = bool(mains) and failure.trouble in (Trouble.USAGE, Trouble.PLACE)
        is_known = is_tool and mains[-1].name in ("sed", "find", "git")
        return mains[-1] if is_known and _is_tools_own(mains[-1], failure) else None
    return mains[-1]


def _is_of_the_task(trace: Trace, step: Step, failed: Command, failure: Failure) -> bool:
    """Whether the agent works on what failed: it brought in the module that is missing, or changed the script that ran.

    To install the one, and to try the other with odd arguments, is then its work.
    """
    edits = [each for each in trace.steps[: step.place] if each.call.kind is ToolKind.EDIT and each.changes]
    if failure.trouble is Trouble.MODULE and failure.name and "/" not in failure.name.lstrip("@"):
        root = failure.name.partition(".")[0]
        return any(_speaks_of(root, each.call.input) for each in edits)
    scripts = {posixpath.normpath(word) for word in failed.words if "." in word and not word.startswith("-")}
    return failure.trouble is Trouble.USAGE and any(each.path in scripts for each in edits)


def _speaks_of(name: str, given: object) -> bool:
    if isinstance(given, str):
        return name in given
    if isinstance(given, Mapping):
        return any(_speaks_of(name, value) for value in given.values())
    return isinstance(given, list) and any(_speaks_of(name, value) for value in given)


def _is_tools_own(command: Command, failure: Failure) -> bool:
    """Whether a tool for reading complains about how it was called, and not about what it did not find."""
    if failure.trouble is Trouble.USAGE:
        return failure.line.startswith(command.name) or (command.name == "git" and bool(failure.name))
    return "not a git repository" in failure.line


def fix_for(trace: Trace, step: Step, failed: Command, failure: Failure) -> Fix | None:
    """The first command behind a failure that did what it was to do."""
    changed = False
    preparations: list[Command] = []
    for later in trace.after(step, _WINDOW):
        if later.call.kind is ToolKind.SHELL and (later.worked or _ran(later, failure)):
            for command in later.works:
                if _is_same(step, failed, later, command):
                    preparation = _chosen(preparations, failure, is_changed=changed)
                    return None if preparation is None else Fix(failed, later, preparation)
                if _VARIANTS[failure.trouble](step, failed, later, command, failure) and (
                    not changed or _is_apart(step, failed, later, command, failure)
                ):
                    return Fix(command, later)
            if later.worked:
                preparations += [command for command in later.mains if words.is_preparation(command)]
        changed = changed or later.changes
    return None


def _ran(later: Step, failure: Failure) -> bool:
    """Whether a command that failed has shown that the program is there: tests that ran and are red."""
    is_red = later.call.outcome is Outcome.FAILED and later.failure is None
    return failure.trouble in (Trouble.PROGRAM, Trouble.RUNNER) and is_red and bool(_RESULTS.search(later.call.text))


def _place(step: Step, command: Command) -> str:
    return "/".join(filter(None, (step.folder, command.folder)))


def _is_same(step: Step, failed: Command, later: Step, command: Command) -> bool:
    same = failed.words == command.words and failed.env == command.env and failed.setup == command.setup
    return same and step.folder == later.folder


def _is_apart(step: Step, failed: Command, later: Step, command: Command, failure: Failure) -> bool:
    """Whether a variant differs in more than an edit between could have made good."""
    if failure.trouble in (Trouble.PROGRAM, Trouble.RUNNER, Trouble.VERSION):
        return True
    if failed.env != command.env or words.launcher(failed) != words.launcher(command):
        return True
    return failure.trouble is Trouble.PLACE and _place(step, failed) != _place(later, command)


def _chosen(preparations: list[Command], failure: Failure, *, is_changed: bool) -> Command | None:
    """The preparation that helped: the one that the failure names, else the last that suits."""
    suited = [each for each in preparations if _suits(each, failure.trouble)]
    name = failure.name.lower()
    named = [each for each in suited if name and (name in each.text.lower() or each.text.lower() in name)]
    told = [each for each in suited if each.text in failure.line]
    if told or named:
        return (told or named)[-1]
    # Files were edited, too: only what installs can have helped against a missing program or module.
    if is_changed and failure.trouble not in (Trouble.PROGRAM, Trouble.MODULE, Trouble.VERSION):
        return None
    return suited[-1] if suited else None


def _suits(preparation: Command, trouble: Trouble) -> bool:
    only = {"cd": (Trouble.PLACE,), "pushd": (Trouble.PLACE,), "chmod": (Trouble.PERMISSION,), "mkdir": ()}
    if preparation.name in only:
        return trouble in only[preparation.name]
    if preparation.name == "export":
        return trouble in (Trouble.VARIABLE, Trouble.MODULE, Trouble.PROGRAM, Trouble.VERSION)
    return trouble not in (Trouble.PLACE, Trouble.USAGE, Trouble.PERMISSION, Trouble.RUNNER)


def _of_program(step: Step, failed: Command, later: Step, command: Command, failure: Failure) -> bool:
    missing = failure.name
    if _is_interpreter_of(failed, failure):
        return words.core(failed)[0] == words.core(command)[0] and failed.words != command.words
    if missing not in (failed.program, failed.name) and missing not in failed.words:
        return False
    if words.asks_for_help(failed) and words.are_kin(failed.program, command.program):
        return True
    first, second = words.core(failed), words.core(command)
    if command.program in (missing, failed.program) and failed.setup == command.setup and failed.env == command.env:
        return False
    is_near = later.place - step.place <= 4  # noqa: PLR2004 - it is the next thing that is tried
    is_like = first[0] == second[0] and words.overlap(first[1:], second[1:]) >= 0.5  # noqa: PLR2004 - half of them
    if is_like or (is_near and missing == failed.program and _runs_tests(failed) and _runs_tests(command)):
        return True
    kin = words.are_kin(failed.program, command.program)
    shared = set(failed.words[1:]) & set(command.words[1:])
    return kin and (bool(shared) or len(failed.words) == 1 or (is_near and words.overlap(first[1:], second[1:]) > 0))


def _is_interpreter_of(failed: Command, failure: Failure) -> bool:
    """Whether a script's own first line names a program that is not there (`env: 'python': No such file`)."""
    return failure.line.partition(":")[0].endswith("env") and failure.name not in failed.words


def _runs_tests(command: Command) -> bool:
    is_run = not (words.is_probe(command) or command.name in words.READING or words.is_preparation(command))
    return is_run and words.is_test(command) and not words.asks_for_help(command)


def _of_module(step: Step, failed: Command, later: Step, command: Command, failure: Failure) -> bool:
    first, second = words.core(failed), words.core(command)
    if "relative import" in failure.line:
        return "-m" in command.words and any(_as_module(word) in command.words for word in failed.words)
    if first[0] == failure.name and first[0] != second[0] and words.is_test(failed):
        # The runner of tests itself is missing: the project has another one.
        return _runs_tests(command)
    if first[0] != second[0] or words.overlap(first[1:], second[1:]) < 0.5:  # noqa: PLR2004 - half of them
        return False
    moved = _place(step, failed) != _place(later, command)
    return moved or failed.env != command.env or failed.setup != command.setup or _launch(failed) != _launch(command)


def _as_module(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__main__").replace("/", ".") if path.endswith(".py") else ""


def _launch(command: Command) -> tuple[str, ...]:
    return (*words.launcher(command), command.program)


def _of_place(step: Step, failed: Command, later: Step, command: Command, failure: Failure) -> bool:
    moved = _place(step, failed) != _place(later, command)
    if failed.name != command.name:
        return moved and words.are_kin(failed.name, command.name) and _runs_tests(failed) and _runs_tests(command)
    if failed.words == command.words:
        return moved
    if "No rule to make" in failure.line:
        return words.is_test(failed) == words.is_test(command) and len(command.words) > 1
    gone = [word for word in failed.words if word not in command.words]
    new = [word for word in command.words if word not in failed.words]
    if not gone:
        is_file = len(new) == 1 and not new[0].startswith("-") and ("/" in new[0] or "." in new[0])
        return moved or is_file or new[0].partition("=")[0] in _PLACE_OPTIONS
    is_pathlike = any("/" in word or "." in word for word in (*gone, *new))
    is_like = len(gone) == len(new) and is_pathlike and all(map(words.alike, gone, new))
    return is_like and (not failure.name or any(_is_named(word, failure) for word in gone))


def _is_named(word: str, failure: Failure) -> bool:
    return word in failure.name or failure.name.endswith(word) or word in failure.line


def _of_usage(step: Step, failed: Command, later: Step, command: Command, failure: Failure) -> bool:
    if words.asks_for_help(command) or words.asks_for_help(failed):
        return False
    if "script" in failure.line.lower() or "ERR_PNPM_NO_SCRIPT" in failure.line or "Command" in failure.line[:8]:
        same_work = words.is_test(failed) == words.is_test(command) and (
            words.is_test(failed) or words.alike(failed.words[-1], command.words[-1])
        )
        runs = len(command.words) > 1 and (failed.name == command.name or words.are_kin(failed.name, command.name))
        moved = failed.words == command.words and _place(step, failed) != _place(later, command)
        return moved or (same_work and runs and failed.words != command.words and not words.is_preparation(command))
    if _place(step, failed) != _place(later, command):
        return False
    if failed.words == command.words or words.core(failed)[0] != words.core(command)[0]:
        return False
    if len(failed.words) > 1 and not failed.words[1].startswith("-") and failed.words[1] not in command.words:
        return False
    gone = [word for word in failed.words if word not in command.words]
    return words.overlap(failed.words, command.words) >= 0.4 and _names(step, failure, gone, command)  # noqa: PLR2004


def _names(step: Step, failure: Failure, gone: list[str], command: Command) -> bool:
    """Whether what was left out, or what was added, is what the message speaks of."""
    line = failure.line
    stems = {word.lstrip("-").partition("=")[0] for word in (*gone, *command.words[1:])}
    speaks = any(len(stem) > 1 and stem in step.call.text[:_SPOKEN_CHARS] for stem in stems)
    return speaks or not gone or "externally" in line or "upstream" in line or line.startswith(command.name)


def _of_runner(_step: Step, failed: Command, _later: Step, command: Command, _failure: Failure) -> bool:
    if words.launcher(failed) == words.launcher(command) and failed.program == command.program:
        return False
    first, second = words.core(failed), words.core(command)
    return words.are_kin(failed.program, command.program) and first[0] == second[0]


def _of_permission(_step: Step, failed: Command, _later: Step, command: Command, failure: Failure) -> bool:
    first, second = words.core(failed), words.core(command)
    if "externally-managed" in failure.line:
        installs = words.is_preparation(command) and not words.asks_for_help(command)
        return installs and failed.words != command.words and failed.words[-1] in command.words
    return first[0] == second[0] and first[1:] == second[1:] and _launch(failed) != _launch(command)


def _of_service(_step: Step, failed: Command, _later: Step, command: Command, failure: Failure) -> bool:
    if "in use" not in failure.line and "EADDRINUSE" not in failure.line and "allocated" not in failure.line:
        return words.core(failed) == words.core(command) and failed.env != command.env
    gone = [word for word in failed.words if word not in command.words]
    is_like = failed.name == command.name and words.overlap(failed.words, command.words) >= 0.5  # noqa: PLR2004
    changed = failed.words != command.words or failed.env != command.env
    return is_like and changed and (any(map(_has_digit, gone)) or failed.env != command.env or not gone)


def _has_digit(word: str) -> bool:
    return any(map(str.isdigit, word))


def _of_variable(_step: Step, failed: Command, _later: Step, command: Command, failure: Failure) -> bool:
    names = {name for name, _ in command.env} - {name for name, _ in failed.env}
    same = words.core(failed)[0] == words.core(command)[0]
    is_read = any(word.startswith("--env-file") for word in command.words) or "dotenv" in command.words
    return same and (failure.name in names or is_read or (not failure.name and bool(names)))


def _of_version(_step: Step, failed: Command, _later: Step, command: Command, _failure: Failure) -> bool:
    same = words.core(failed)[0] == words.core(command)[0]
    return same and (failed.setup != command.setup or failed.env != command.env or _launch(failed) != _launch(command))


def _of_tests(_step: Step, failed: Command, _later: Step, command: Command, _failure: Failure) -> bool:
    return _runs_tests(failed) and _runs_tests(command)


def _never(_step: Step, _failed: Command, _later: Step, _command: Command, _failure: Failure) -> bool:
    return False


_Variant = Callable[[Step, Command, Step, Command, Failure], bool]
_VARIANTS: Mapping[Trouble, _Variant] = {
    Trouble.RUNNER: _of_runner,
    Trouble.PROGRAM: _of_program,
    Trouble.VERSION: _of_version,
    Trouble.VARIABLE: _of_variable,
    Trouble.READY: _never,
    Trouble.TESTS: _of_tests,
    Trouble.SERVICE: _of_service,
    Trouble.PLACE: _of_place,
    Trouble.MODULE: _of_module,
    Trouble.PERMISSION: _of_permission,
    Trouble.USAGE: _of_usage,
}
"""Whether a later command is what the failed one should have been, by what stood in the way."""
_OF_SURROUNDINGS = frozenset({Trouble.VARIABLE, Trouble.SERVICE, Trouble.VERSION})


def _tell(trace: Trace, step: Step, failed: Command, failure: Failure, fix: Fix | None) -> Sighting | None:
    why = _because(failure)
    if fix is None:
        if failure.trouble is not Trouble.PROGRAM or failure.name not in (failed.program, failed.name):
            return None
        text = f"Do not call `{failure.name}`: it is not installed here {why}."
        subject = f"program {failure.name}"
        return trace.sighting(FindingKind.ENVIRONMENT, subject, text, step, failure.line, 0.45)
    if fix.preparation is not None:
        return _tell_preparation(trace, step, failure, fix, fix.preparation)
    before, after = _shown(step, failed), _shown(fix.step, fix.command)
    kind = FindingKind.ENVIRONMENT if failure.trouble in _OF_SURROUNDINGS else FindingKind.COMMAND
    if failure.trouble is Trouble.PROGRAM:
        return _tell_program(trace, step, (failed, before), (fix, after), failure)
    if before == after or max(len(before), len(after)) > _MAX_COMMAND:
        return None
    text = f"Run `{after}` instead of `{before}` {why}."
    return trace.sighting(kind, f"{failure.trouble.value} {normal(before)}", text, step, failure.line, 0.9)


def _tell_program(
    trace: Trace, step: Step, failed: tuple[Command, str], fix: tuple[Fix, str], failure: Failure
) -> Sighting | None:
    command, before = failed
    fixed, after = fix[0].command, fix[1]
    why = _because(failure)
    heads = words.core(command) == words.core(fixed) and fixed.setup == command.setup
    old, new = (" ".join((*words.launcher(each), "")).strip() or each.program for each in (command, fixed))
    if heads and old != new and words.core(command)[1:] == words.core(fixed)[1:] and words.launcher(command):
        example = f", as in `{after}`" if len(after) <= _MAX_COMMAND and "\n" not in after else ""
        text = f"Run `{new}` instead of `{old}`{example} {why}."
    elif max(len(before), len(after)) <= _MAX_COMMAND and "\n" not in before + after:
        text = f"Run `{after}` instead of `{before}` {why}."
    elif command.program != fixed.program:
        text = f"Use `{fixed.program}` instead of `{command.program}` {why}."
    else:
        return None
    return trace.sighting(FindingKind.COMMAND, f"program {failure.name}", text, step, failure.line, 0.9)


def _tell_preparation(trace: Trace, step: Step, failure: Failure, fix: Fix, preparation: Command) -> Sighting | None:
    first, then = preparation.shown, _shown(step, fix.command)
    if preparation.name in ("cd", "pushd"):
        text = f"Run `{first} && {then}` instead of `{then}` {_because(failure)}."
        subject = f"{failure.trouble.value} {normal(then)}"
        return trace.sighting(FindingKind.COMMAND, subject, text, step, failure.line, 0.85)
    if len(first) > _MAX_COMMAND or len(then) > _MAX_COMMAND:
        return None
    text = f"Run `{first}` before `{then}` {_because(failure)}."
    subject = f"{failure.trouble.value} {failure.name or normal(then)}"
    return trace.sighting(FindingKind.ENVIRONMENT, subject, text, step, failure.line, 0.85)


def _shown(step: Step, command: Command) -> str:
    shown = command.shown
    shown = shown.replace("cd . && ", "")
    if not step.folder:
        return shown
    return f"cd {step.folder} && {shown}"


def _because(failure: Failure) -> str:
    line = failure.line.replace("`", "'")
    return f"({line[:_MAX_QUOTE].rstrip()}{'…' if len(line) > _MAX_QUOTE else ''})"


def normal(command: str) -> str:
    """A command without what differs from run to run."""
    return " ".join(_TEMPORARY.sub("/tmp", command).split())  # noqa: S108 - a word, not a file
