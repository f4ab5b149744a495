"""Cases of sessions as text, made to sessions in the spelling of an agent: see the first lines of `planted.txt`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from headroom_wrap.learn.events import Call, Event, Outcome, Said, Session, ToolKind

ROOT = Path("/w/app")
AT = 1_772_359_200.0

TOOLS = {
    "claude": ("Bash", "Read", "Edit", "Write", "Grep", ("old_string", "new_string")),
    "codex": ("exec_command", "exec_command", "apply_patch", "apply_patch", "exec_command", ("input", "")),
    "copilot": ("bash", "view", "edit", "create", "grep", ("old_str", "new_str")),
    "aider": ("run", "read", "edit", "edit", "search", ("search", "replace")),
    "openclaw": ("exec", "read", "edit", "write", "grep", ("edits", "")),
    "opencode": ("bash", "read", "edit", "write", "grep", ("oldString", "newString")),
}
KINDS = {"$": ToolKind.SHELL, "R": ToolKind.READ, "E": ToolKind.EDIT, "W": ToolKind.EDIT, "S": ToolKind.SEARCH}
OUTCOMES = {"=": Outcome.OK, "!": Outcome.FAILED, "T": Outcome.TIMEOUT, "D": Outcome.DENIED}


@dataclass(frozen=True, slots=True)
class Case:
    """A session, and what the correction must name; nothing for one that teaches nothing."""

    name: str
    words: tuple[str, ...]
    session: Session


def cases(file: Path) -> Iterator[Case]:
    """The cases of a file."""
    for part in ("\n" + file.read_text("utf-8")).split("\n## ")[1:]:
        head, *lines = part.splitlines()
        name, agent, *words = (field.strip() for field in head.split(" | "))
        events = tuple(_events(agent, [line for line in lines if line.strip()]))
        session = Session(agent, name, Path("transcript"), ROOT, str(ROOT), AT, events)
        yield Case(name, tuple(word.strip() for word in words[0].split(";")) if words else (), session)


def _events(agent: str, lines: list[str]) -> Iterator[Event]:
    pending: Call | None = None
    turn = 1
    for number, line in enumerate(lines):
        mark, rest = line[0], line[2:]
        if mark == "U":
            yield Said(turn, _plain(rest), AT + number)
            turn += 1
        elif mark in KINDS:
            pending = _call(agent, mark, rest, number, turn)
        else:
            assert pending is not None, line
            yield _answered(pending, mark, rest)


def _call(agent: str, mark: str, rest: str, number: int, turn: int) -> Call:
    shell, read, edit, write, search, fields = TOOLS[agent]
    tool = dict(zip("$REWS", (shell, read, edit, write, search), strict=True))[mark]
    call = Call(turn, str(number), tool, KINDS[mark], cwd=str(ROOT), at=AT + number)
    if mark == "$":
        command = _plain(rest)
        return replace(call, command=command, input={"command": command})
    path, old, new = (*(_plain(part) for part in rest.split(" ~ ")), "", "")[:3]
    given: dict[str, object] = {"path": path}
    if mark == "E" and agent == "codex":
        given = {"input": f"*** Begin Patch\n*** Update File: {path}\n@@\n-{old}\n+{new}\n*** End Patch"}
    elif mark == "E" and agent == "openclaw":
        given["edits"] = [{"oldText": old, "newText": new}]
    elif mark == "E":
        given |= {fields[0]: old, fields[1]: new}
    return replace(call, path="" if mark == "S" else path, input=given)


def _answered(call: Call, mark: str, rest: str) -> Call:
    code, _, text = rest.partition(" ")
    exit_code = int(code) if mark == "!" and code.isdigit() else 0 if mark == "=" and call.command else None
    text = _plain(rest if not (mark == "!" and code.isdigit()) else text)
    return replace(call, outcome=OUTCOMES[mark], exit_code=exit_code, text=text, n_chars=len(text))


def _plain(text: str) -> str:
    return text.replace("\\n", "\n").replace("\\t", "\t")
