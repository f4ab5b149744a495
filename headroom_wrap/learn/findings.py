"""What is learned: sightings, each from one session, and findings, merged from the sightings of all."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from hashlib import sha256


class FindingKind(Enum):
    """What a finding is about."""

    COMMAND = "command"
    """A command that failed, and the variant that worked."""
    ENVIRONMENT = "environment"
    """What is there and what is missing: interpreters, modules, variables, services."""
    PATH = "path"
    """A file looked for in one place and found in another."""
    EDIT = "edit"
    """Why edits did not apply."""
    LOOP = "loop"
    """The same error again and again, without a way out."""
    TIMEOUT = "timeout"
    """What ran out of time, and how it came to an end."""
    USER = "user"
    """What the user corrected."""
    OUTPUT = "output"
    """Large output that was not used."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """One occurrence in one session.

    Attributes:
        kind: what it is about.
        subject: what makes two sightings one finding, without what differs between runs (paths of temporary files,
            process ids); not for display.
        text: the correction, one line, in the imperative.
        agent, session: where it was seen.
        at: unix seconds; 0 where it is not said.
        quote: the words of the failure, one line, at most 200 characters.
        tokens_lost: what the failure cost, in tokens of its calls and results.
        weight: 0 to 1, how sure one such sighting is.
    """

    kind: FindingKind
    subject: str
    text: str
    agent: str
    session: str
    at: float
    quote: str
    tokens_lost: int
    weight: float


@dataclass(frozen=True, slots=True)
class Finding:
    """The sightings of one subject in one project.

    Attributes:
        kind, subject: as those of its sightings.
        text: the correction, one line, in the imperative; of the newest sighting.
        sightings: the oldest first.
        confidence: 0 to 1.
        expires: unix seconds; when it is dropped unless it is seen again.
    """

    kind: FindingKind
    subject: str
    text: str
    sightings: tuple[Sighting, ...] = field(repr=False)
    confidence: float
    expires: float

    @property
    def id(self) -> str:
        """Stable for kind and subject: `f` and ten hexadecimal digits."""
        return "f" + sha256(f"{self.kind.value}\0{self.subject}".encode("utf-8", "replace")).hexdigest()[:10]

    @property
    def n_sessions(self) -> int:
        """In how many sessions it was seen."""
        return len({(each.agent, each.session) for each in self.sightings})

    @property
    def tokens_lost(self) -> int:
        """What it cost in all."""
        return sum(each.tokens_lost for each in self.sightings)
