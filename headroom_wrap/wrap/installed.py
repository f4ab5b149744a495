"""Edits of the user's files that outlive a session, until `headroom unwrap`.

An installation is made as a session's edits are (see `journal`); then its journal is renamed to
`<home>/installed/AGENT`. Before that one step a crash means that the next start of anything takes every edit back;
after it the installation is complete. It ends the same way: the folder is renamed to be the journal of a session, and
that session is cleared away, by the next start of anything where we could not.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from headroom_wrap import paths
from headroom_wrap.edits import locking
from headroom_wrap.edits.replacing import sync_folder
from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.wrap import journal, plan, sessions
from headroom_wrap.wrap.journal import Conflict, Step, Tell, Transaction
from headroom_wrap.wrap.plan import Launch

_ABOUT = "about.json"
_LOCK = ".lock"


@dataclass(frozen=True, slots=True)
class Installed:
    """What stands installed for an agent.

    Attributes:
        agent: its name.
        note: a sentence of whoever installed it; may be empty.
        since: seconds since the epoch.
        files: the user's files that were edited, without symbolic links in their paths.
    """

    agent: str
    note: str
    since: float
    files: tuple[Path, ...]


def install(  # noqa: PLR0913 - the effects are parameters
    home: Path,
    agent: str,
    edits: Mapping[Path, bytes],
    *,
    note: str = "",
    step: Step = journal.no_step,
    clock: Callable[[], float] = time.time,
) -> Path:
    """Make each file's content what `edits` says, in one transaction, and remember how to undo it.

    What was installed for the agent before is undone first, so that the originals are the user's own. Whoever calls
    this has recovered dead sessions before it read the files (see `sessions.recover`).

    Args:
        home: the data directory.
        agent: its name, which is the installation's, too.
        edits: file -> what it shall hold.
        note: for the user, who sees it when the installation is undone.
        step: called with the name of each step before it is taken.
        clock: seconds since the epoch.

    Returns:
        The folder in which the installation is remembered.

    Raises:
        HeadroomError: `JOURNAL_CONFLICT` where a file cannot be edited, or an earlier installation cannot be undone;
            every file is as it was before.
    """
    folder = _folder(home, agent)
    with _locked(home):
        if folder.is_dir():
            _replace_earlier(home, agent, step)
        session = sessions.create(home, agent, 0)
        try:
            with Transaction(session.directory, step) as transaction:
                for path, new in edits.items():
                    transaction.write(path, new)
                about = {"note": note, "since": clock()}
                paths.write_private(session.directory / journal.FOLDER / _ABOUT, json.dumps(about))
                step("install")
                (session.directory / journal.FOLDER).rename(folder)
                sync_folder(folder.parent)
                step("installed")
        finally:
            sessions.remove(session)
    return folder


def install_agent(launch: Launch, say: Callable[[str], None]) -> None:
    """Do what the agent's `--install` stands for.

    Args:
        launch: what the user asked for.
        say: prints one line for the user.

    Raises:
        HeadroomError: as `install` does; `BAD_REQUEST` for an agent that has no such thing, or with arguments for it.
    """
    agent = launch.agent
    if agent.installation is None or launch.context.args:
        message = f"headroom wrap {agent.name} --install takes no further words, and starts nothing."
        raise HeadroomError(Code.BAD_REQUEST, message, f"Then start {agent.title} as you always do.")
    for recovered in sessions.recover(launch.data):
        say(f"headroom: cleared away session {recovered.id}, which had ended without doing so")
    wanted = agent.installation(launch.context, launch.data, plan.mcp_command())
    install(launch.data, agent.name, wanted.edits, note=wanted.note)
    for path in installed(launch.data)[agent.name].files:
        say(f"headroom: edited {path}")
    for sentence in wanted.says:
        say(f"headroom: {sentence}")
    say(f"headroom: installed; headroom unwrap {agent.name} undoes it")


def uninstall(
    home: Path, agent: str, *, step: Step = journal.no_step, tell: Tell = journal.tell_nobody
) -> list[Conflict]:
    """Undo an installation: files that are still as we wrote them become what they were, to the byte.

    From a file that was edited since, our edit is taken out and the later ones stay. Where that cannot be done the
    file is left, its original is kept, and a conflict says so.

    Args:
        home: the data directory.
        agent: whose installation; nothing is done where there is none.
        step: called with the name of each step before it is taken.
        tell: called with what became of each file.

    Raises:
        HeadroomError: `JOURNAL_CONFLICT` where the record cannot be read, or the disk takes nothing; the next start of
            anything tries again.
    """
    with _locked(home):
        return _uninstall(home, agent, step, tell)


def installed(home: Path) -> dict[str, Installed]:
    """What stands installed, by agent."""
    folders = sorted(path for path in _all(home).glob("*") if path.is_dir())
    return {folder.name: _read(folder) for folder in folders}


def _uninstall(home: Path, agent: str, step: Step, tell: Tell) -> list[Conflict]:
    folder = _folder(home, agent)
    if not folder.is_dir():
        return []
    session = sessions.create(home, agent, 0)
    step("uninstall")
    folder.rename(session.directory / journal.FOLDER)
    sync_folder(folder.parent)
    recovered = sessions.remove(session, step=step, tell=tell, hands_over=False)
    if recovered.broken:
        message = f"The edits for {agent} could not be undone: {recovered.broken}."
        hint = (
            f"What is known of them is kept in {recovered.kept}." if recovered.kept else "headroom doctor tries again."
        )
        raise HeadroomError(Code.JOURNAL_CONFLICT, message, hint)
    return list(recovered.conflicts)


def _replace_earlier(home: Path, agent: str, step: Step) -> None:
    conflicts = _uninstall(home, agent, step, journal.tell_nobody)
    if conflicts:
        named = "; ".join(f"{conflict.path} ({conflict.reason})" for conflict in conflicts)
        message = f"The earlier installation for {agent} could not be undone in full, so there is none now: {named}."
        raise HeadroomError(Code.JOURNAL_CONFLICT, message, "Take our part out of it by hand, then install again.")


def _read(folder: Path) -> Installed:
    about = json.loads((folder / _ABOUT).read_bytes())
    files = dict.fromkeys(Path(entry.path) for entry in journal.entries_in(folder))
    return Installed(folder.name, about["note"], about["since"], tuple(files))


def _all(home: Path) -> Path:
    return home / "installed"


def _folder(home: Path, agent: str) -> Path:
    return _all(home) / agent


def _locked(home: Path) -> contextlib.AbstractContextManager[None]:
    """One installation at a time: two at once would take each other's edits for the user's."""
    return locking.held(paths.make_private_dir(_all(home)) / _LOCK)
