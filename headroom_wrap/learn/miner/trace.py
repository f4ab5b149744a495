"""A session as the miners look at it: its calls in order, each with what it says of itself, worked out when asked."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from pathlib import PurePosixPath

from headroom_wrap.learn.events import Call, Outcome, Said, Session, ToolKind
from headroom_wrap.learn.findings import FindingKind, Sighting
from headroom_wrap.learn.miner.errors import Failure, failure_of, hidden_failure_of
from headroom_wrap.learn.miner.shell import Command, is_setup, parse
from headroom_wrap.learn.miner.words import changes_files

_HIDDEN_CHARS = 3000
_MAX_TEXT = 290
_CHARS_PER_TOKEN = 4


class Step:
    """One call, with its place in the session."""

    __slots__ = ("_commands", "_failure", "call", "folder", "place", "root")

    def __init__(self, call: Call, place: int, root: str) -> None:
        self.call = call
        self.place = place
        self.root = root
        self.folder = _below(call.cwd, root)
        self._commands: tuple[Command, ...] | None = None
        self._failure: Failure | bool | None = False

    @property
    def commands(self) -> tuple[Command, ...]:
        """Of a shell: what its line runs, with paths relative to the project's root."""
        if self._commands is None:
            line = self.call.command
            if self.root:
                line = line.replace(f"{self.root}/", "").replace(f"cd {self.root} ", "cd . ").replace(self.root, ".")
            self._commands = parse(line) if line else ()
        return self._commands

    @property
    def mains(self) -> tuple[Command, ...]:
        """The commands without those that only read what others print."""
        return tuple(command for command in self.commands if not command.is_piped)

    @property
    def works(self) -> tuple[Command, ...]:
        """Those of them that do the work: no `cd`, `export` or `source`."""
        return tuple(command for command in self.mains if not is_setup(command))

    @property
    def failure(self) -> Failure | None:
        """What stood in its way, if it failed and says so."""
        if self._failure is False:
            self._failure = self._find_failure()
        return self._failure if isinstance(self._failure, Failure) else None

    @property
    def failed(self) -> bool:
        """Whether it did not do what it was to do."""
        return self.call.outcome is Outcome.FAILED or self._hides_failure

    @property
    def worked(self) -> bool:
        """Whether it did."""
        return self.call.outcome is Outcome.OK and not self._hides_failure

    @property
    def path(self) -> str:
        """Of a read, an edit or a search: relative to the project's root where it lies in there."""
        path = self.call.path
        if self.root and path.startswith(f"{self.root}/"):
            return posixpath.normpath(path[len(self.root) + 1 :])
        return posixpath.normpath(path) if path else ""

    @property
    def changes(self) -> bool:
        """Whether it changed files of the project: an edit, or a command that writes."""
        if self.call.kind is ToolKind.EDIT:
            return self.call.outcome in (Outcome.OK, Outcome.UNKNOWN)
        return self.call.kind is ToolKind.SHELL and any(map(changes_files, self.commands))

    @property
    def n_tokens(self) -> int:
        """What the call and its answer cost, by their length: a tokenizer would take longer than all the rest."""
        call = self.call
        given = call.command or " ".join(value for value in call.input.values() if isinstance(value, str))
        return (len(given) + max(call.n_chars, len(call.text))) // _CHARS_PER_TOKEN + 1

    @property
    def _hides_failure(self) -> bool:
        call = self.call
        if call.outcome is not Outcome.OK or not call.command or not 0 < call.n_chars <= _HIDDEN_CHARS:
            return False
        if not any(mark in call.command for mark in "|;\n") or (
            "not found" not in call.text and "No module" not in call.text
        ):
            return False
        failure = self.failure
        return failure is not None and any(
            failure.name in (command.program, command.name) or failure.name in command.words for command in self.mains
        )

    def _find_failure(self) -> Failure | None:
        if self.call.outcome is Outcome.FAILED:
            return failure_of(self.call.text)
        return hidden_failure_of(self.call.text) if self.call.outcome is Outcome.OK else None


class Trace:
    """The steps of a session.

    Attributes:
        steps: every call, in order.
        said: what the user said, each with the number of calls before it.
    """

    __slots__ = ("said", "session", "steps")

    def __init__(self, session: Session) -> None:
        root = str(session.project) if session.project is not None else session.cwd
        root = "" if root == "/" else root.rstrip("/")
        self.session = session
        self.steps: list[Step] = []
        self.said: list[tuple[int, Said]] = []
        for event in session.events:
            if isinstance(event, Said):
                self.said.append((len(self.steps), event))
            else:
                self.steps.append(Step(event, len(self.steps), root))

    def after(self, step: Step, limit: int) -> Iterator[Step]:
        """The steps behind one, `limit` at most."""
        yield from self.steps[step.place + 1 : step.place + 1 + limit]

    def sighting(  # noqa: PLR0913, PLR0917 - what a sighting says
        self,
        kind: FindingKind,
        subject: str,
        text: str,
        step: Step,
        quote: str,
        weight: float,
        *,
        lost: int | None = None,
    ) -> Sighting | None:
        """A sighting made at a step; None where its text would be no line that can be told."""
        if len(text) > _MAX_TEXT or "\n" in text or text.count("`") % 2:
            return None
        tokens_lost = step.n_tokens if lost is None else lost
        at = step.call.at or self.session.started
        session = self.session
        return Sighting(kind, subject, text, session.agent, session.id, at, quote, tokens_lost, weight)


def _below(folder: str, root: str) -> str:
    """A folder relative to the root; "" for the root itself, and for one that does not lie in it."""
    if not folder or not root or folder == root:
        return ""
    try:
        return PurePosixPath(folder).relative_to(root).as_posix()
    except ValueError:
        return ""
