"""Installations: complete or not there at all, and undone without a loss of what the user wrote since."""

from __future__ import annotations

import json
import os
import signal
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from headroom_wrap.errors import HeadroomError
from headroom_wrap.wrap import journal, sessions
from headroom_wrap.wrap.installed import install, installed, uninstall
from headroom_wrap.wrap.journal import Outcome
from tests.wrap.test_journal import crash_at, in_child

ORIGINAL = b"one\ntwo\nthree\nfour\n"
OURS = b"one\ntwo\nheadroom\nthree\nfour\n"


class Place:
    """A data directory and a project with one file."""

    def __init__(self, root: Path) -> None:
        self.home = root / "data"
        self.project = root / "project"
        self.project.mkdir()
        self.file = self.project / "rules.txt"
        self.file.write_bytes(ORIGINAL)
        self.new = self.project / "made" / "new.txt"

    @property
    def edits(self) -> dict[Path, bytes]:
        return {self.file: OURS, self.new: b"ours alone\n"}

    def install(self, step: journal.Step = journal.no_step) -> None:
        install(self.home, "cursor", self.edits, note="a note", step=step, clock=lambda: 5.0)

    def is_the_users(self) -> bool:
        names = sorted(path.name for path in self.project.iterdir())
        return self.file.read_bytes() == ORIGINAL and names == ["rules.txt"]

    def is_complete(self) -> bool:
        return all(path.is_file() and path.read_bytes() == data for path, data in self.edits.items())


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_an_installation_outlives_sessions_and_is_undone_to_the_byte(place: Place) -> None:
    place.file.chmod(0o640)
    place.install()
    assert place.is_complete()
    assert sessions.recover(place.home) == []
    assert place.is_complete()
    found = installed(place.home)["cursor"]
    assert (found.note, found.since, found.files) == ("a note", 5.0, (place.file, place.new))
    assert uninstall(place.home, "cursor") == []
    assert place.is_the_users()
    assert stat.S_IMODE(place.file.stat().st_mode) == 0o640
    assert installed(place.home) == {}
    assert list((place.home / "sessions").iterdir()) == []


def test_nothing_is_undone_where_nothing_was_installed(place: Place) -> None:
    assert uninstall(place.home, "cursor") == []
    assert installed(place.home) == {}


def test_installing_again_keeps_the_users_own_original(place: Place) -> None:
    place.install()
    install(place.home, "cursor", {place.file: OURS + b"more of ours\n"})
    assert not place.new.exists()
    assert uninstall(place.home, "cursor") == []
    assert place.is_the_users()


def test_agents_are_undone_one_by_one(place: Place) -> None:
    place.install()
    install(place.home, "openclaw", {place.project / "other.json": b"{}"})
    assert sorted(installed(place.home)) == ["cursor", "openclaw"]
    uninstall(place.home, "openclaw")
    assert list(installed(place.home)) == ["cursor"]
    assert place.is_complete()


def test_the_users_later_edits_stay_when_ours_go(place: Place) -> None:
    place.install()
    place.file.write_bytes(b"zero\n" + OURS + b"five\n")
    outcomes = {}
    assert uninstall(place.home, "cursor", tell=lambda outcome, path: outcomes.update({path.name: outcome})) == []
    assert place.file.read_bytes() == b"zero\none\ntwo\nthree\nfour\nfive\n"
    assert outcomes == {"rules.txt": Outcome.MERGED, "new.txt": Outcome.REMOVED}


def test_a_file_of_ours_goes_although_an_editor_formatted_it_anew(place: Place) -> None:
    path = place.project / ".cursor" / "mcp.json"
    install(place.home, "cursor", {path: b'{"mcpServers": {"headroom": {"command": "headroom"}}}\n'})
    path.write_text(json.dumps(json.loads(path.read_bytes()), indent=4), encoding="utf-8")
    assert uninstall(place.home, "cursor") == []
    assert place.is_the_users()


def test_a_line_that_both_changed_leaves_the_file_and_keeps_the_original(place: Place) -> None:
    place.install()
    theirs = OURS.replace(b"headroom", b"my headroom")
    place.file.write_bytes(theirs)
    (conflict,) = uninstall(place.home, "cursor")
    assert (conflict.path, conflict.reason) == (place.file, "it was changed since our edit")
    assert place.file.read_bytes() == theirs
    assert conflict.backup is not None
    assert conflict.backup.read_bytes() == ORIGINAL
    assert not place.new.exists()


