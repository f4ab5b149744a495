"""One model of what an agent did, whichever agent it was: sessions of what was said, called and answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

MAX_RESULT_CHARS = 8000
"""What is kept of a result: its beginning and its end, half of each."""


class ToolKind(Enum):
    """What a tool does, whatever its name is."""

    SHELL = "shell"
    READ = "read"
    EDIT = "edit"
    SEARCH = "search"
    OTHER = "other"


class Outcome(Enum):
    """What came of a call.

    DENIED is a call that the user or a rule forbade; UNKNOWN one whose transcript does not say, or has no answer.
    """

    OK = "ok"
    FAILED = "failed"
    TIMEOUT = "timeout"
    DENIED = "denied"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Said:
    """The user's own words: no result of a tool, and nothing that the agent put in their place.

    Attributes:
        turn: from 1, counted by what the user said.
        at: unix seconds; 0 where the transcript has no time.
    """

    turn: int
    text: str
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call and what came of it.

    Attributes:
        turn: that of the last words of the user before it; 0 before any.
        id: as the transcript has it.
        tool: the tool's name in the agent.
        kind: what that tool does.
        input: its arguments, long texts cut.
        command: of a shell: the command line, without the agent's own wrapper (`bash -lc`).
        path: of a read, an edit or a search: the file or folder, as given.
        cwd: where it ran; "" where that is not said.
        outcome: what came of it; by the exit code where there is one.
        exit_code: of a shell, where it is said.
        text: what the tool answered, cut to `MAX_RESULT_CHARS` with a line that says how much is left out.
        n_chars: how long the answer was.
        at: unix seconds; 0 where the transcript has no time.
    """

    turn: int
    id: str
    tool: str
    kind: ToolKind
    input: Mapping[str, Any] = field(default_factory=dict)
    command: str = ""
    path: str = ""
    cwd: str = ""
    outcome: Outcome = Outcome.UNKNOWN
    exit_code: int | None = None
    text: str = ""
    n_chars: int = 0
    at: float = 0.0


Event = Said | Call


@dataclass(frozen=True, slots=True)
class Session:
    """One session of one agent.

    Attributes:
        agent: as typed after `headroom wrap`.
        id: as the agent has it.
        file: the transcript that it was read from.
        project: the root of the project (`memory.projects.project_of` of its folder); None where it is not said.
        cwd: the folder in which it began; "" where it is not said.
        started: unix seconds; 0 where it is not said.
        events: in their order.
    """

    agent: str
    id: str
    file: Path
    project: Path | None
    cwd: str
    started: float
    events: tuple[Event, ...]
