"""A file that two sessions want edited: the last of them to end undoes the edit, whatever happens to the other."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from headroom_wrap import paths
from headroom_wrap.wrap import journal, sessions
from headroom_wrap.wrap.journal import Transaction
from headroom_wrap.wrap.sessions import Session
from tests.wrap.test_journal import crash_at, in_child


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "settings.json"
    path.write_bytes(b'{"mine": 1}')
    return path


def begin(home: Path, name: str, *files: tuple[Path, bytes]) -> Session:
    """A session of this process that wants these files so."""
    session = sessions.create(home, "cursor", 1, session_id=name)
    with sessions.editing(home), Transaction(session.directory) as transaction:
        for path, content in files:
            transaction.write(path, content)
        journal.hold(session.directory, [path for path, _ in files])
    return session


def test_the_last_one_to_end_undoes(home: Path, file: Path, tmp_path: Path) -> None:
    new = tmp_path / "rules" / "ours.mdc"
    wanted = ((file, b'{"mine": 1, "ours": 2}'), (new, b"rule"))
    first, second, third = (begin(home, name, *wanted) for name in ("1", "2", "3"))
    for session in (first, third):
        assert sessions.remove(session) == sessions.Recovered(session.record.id)
        assert file.read_bytes() == b'{"mine": 1, "ours": 2}'
        assert new.read_bytes() == b"rule"
    sessions.remove(second)
    assert file.read_bytes() == b'{"mine": 1}'
    assert not new.parent.exists()
    assert not list(paths.sessions_dir(home).iterdir())


def test_one_that_did_not_make_the_edit_may_end_first(home: Path, file: Path) -> None:
    first, second = (begin(home, name, (file, b"{}")) for name in ("1", "2"))
    sessions.remove(second)
    assert file.read_bytes() == b"{}"
    sessions.remove(first)
    assert file.read_bytes() == b'{"mine": 1}'


def test_what_the_user_changed_meanwhile_stays_when_the_last_one_undoes(home: Path, file: Path) -> None:
    first, second = (begin(home, name, (file, b'{"mine": 1, "ours": 2}')) for name in ("1", "2"))
    sessions.remove(first)
    file.write_bytes(b'{"mine": 3, "ours": 2}')
    assert sessions.remove(second).conflicts == ()
    assert file.read_bytes() == b'{"mine": 3}'


def test_a_session_without_that_file_gets_nothing(home: Path, file: Path, tmp_path: Path) -> None:
    first, other = begin(home, "1", (file, b"{}")), begin(home, "2", (tmp_path / "other", b"x"))
    sessions.remove(first)
    assert file.read_bytes() == b'{"mine": 1}'
    sessions.remove(other)


def test_unwrap_takes_its_edit_out_although_a_session_holds_the_file(home: Path, file: Path) -> None:
    first, second = (begin(home, name, (file, b"{}")) for name in ("1", "2"))
    sessions.remove(first, hands_over=False)
    assert file.read_bytes() == b'{"mine": 1}'
    sessions.remove(second)
    assert file.read_bytes() == b'{"mine": 1}'


def test_a_crash_at_any_step_of_the_handing_over_costs_nothing(home: Path, file: Path) -> None:
    def hand_over(n_steps: int) -> None:
        first = begin(home, "first", (file, b"{}"))
        journal.hold(heir.directory, [file])
        sessions.remove(first, step=crash_at(n_steps))

    n_crashes = 0
    for number in itertools.count():
        heir = begin(home, f"heir-{number}", (file, file.read_bytes()))
        was_killed = in_child(lambda n=number: hand_over(n))  # type: ignore[misc]
        assert file.read_bytes() == b"{}"
        assert [recovered.id for recovered in sessions.recover(home)] == ["first"] * was_killed
        assert file.read_bytes() == b"{}"
        assert sessions.remove(heir).conflicts == ()
        assert file.read_bytes() == b'{"mine": 1}'
        n_crashes += was_killed
        if not was_killed:
            break
    assert n_crashes >= 5