def test_a_file_that_the_user_deleted_stays_deleted(place: Place) -> None:
    place.install()
    place.file.unlink()
    (conflict,) = uninstall(place.home, "cursor")
    assert conflict.reason == "it was removed since our edit"
    assert not place.file.exists()


def test_a_read_only_file_is_refused_and_nothing_else_is_edited(place: Place) -> None:
    place.new.parent.mkdir()
    place.new.write_bytes(b"read only\n")
    place.new.chmod(0o444)
    with pytest.raises(HeadroomError, match=r"new\.txt could not be edited \(Permission denied\)"):
        place.install()
    assert place.file.read_bytes() == ORIGINAL
    assert place.new.read_bytes() == b"read only\n"
    assert installed(place.home) == {}


def test_a_symbolic_link_stays_one_and_what_it_names_is_edited(place: Place) -> None:
    real = place.project / "real.txt"
    place.file.rename(real)
    place.file.symlink_to("real.txt")
    place.install()
    assert real.read_bytes() == OURS
    assert place.file.is_symlink()
    assert uninstall(place.home, "cursor") == []
    assert place.file.is_symlink()
    assert real.read_bytes() == ORIGINAL


def test_a_new_installation_is_refused_where_the_old_one_cannot_be_undone(place: Place) -> None:
    place.install()
    theirs = OURS.replace(b"headroom", b"my headroom")
    place.file.write_bytes(theirs)
    with pytest.raises(HeadroomError, match="could not be undone in full"):
        place.install()
    assert place.file.read_bytes() == theirs
    assert installed(place.home) == {}


def test_what_is_remembered_is_for_the_user_alone(place: Place) -> None:
    place.install()
    for path in (place.home / "installed" / "cursor").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def count_kills(work: Callable[[journal.Step], object], look: Callable[[], None]) -> int:
    """Kill `work` before each of its steps in turn, and look after each."""
    for number in range(200):
        if not in_child(lambda n=number: work(crash_at(n))):  # type: ignore[misc]
            return number
        look()
    return -1


def test_a_kill_before_any_step_of_an_installation_leaves_all_or_nothing(place: Place) -> None:
    ends = []

    def look() -> None:
        sessions.recover(place.home)
        is_installed = "cursor" in installed(place.home)
        assert place.is_complete() if is_installed else place.is_the_users()
        ends.append(is_installed)
        uninstall(place.home, "cursor")
        assert place.is_the_users()

    assert count_kills(place.install, look) >= 10
    assert set(ends) == {True, False}


@pytest.mark.parametrize("is_edited", [True, False])
def test_a_kill_before_any_step_of_an_undoing_is_finished_by_the_next_start(place: Place, *, is_edited: bool) -> None:
    expected = b"zero\n" * is_edited + ORIGINAL

    def begin() -> None:
        place.file.write_bytes(ORIGINAL)
        place.install()
        place.file.write_bytes(b"zero\n" * is_edited + OURS)

    def look() -> None:
        for recovered in sessions.recover(place.home):
            assert recovered.conflicts == ()
        if "cursor" in installed(place.home):
            uninstall(place.home, "cursor")
        assert place.file.read_bytes() == expected
        assert not place.new.parent.exists()
        begin()

    begin()
    assert count_kills(lambda step: uninstall(place.home, "cursor", step=step), look) >= 8


def test_a_kill_while_an_installation_is_replaced_leaves_one_or_none(place: Place) -> None:
    def again(step: journal.Step) -> None:
        install(place.home, "cursor", {place.file: OURS + b"more of ours\n"}, step=step)

    def look() -> None:
        sessions.recover(place.home)
        uninstall(place.home, "cursor")
        assert place.is_the_users()
        place.install()

    place.install()
    assert count_kills(again, look) >= 15


def test_two_installations_at_once_come_one_after_the_other(place: Place) -> None:
    pids = []
    for _ in range(4):
        pid = os.fork()
        if pid == 0:
            try:
                place.install()
            finally:
                os.kill(os.getpid(), signal.SIGKILL)
        pids.append(pid)
    for pid in pids:
        os.waitpid(pid, 0)
    sessions.recover(place.home)
    assert place.is_complete()
    uninstall(place.home, "cursor")
    assert place.is_the_users()
