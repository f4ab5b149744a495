"""A session as the miners look at it: the calls with what was changed before each, and how a sighting is made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from posixpath import normpath

from headroom_wrap.learn.events import Call, Outcome, Said, Session, ToolKind
from headroom_wrap.learn.findings import FindingKind, Sighting
from headroom_wrap.learn.miner.shell import Simple, join, parse

MAX_QUOTE_CHARS = 200
MAX_COMMAND_CHARS = 160
CHARS_PER_TOKEN = 4


@dataclass(frozen=True, slots=True)
class Step:
    """A call in its place.

    Attributes:
        place: among the session's calls, from 0.
        n_edits: how many edits had been made before it.
    """

    place: int
    call: Call
    n_edits: int

    @property
    def simples(self) -> tuple[Simple, ...]:
        """The simple commands of a shell's line."""
        return parse(self.call.command)

    @property
    def is_ok(self) -> bool:
        """Whether it did what it should, as far as is known."""
        return self.call.outcome is Outcome.OK


class Trail:
    """The calls of a session."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.steps: list[Step] = []
        n_edits = 0
        for event in session.events:
            if isinstance(event, Call):
                self.steps.append(Step(len(self.steps), event, n_edits))
                n_edits += event.kind is ToolKind.EDIT and event.outcome in (Outcome.OK, Outcome.UNKNOWN)

    @cached_property
    def root(self) -> str:
        """The folder to which paths are shortened."""
        return str(self.session.project or self.session.cwd or "")

    @property
    def saids(self) -> Iterator[Said]:
        """What the user said."""
        return (event for event in self.session.events if isinstance(event, Said))

    def after(self, step: Step, limit: int) -> Iterator[Step]:
        """The calls behind one, at most so many."""
        yield from self.steps[step.place + 1 : step.place + 1 + limit]

    def relative(self, path: str, cwd: str = "") -> str:
        """A path as seen from the project's root, if it lies within."""
        path = path.replace("\\", "/") if ":\\" in path else path
        cwd = cwd or self.session.cwd
        whole = join(cwd, path) if cwd else normpath(path) if path else ""
        if self.root and whole.startswith(self.root.rstrip("/") + "/"):
            return whole[len(self.root.rstrip("/")) + 1 :]
        return "" if self.root and whole == self.root else whole

    def folder(self, step: Step, simple: Simple) -> str:
        """Where a simple command ran, as seen from the project's root; "" is the root itself, or not known."""
        return self.relative(simple.folder, step.call.cwd) if simple.folder or step.call.cwd else ""

    def sighting(  # noqa: PLR0913, PLR0917 - what a sighting is
        self, kind: FindingKind, subject: str, text: str, failed: Iterable[Step], quote: str, weight: float
    ) -> Sighting:
        """What was seen in this session."""
        steps = list(failed)
        at = steps[0].call.at if steps else 0.0
        return Sighting(
            kind, one_line(subject), one_line(text), self.session.agent, self.session.id, at or self.session.started,
            shortened(one_line(quote), MAX_QUOTE_CHARS), sum(map(tokens_of, steps)), weight,
        )  # fmt: skip


def tokens_of(step: Step) -> int:
    """What a call cost, in tokens: a cheap estimate."""
    call = step.call
    n_chars = min(call.n_chars or len(call.text), 100_000) + sum(
        len(value) for value in call.input.values() if isinstance(value, str)
    )
    return n_chars // CHARS_PER_TOKEN + 1


def one_line(text: str) -> str:
    """The text on one line."""
    return " ".join(text.split())


def shortened(text: str, limit: int) -> str:
    """The text, at most so long."""
    return text if len(text) <= limit else text[: limit - 3].rstrip() + "..."


def shown(simple: Simple, folder: str | None = None) -> str:
    """A simple command as a person would type it, with its folder and its variables."""
    place = simple.folder if folder is None else folder
    words = [word if word and not set(word) & _QUOTED else _quoted(word) for word in simple.words]
    return (f"cd {place} && " if place else "") + " ".join([*map(_assignment, simple.env), *words])


_QUOTED = frozenset(" \t\n|&;<>()\"'`$*?")


def _quoted(word: str) -> str:
    return f"'{word}'" if "'" not in word else '"' + word.replace('"', '\\"') + '"'


def _assignment(text: str) -> str:
    name, _, value = text.partition("=")
    return f"{name}={_quoted(value) if set(value) & set(' ;|&') else value}"
