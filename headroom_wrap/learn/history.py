"""What all transcripts show: each is read once, and what was mined from it is kept until it changes."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass, replace
from pathlib import Path

from headroom_wrap.agents.agent import Context
from headroom_wrap.learn.events import Session
from headroom_wrap.learn.findings import FindingKind, Sighting
from headroom_wrap.learn.readers.reader import Read, Reader, Tally, stamp_of
from headroom_wrap.learn.redaction import is_clean, redact
from headroom_wrap.memory.projects import project_of
from headroom_wrap.store import LearnedFile, Store

Mine = Callable[[Session], list[Sighting]]
"""What a session shows; pure."""

_FORMAT = "1"
"""Of what is kept, and of what the readers give: a change of either reads every transcript again."""
_KEPT_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Seen:
    """A sighting, and the project in which it was made; None where the transcript does not say."""

    project: Path | None
    sighting: Sighting


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the reading is.

    Attributes:
        n_bytes: read so far, of `of_bytes`; both without the files that are known.
        file: the one that is read next; None at the end.
        n_files, n_sessions, n_bad: transcripts, sessions and unreadable lines so far, with those that are known.
    """

    n_bytes: int
    of_bytes: int
    file: Path | None
    n_files: int
    n_sessions: int
    n_bad: int


@dataclass(frozen=True, slots=True)
class _File:
    """A transcript; `project` is that of its place, where transcripts lie with their project."""

    reader: Reader
    path: Path
    size: int
    mtime_ns: int
    project: Path | None


def sightings(  # noqa: PLR0913 - what is chosen, and what it is read with
    readers: Mapping[str, Reader],
    context: Context,
    store: Store,
    mine: Mine,
    *,
    miner: str,
    since: float = 0.0,
    agents: Collection[str] = (),
    project: Path | None = None,
    progress: Callable[[Progress], None] = lambda _progress: None,
) -> Iterator[Seen]:
    """Everything that the chosen transcripts show, the newest transcripts first.

    Args:
        readers: how the transcripts of each agent are read.
        context: the user's side: environment, home and folder.
        store: keeps what was mined; a transcript that did not change is not read again.
        mine: finds the sightings of one session.
        miner: the version of `mine`: another one reads everything again.
        since: unix seconds; what is older is left out.
        agents: those that are asked for; all, if empty.
        project: its root (`memory.projects.project_of`); None for all.
        progress: called before each file, and at the end.

    Raises:
        HeadroomError: `STORE_FAILED`.
    """
    chosen = [reader for name, reader in readers.items() if not agents or name in agents]
    history = _History(store, mine, f"{_FORMAT}/{miner}", progress)
    here = context if project is None else replace(context, cwd=project)
    files = {file.path: file for reader in chosen for file in _files(reader, here, since)}
    yield from _within(history.take(files.values(), project), since, project)
    if project is None:
        # Transcripts that lie with their project are found through the projects that others name.
        elsewhere = [replace(context, cwd=place) for place in sorted(history.projects) if place.is_dir()]
        near = [reader for reader in chosen if reader.is_per_project]
        found = {file.path: file for there in elsewhere for reader in near for file in _files(reader, there, since)}
        yield from _within(history.take([found[path] for path in found if path not in files], None), since, None)
    history.end()


class _History:
    """The transcripts of one run: those that are known, and those that must be read."""

    def __init__(self, store: Store, mine: Mine, miner: str, progress: Callable[[Progress], None]) -> None:
        self.projects: set[Path] = set()
        self._kept = store.learned_files
        self._mine = mine
        self._miner = miner
        self._progress = progress
        self._stamps = self._kept.stamps(miner)
        self._n_bytes = self._of_bytes = self._n_files = self._n_sessions = self._n_bad = 0

    def take(self, files: Iterable[_File], project: Path | None) -> Iterator[Seen]:
        """What these files show, read or kept."""
        ordered = sorted(files, key=lambda file: (-file.mtime_ns, str(file.path)))
        wanted = [file for file in ordered if self._is_known(file) or _may_be_of(file, project)]
        self._of_bytes += sum(file.size for file in wanted if not self._is_known(file))
        fresh: list[LearnedFile] = []
        try:
            for file in wanted:
                known = self._kept.get(str(file.path)) if self._is_known(file) else None
                if known is None:
                    self._say(file.path)
                    known = _read(file, self._mine, self._miner)
                    self._n_bytes += file.size
                    fresh += [known] if known else []
                if len(fresh) >= _KEPT_AT_ONCE:
                    self._kept.put(fresh)
                    fresh = []
                if known is not None:
                    self._count(known)
                    yield from _seen(known, file.project)
        finally:
            self._kept.put(fresh)

    def end(self) -> None:
        """Say that all is read, and keep nothing of transcripts that are gone."""
        self._kept.forget([file for file in self._stamps if not os.path.lexists(file)])
        self._say(None)

    def _is_known(self, file: _File) -> bool:
        return self._stamps.get(str(file.path)) == (file.size, file.mtime_ns)

    def _count(self, known: LearnedFile) -> None:
        self._n_files += 1
        self._n_sessions += known.n_sessions
        self._n_bad += known.n_bad
        self.projects.update(map(Path, json.loads(known.projects)))

    def _say(self, file: Path | None) -> None:
        self._progress(Progress(self._n_bytes, self._of_bytes, file, self._n_files, self._n_sessions, self._n_bad))


def _files(reader: Reader, context: Context, since: float) -> Iterator[_File]:
    """The transcripts of one agent that were written to since; a database and what it has not taken in yet are one."""
    project = project_of(context.cwd) if reader.is_per_project else None
    for path in reader.files(context):
        size, mtime_ns = stamp_of(path)
        if size and mtime_ns >= since * 1e9:
            yield _File(reader, path, size, mtime_ns, project)


def _may_be_of(file: _File, project: Path | None) -> bool:
    """Whether a file may hold sessions of the project; its first bytes mostly say."""
    folder = file.reader.folder(file.path) if project is not None else ""
    return not folder or project_of(Path(folder)) == project


def _read(file: _File, mine: Mine, miner: str) -> LearnedFile | None:
    """Read one transcript; None where it cannot be read."""
    found = _mined(file.reader.read, file.path, mine)
    return found and LearnedFile(str(file.path), file.reader.agent, file.size, file.mtime_ns, miner, *found)


def _mined(read: Read, path: Path, mine: Mine) -> tuple[int, int, str, str] | None:
    tally, sessions, projects = Tally(), set(), set()
    records: list[tuple[object, ...]] = []
    try:
        for session in read(path, tally):
            sessions.add(session.id)
            project = None if session.project is None else str(session.project)
            projects.update({project} - {None})
            for sighting in mine(session):
                # Whatever a miner lets through, nothing secret is kept.
                if is_clean(f"{sighting.text}\n{sighting.subject}"):
                    kept = replace(sighting, quote=redact(sighting.quote))
                    records.append((project, kept.kind.value, *astuple(kept)[1:]))
    except OSError:
        return None
    return len(sessions), tally.n_bad, json.dumps(sorted(filter(None, projects))), json.dumps(records)


def _seen(known: LearnedFile, default: Path | None) -> Iterator[Seen]:
    for project, kind, *rest in json.loads(known.mined):
        yield Seen(default if project is None else Path(project), Sighting(FindingKind(kind), *rest))


def _within(seen: Iterable[Seen], since: float, project: Path | None) -> Iterator[Seen]:
    for each in seen:
        if (project is None or each.project == project) and not 0 < each.sighting.at < since:
            yield each
