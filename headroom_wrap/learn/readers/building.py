"""A session while it is read: calls wait for their answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from headroom_wrap.learn.events import Call, Event, Outcome, Said, Session, ToolKind
from headroom_wrap.learn.readers.texts import as_text, command_line, cut, cut_input, outcome_of
from headroom_wrap.memory.projects import project_of

MAX_KEPT_CHARS = 16_000_000
"""Of one session before a part of it is given out."""
_EVENT_CHARS = 1000
"""What an event takes beside its text."""
_COMMAND_FIELDS = ("command", "cmd", "script", "fullCommandText")
_PATH_FIELDS = ("file_path", "path", "filePath", "notebook_path", "target_file", "target_directory", "fileName")
_FOLDER_FIELDS = ("workdir", "cwd", "working_directory")
Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a tool answered: outcome, the whole text, and the exit code where it is said."""

    outcome: Outcome
    text: str = ""
    exit_code: int | None = None


def answer_of(text: str, exit_code: int | None, *, failed: bool = False, timed_out: bool = False) -> Answer:
    """An answer whose outcome follows from the exit code, or from what the transcript says of it."""
    return Answer(outcome_of(exit_code, failed=failed, timed_out=timed_out), text, exit_code)


class Builder:
    """One session of one agent.

    Args:
        agent, file: as in `Session`.
        kinds: what the agent's tools do, by name.
    """

    def __init__(self, agent: str, file: Path, kinds: Mapping[str, ToolKind]) -> None:
        self.agent = agent
        self.file = file
        self.id = ""
        self.cwd = ""
        self.started = 0.0
        self._kinds = kinds
        self._turn = 0
        self._events: list[Event] = []
        self._places: dict[str, int] = {}
        self._waiting: set[str] = set()
        self._n_chars = 0

    def note(self, id_: str = "", cwd: str = "", at: float = 0.0) -> None:
        """Keep what is said first of the session's id, folder and begin."""
        self.id = self.id or id_
        self.cwd = self.cwd or cwd
        self.started = self.started or at

    def said(self, text: str, at: float = 0.0) -> None:
        """The user's words; nothing where there are none."""
        text = cut(text.strip())
        if text:
            self._turn += 1
            self._add(Said(self._turn, text, at), len(text))

    def call(self, id_: str, tool: str, input_: Mapping[str, Any], *, cwd: str = "", at: float = 0.0) -> None:
        """A call, still without an answer."""
        kind = self._kinds.get(tool, ToolKind.OTHER)
        command = _first(input_, _COMMAND_FIELDS) if kind is ToolKind.SHELL else ""
        path = "" if kind in (ToolKind.SHELL, ToolKind.OTHER) else as_text(_first(input_, _PATH_FIELDS))
        folder = as_text(_first(input_, _FOLDER_FIELDS)) or cwd
        kept = cut_input(input_)
        self._places[id_] = len(self._events)
        self._waiting.add(id_)
        call = Call(self._turn, id_, tool, kind, kept, command_line(command), path=cut(path), cwd=folder, at=at)
        self._add(call, _n_chars(kept))

    def answer(self, id_: str, answer: Answer) -> None:
        """The answer to a call; one to a call that is not there is dropped, a second one replaces the first."""
        text = cut(answer.text)
        self._n_chars += len(text)
        self._waiting.discard(id_)
        self.change(id_, outcome=answer.outcome, exit_code=answer.exit_code, text=text, n_chars=len(answer.text))

    def change(self, id_: str, **fields: Any) -> None:
        """Say more of a call than was known when it was made."""
        place = self._places.get(id_)
        call = self._events[place] if place is not None else None
        if place is not None and isinstance(call, Call):
            self._events[place] = replace(call, **fields)

    def get(self, id_: str) -> Call | None:
        """The call with this id, if it has been made in this part."""
        place = self._places.get(id_)
        found = self._events[place] if place is not None else None
        return found if isinstance(found, Call) else None

    @property
    def is_full(self) -> bool:
        """Whether a part should be taken now; rather not while a call waits."""
        return self._n_chars > MAX_KEPT_CHARS * (2 if self._waiting else 1)

    def take(self) -> Session | None:
        """What there is so far, as a session, and begin its next part; None where nothing happened."""
        events, self._events, self._places, self._n_chars = self._events, [], {}, 0
        self._waiting = set()
        if not events:
            return None
        project = _project(self.cwd) if self.cwd else None
        id_ = self.id or self.file.stem
        return Session(self.agent, id_, self.file, project, self.cwd, self.started, tuple(events))

    def _add(self, event: Event, n_chars: int) -> None:
        self._events.append(event)
        self._n_chars += n_chars + _EVENT_CHARS


def sessions_of(
    rows: Iterable[Row], begin: Callable[[Row], Builder], take_in: Callable[[Builder, Row], None]
) -> Iterator[Session]:
    """The sessions of rows that begin with a session's id, and stand together by it.

    Args:
        rows: as a database gives them.
        begin: makes the builder of a session, of its first row.
        take_in: hands it what a row tells.
    """
    for _, of_session in groupby(rows, key=itemgetter(0)):
        builder: Builder | None = None
        for row in of_session:
            builder = builder or begin(row)
            take_in(builder, row)
            if builder.is_full and (part := builder.take()):
                yield part
        if builder is not None and (part := builder.take()):
            yield part


def _n_chars(value: object) -> int:
    if isinstance(value, str):
        return len(value)
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return sum(map(_n_chars, items))


def _first(input_: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((input_[name] for name in names if input_.get(name)), "")


@lru_cache(maxsize=4096)
def _project(folder: str) -> Path | None:
    try:
        return project_of(Path(folder))
    except (OSError, ValueError, RuntimeError):
        return None
