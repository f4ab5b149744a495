"""`python -m headroom_wrap.evals.learning FOLDER`: what recorded sessions teach, with the evidence."""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from headroom_wrap.evals.trajectories import Call as Recorded
from headroom_wrap.evals.trajectories import Result, Trajectory, read
from headroom_wrap.learn.events import Call, Event, Outcome, Said, Session, ToolKind
from headroom_wrap.learn.findings import Finding, FindingKind, Sighting
from headroom_wrap.learn.miner import merge, mine
from headroom_wrap.learn.readers.texts import cut, cut_input

KINDS: Mapping[str, ToolKind] = {
    "bash": ToolKind.SHELL, "bash_execute": ToolKind.SHELL, "execute_bash": ToolKind.SHELL, "shell": ToolKind.SHELL,
    "read": ToolKind.READ, "read_text_file": ToolKind.READ, "open": ToolKind.READ, "view": ToolKind.READ,
    "edit": ToolKind.EDIT, "edit_file": ToolKind.EDIT, "write": ToolKind.EDIT, "write_file": ToolKind.EDIT,
    "insert": ToolKind.EDIT, "create": ToolKind.EDIT, "str_replace_editor": ToolKind.EDIT,
    "grep_search": ToolKind.SEARCH, "search_files": ToolKind.SEARCH, "find_file": ToolKind.SEARCH,
}  # fmt: skip
"""What the tools of the recorded agents do."""
_CD = re.compile(r"^cd (/[\w./-]+) &&")
_PATHS = ("path", "file_path", "filename", "file", "target_file")
_ASKED = re.compile(r"\s*<(?:uploaded_files|task|issue|pr_description)")
_EXITS = (
    re.compile(r"(?:exit(?:ed with)? code|exit status|exit_code|returncode)[\"']?[: =]+(?P<code>-?\d+)", re.IGNORECASE),
)
_TIMED_OUT = re.compile(r"timed out after|execution timed out|Command timed out", re.IGNORECASE)
_FAILED = re.compile(
    r"\s*(?:<error>|error:|Error |ERROR|Traceback \(most|.{0,80}command not found|Could not find|File not found|"
    r"ENOENT|.{0,200}No such file or directory|Your proposed edit|No match|old_?string)",
    re.IGNORECASE,
)
_SCANNED_CHARS = 400


def session_of(trajectory: Trajectory) -> Session:
    """A recorded session as one that was read from a transcript.

    A recording does not say where it ran: the folder to which most commands change is taken for the project. Nor does
    it mostly say what came of a call: that follows from the exit code in the answer, from what the
    recording marks as an error, or from how the answer begins.
    """
    events = tuple(_events(trajectory))
    folders = Counter(folder for event in events if isinstance(event, Call) for folder in _CD.findall(event.command))
    cwd = folders.most_common(1)[0][0] if folders else ""
    file = Path(trajectory.source) / trajectory.name
    project = Path(cwd) if cwd else None
    return Session("recorded", f"{trajectory.source}/{trajectory.name}", file, project, cwd, 0.0, events)


def _events(trajectory: Trajectory) -> Iterator[Event]:
    waiting: dict[str, tuple[Recorded, int]] = {}
    turn = 0
    for step in trajectory.steps:
        for result in step.results:
            recorded, at_turn = waiting.pop(result.call_id, (Recorded(result.call_id, "tool", {}), turn))
            yield _call(recorded, result, at_turn)
        for text in step.said:
            turn += 1
            yield Said(turn, cut(text))
        waiting |= {call.id: (call, turn) for call in step.calls}


def _call(recorded: Recorded, result: Result, turn: int) -> Call:
    kind = KINDS.get(recorded.name, ToolKind.OTHER)
    given: Mapping[str, Any] = recorded.input
    command = (
        str(given.get("command") or given.get("cmd") or given.get("input") or "") if kind is ToolKind.SHELL else ""
    )
    path = next((str(given[name]) for name in _PATHS if given.get(name)), "") if kind is not ToolKind.SHELL else ""
    outcome, exit_code = _outcome(result, kind)
    cwd = str(given.get("working_directory") or given.get("cwd") or given.get("workdir") or "")
    text = cut(result.text)
    return Call(
        turn, recorded.id, recorded.name, kind, cut_input(given), command, path, cwd, outcome, exit_code, text,
        len(result.text),
    )  # fmt: skip


def _outcome(result: Result, kind: ToolKind) -> tuple[Outcome, int | None]:
    ends = f"{result.text[:_SCANNED_CHARS]}\n{result.text[-_SCANNED_CHARS:]}"
    if kind is ToolKind.SHELL:
        found = next((match for pattern in _EXITS if (match := pattern.search(ends))), None)
        if _TIMED_OUT.search(ends):
            return Outcome.TIMEOUT, None
        if found:
            return (Outcome.FAILED if int(found["code"]) else Outcome.OK), int(found["code"])
    is_failed = result.is_error or bool(_FAILED.match(result.text[:_SCANNED_CHARS]))
    return (Outcome.FAILED if is_failed else Outcome.OK), None


def mined(sessions: Sequence[Session]) -> tuple[list[Finding], float]:
    """What all sessions teach, and the seconds that it took to look."""
    began = time.perf_counter()
    sightings: list[Sighting] = [sighting for session in sessions for sighting in mine(session)]
    return merge(sightings, 0.0), time.perf_counter() - began


def main(words: Sequence[str] | None = None) -> int:
    """Print the findings of the sessions below a folder by kind; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m headroom_wrap.evals.learning", description=__doc__)
    parser.add_argument("folder", type=Path, help="recorded sessions (see headroom_wrap.evals.trajectories)")
    sessions = [session_of(trajectory) for trajectory in read(parser.parse_args(words).folder).trajectories]
    findings, duration_s = mined(sessions)
    for kind in FindingKind:
        own = [finding for finding in findings if finding.kind is kind]
        if own:
            sys.stdout.write(f"\n{kind.value} ({len(own)})\n")
        for finding in own:
            sys.stdout.write(f"  {finding.confidence:.2f}  {finding.text}\n")
            for each in finding.sightings:
                sys.stdout.write(f"        {each.session}: {each.quote} [{each.tokens_lost} tokens]\n")
    counted = Counter(finding.kind.value for finding in findings)
    n_calls = sum(isinstance(event, Call) for session in sessions for event in session.events)
    n_chars = sum(event.n_chars for session in sessions for event in session.events if isinstance(event, Call))
    sys.stdout.write(
        f"\n{len(sessions)} sessions, {n_calls} calls, {n_chars / 1e6:.1f} MB of results; {sum(counted.values())} "
        f"findings in {duration_s:.2f} s: {dict(counted)}\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
