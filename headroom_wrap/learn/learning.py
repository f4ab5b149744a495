"""From transcripts to findings, project by project."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from headroom_wrap.agents.agent import Context
from headroom_wrap.learn import history, miner
from headroom_wrap.learn.findings import Finding, Sighting
from headroom_wrap.learn.history import Progress
from headroom_wrap.learn.readers import READERS
from headroom_wrap.store import Store

MIN_CONFIDENCE = 0.5
"""Of what is written down; below it a finding is shown, and no more."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose history is read.

    Attributes:
        project: its root; None for all.
        agents: all, if empty.
        since: unix seconds; 0 for everything.
    """

    project: Path | None
    agents: Collection[str] = ()
    since: float = 0.0

    @property
    def is_whole(self) -> bool:
        """Whether it is all that is known of a project."""
        return not self.agents and not self.since


@dataclass(frozen=True, slots=True)
class Learned:
    """What is known of one project; None: of sessions whose transcripts do not say."""

    project: Path | None
    findings: tuple[Finding, ...]

    @property
    def sure(self) -> tuple[Finding, ...]:
        """What may be written down."""
        return tuple(each for each in self.findings if each.confidence >= MIN_CONFIDENCE)

    @property
    def doubted(self) -> tuple[Finding, ...]:
        """What may not."""
        return tuple(each for each in self.findings if each.confidence < MIN_CONFIDENCE)

    @property
    def tokens_lost(self) -> int:
        """What the mistakes cost in all."""
        return sum(finding.tokens_lost for finding in self.findings)


@dataclass(frozen=True, slots=True)
class History:
    """What was read, and what it shows."""

    projects: tuple[Learned, ...]
    n_files: int
    n_sessions: int
    n_bad: int


def learn(context: Context, store: Store, asked: Asked, now: float, progress: Callable[[Progress], None]) -> History:
    """Read the history and mine it.

    Args:
        context: the user's side.
        store: keeps what was mined.
        asked: whose history.
        now: unix seconds.
        progress: called before each transcript, and at the end.

    Raises:
        HeadroomError: `STORE_FAILED`.
    """
    last = Progress(0, 0, None, 0, 0, 0)

    def tell(made: Progress) -> None:
        nonlocal last
        last = made
        progress(made)

    seen = history.sightings(
        READERS, context, store, miner.mine, miner=miner.VERSION, since=asked.since, agents=asked.agents,
        project=asked.project, progress=tell,
    )  # fmt: skip
    projects = tuple(_by_project(seen, now, context.home))
    return History(projects, last.n_files, last.n_sessions, last.n_bad)


def _by_project(seen: Iterable[history.Seen], now: float, home: Path) -> list[Learned]:
    found: defaultdict[Path | None, list[Sighting]] = defaultdict(list)
    for each in seen:
        found[each.project].append(each.sighting)
    learned = []
    for project in sorted(found, key=str):
        findings = [finding for finding in miner.merge(found[project], now) if finding.expires > now]
        if findings:
            findings.sort(key=lambda each: (-each.tokens_lost * each.confidence, each.id))
            learned.append(Learned(project, tuple(_for_all(each, project, home) for each in findings)))
    return learned


def _for_all(finding: Finding, project: Path | None, home: Path) -> Finding:
    """The finding with paths as they hold for whoever works on the project, without the user's name in them."""
    text = finding.text
    for place, said in ((project, "."), (home, "~")):
        if place is not None and place != Path(place.anchor):
            path = rf"(?<![\w./~-]){re.escape(str(place))}"
            text = re.sub(rf"{path}/(?=[\w.])", "" if said == "." else f"{said}/", text)
            text = re.sub(rf"{path}(?![\w-])", said, text)
    return replace(finding, text=text)
