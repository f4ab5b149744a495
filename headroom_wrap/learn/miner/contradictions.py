"""What worked that may be said to fail: sightings of weight 0, which lower the confidence of a finding.

Only of programs that are often missing, and of whole commands that run tests: what else is said to fail is said of one
command line, and lapses by itself.
"""

from __future__ import annotations

from collections.abc import Iterator

from headroom_wrap.learn.events import ToolKind
from headroom_wrap.learn.findings import FindingKind, Sighting
from headroom_wrap.learn.miner import words
from headroom_wrap.learn.miner.commands import normal
from headroom_wrap.learn.miner.errors import Trouble
from headroom_wrap.learn.miner.shell import Command
from headroom_wrap.learn.miner.trace import Step, Trace

_PROGRAMS = frozenset(
    "python pip pytest node npm pnpm yarn bun docker docker-compose "
    "make gradle mvn rg fd jq uv poetry cargo go gh".split()
)
_MAX_TESTS = 3
_MAX_WORDS = 5
_TEST_TROUBLES = (Trouble.PLACE, Trouble.MODULE, Trouble.USAGE, Trouble.RUNNER)


def mine(trace: Trace) -> Iterator[Sighting]:  # noqa: C901 - one question after the other
    """Contradictions to findings of other sessions; none to what failed in this one."""
    worked: dict[tuple[FindingKind, str], Step] = {}
    failed: set[str] = set()
    tests: set[str] = set()
    for step in trace.steps:
        if step.call.kind is not ToolKind.SHELL or not step.call.command:
            continue
        if step.failed:
            failed |= {command.program for command in step.commands}
            continue
        if not step.worked or not _may_tell(step.call.command):
            continue
        for command in step.works:
            if not (command.setup or command.env or step.folder):
                tests |= {command.shown} if _is_short_test(command) else set()
                for key in _subjects(command, len(tests)):
                    worked.setdefault(key, step)
    for (kind, subject), step in worked.items():
        if not any(program in subject.split() for program in failed):
            sighting = trace.sighting(kind, subject, "It worked.", step, "", 0.0, lost=0)
            if sighting is not None:
                yield sighting


def _subjects(command: Command, n_tests: int) -> Iterator[tuple[FindingKind, str]]:
    """Of the findings that a command contradicts by having worked."""
    if command.program in _PROGRAMS:
        yield FindingKind.COMMAND, f"program {command.program}"
        yield FindingKind.ENVIRONMENT, f"program {command.program}"
    if _is_short_test(command) and n_tests <= _MAX_TESTS:
        for trouble in _TEST_TROUBLES:
            yield FindingKind.COMMAND, f"{trouble.value} {normal(command.shown)}"


def _may_tell(line: str) -> bool:
    return len(line) < 200 and "|" not in line and ";" not in line and "\n" not in line  # noqa: PLR2004 - short


def _is_short_test(command: Command) -> bool:
    return len(command.words) <= _MAX_WORDS and words.is_test(command)
