"""The child and everything it started: seen while it lives, and ended when we must."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import psutil

# Creation times come from the boot time, which moves a little when the clock is set.
_SAME_TIME_S = 2.0
_KILL_LIMIT_S = 0.6
_POLL_S = 0.01


@dataclass(frozen=True, slots=True)
class Member:
    """A process, told apart from a later one with the same pid by its creation time (seconds since the epoch)."""

    pid: int
    create_time: float

    def process(self) -> psutil.Process | None:
        """The process if it still is this one and has not ended."""
        try:
            found = psutil.Process(self.pid)
            if abs(found.create_time() - self.create_time) > _SAME_TIME_S:
                return None
            return None if found.status() == psutil.STATUS_ZOMBIE else found
        except psutil.Error:
            return None


def member_of(pid: int) -> Member:
    """The process that has this pid now; one of which nothing can be learnt was created just now."""
    try:
        return Member(pid, psutil.Process(pid).create_time())
    except psutil.Error:
        return Member(pid, time.time())


class Tree:
    """The child, its process group, and all descendants seen so far, also those that left group and session.

    A descendant whose parent has ended can no longer be found through its parents: `look` now and then.
    """

    def __init__(self, root: Member, session: int, seen: Iterable[Member] = ()) -> None:
        self.root = root
        self._session = session
        self._seen = {member.pid: member for member in (root, *seen)}

    @property
    def members(self) -> list[Member]:
        """Everybody seen at the last look, the child included."""
        return list(self._seen.values())

    def look(self) -> bool:
        """Remember the descendants of now; returns whether there are new ones."""
        for member in [member for member in self._seen.values() if member.process() is None]:
            del self._seen[member.pid]
        parents = _parents()
        fresh = [member_of(pid) for pid in parents.keys() - self._seen.keys() if self._belongs(pid, parents)]
        self._seen.update((member.pid, member) for member in fresh)
        return bool(fresh)

    def _belongs(self, pid: int, parents: dict[int, int]) -> bool:
        if self._is_in_group(pid):
            return True
        for _ in range(len(parents)):
            pid = parents.get(pid, 0)
            if pid in self._seen:
                return True
        return False

    def _is_in_group(self, pid: int) -> bool:
        """In the child's group, and in its session: a group's number may be used again after its end."""
        try:
            return os.getpgid(pid) == self.root.pid and os.getsid(pid) == self._session
        except OSError:
            return False

    def alive(self) -> list[psutil.Process]:
        """Every member that has not ended."""
        self.look()
        return _living(self._seen.values())

    def signal(self, number: int) -> None:
        """Send a signal to every member, and SIGCONT to a stopped one, which would not see it otherwise."""
        _signal(self.alive(), number)

    def kill(self) -> None:
        """Kill every member, again and again until none is left: they may be starting others."""
        _kill(self.alive)

    def end(self, grace_s: float) -> None:
        """SIGTERM, up to `grace_s` seconds of patience, SIGKILL."""
        _end(self.alive, grace_s)


def end_ours(session_variable: str, session_id: str, package: str, grace_s: float = 0.5) -> None:
    """End the processes of ours that a session started, and no others (agents leave daemons on purpose).

    Ours has the session's id in its environment and the package's name in its command line.
    """
    ours = []
    for process in psutil.process_iter():
        if process.pid == os.getpid():
            continue
        with contextlib.suppress(psutil.Error, OSError):
            is_package = any(package in part for part in process.cmdline())
            if is_package and process.environ().get(session_variable) == session_id:
                ours.append(Member(process.pid, process.create_time()))
    _end(lambda: _living(ours), grace_s)


def child_of(session_variable: str, session_id: str, session: int) -> Member | None:
    """The child of a wrapper that died before it could tell of it; None where there is none.

    Args:
        session_variable: stands in the child's environment, and in that of all it started.
        session_id: its value.
        session: the system's, in which the wrapper was.
    """
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            leads = os.getpgid(process.pid) == process.pid and os.getsid(process.pid) == session
            if leads and process.environ().get(session_variable) == session_id:
                found.append(Member(process.pid, process.create_time()))
    return min(found, key=lambda member: member.create_time, default=None)


def is_orphaned() -> bool:
    """Whether nobody could continue our process group if it stopped (then the system does not let Ctrl-Z stop it)."""
    group, session = os.getpgrp(), os.getsid(0)
    with contextlib.suppress(psutil.Error, OSError):
        for parent in psutil.Process().parents():
            if os.getpgid(parent.pid) != group:
                return os.getsid(parent.pid) != session
    return True


def _signal(processes: Iterable[psutil.Process], number: int) -> None:
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.send_signal(number)
            if process.status() == psutil.STATUS_STOPPED:
                process.resume()


def _kill(alive: Callable[[], list[psutil.Process]]) -> None:
    end_s = time.monotonic() + _KILL_LIMIT_S
    while (living := alive()) and time.monotonic() < end_s:
        _signal(living, signal.SIGKILL)
        time.sleep(_POLL_S)  # psutil's own waiting would take the child's exit status from us


def _end(alive: Callable[[], list[psutil.Process]], grace_s: float) -> None:
    end_s = time.monotonic() + grace_s
    _signal(alive(), signal.SIGTERM)
    while alive() and time.monotonic() < end_s:
        time.sleep(_POLL_S)
    _kill(alive)


def _parents() -> dict[int, int]:
    parents = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            parents[process.pid] = process.ppid()
    return parents


def _living(members: Iterable[Member]) -> list[psutil.Process]:
    return [process for member in members if (process := member.process()) is not None]
