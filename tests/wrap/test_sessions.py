"""Directories of sessions: who lives, who is recovered, and by whom."""

from __future__ import annotations

import fcntl
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from headroom_wrap import paths
from headroom_wrap.wrap import journal, sessions
from headroom_wrap.wrap.journal import Transaction
from tests.wrap.running import ENVIRONMENT, until

DIES = """
import os, signal, sys
from pathlib import Path
from headroom_wrap.wrap import sessions
from headroom_wrap.wrap.journal import Transaction
home, file, name = map(Path, sys.argv[1:4])
session = sessions.create(home, "test", 1, session_id=str(name))
with Transaction(session.directory) as transaction:
    transaction.write(file, b"ours")
os.kill(os.getpid(), signal.SIGKILL)
"""

RECOVERS = """
import sys
from pathlib import Path
from headroom_wrap.wrap import sessions
print("ready", flush=True)
sys.stdin.readline()
session = sessions.create(Path(sys.argv[1]), "test", 1)
for recovered in sessions.recover(Path(sys.argv[1])):
    print(recovered.id, flush=True)
assert session.record in sessions.live_sessions(Path(sys.argv[1]))
sessions.remove(session)
"""


def die_in_the_middle(home: Path, file: Path, name: str) -> None:
    command = [sys.executable, "-c", DIES, str(home), str(file), name]
    assert subprocess.run(command, env=ENVIRONMENT, check=False).returncode == -signal.SIGKILL
    assert file.read_bytes() == b"ours"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(b"theirs")
    return path


def test_a_session_has_a_private_directory_and_a_record(home: Path) -> None:
    session = sessions.create(home, "claude", 4321, clock=lambda: 12.5)
    assert session.directory == paths.sessions_dir(home) / session.record.id
    assert stat.S_IMODE(session.directory.stat().st_mode) == 0o700
    assert stat.S_IMODE((session.directory / "session.json").stat().st_mode) == 0o600
    record = session.record
    assert (record.pid, record.agent, record.port, record.started) == (os.getpid(), "claude", 4321, 12.5)
    assert abs(record.create_time - psutil.Process().create_time()) < 2
    assert sessions.live_sessions(home) == [record]
    assert sessions.remove(session) == sessions.Recovered(session.record.id)
    assert not list(paths.sessions_dir(home).iterdir())
    assert sessions.live_sessions(home) == []


def test_removing_a_session_undoes_its_edits(home: Path, file: Path) -> None:
    session = sessions.create(home, "claude", 1)
    with Transaction(session.directory) as transaction:
        transaction.write(file, b"ours")
    assert sessions.remove(session) == sessions.Recovered(session.record.id)
    assert file.read_bytes() == b"theirs"


def test_a_home_that_never_was_has_no_sessions(home: Path) -> None:
    assert sessions.live_sessions(home) == []
    assert sessions.recover(home) == []
    assert not home.exists()


def test_a_dead_session_is_recovered_and_a_live_one_is_not(home: Path, file: Path) -> None:
    session = sessions.create(home, "claude", 1)
    die_in_the_middle(home, file, "dead")
    assert [recovered.id for recovered in sessions.recover(home)] == ["dead"]
    assert file.read_bytes() == b"theirs"
    assert sessions.live_sessions(home) == [session.record]
    sessions.remove(session)
    assert not list(paths.sessions_dir(home).iterdir())


def test_a_conflict_is_kept_where_it_survives_the_session(home: Path, file: Path) -> None:
    die_in_the_middle(home, file, "dead")
    file.write_bytes(b"theirs, later")
    (recovered,) = sessions.recover(home)
    (conflict,) = recovered.conflicts
    assert recovered.kept == home / "conflicts" / "dead"
    assert conflict.backup == recovered.kept / "0001-file"
    assert conflict.backup.read_bytes() == b"theirs"
    assert file.read_bytes() == b"theirs, later"


def test_a_journal_that_cannot_be_read_is_put_aside(home: Path, file: Path) -> None:
    die_in_the_middle(home, file, "dead")
    (paths.sessions_dir(home) / "dead" / "journal" / "0001.json").write_bytes(b"{")
    (recovered,) = sessions.recover(home)
    assert recovered.broken
    assert recovered.kept is not None
    assert (recovered.kept / "session" / "journal" / "0001.original").read_bytes() == b"theirs"
    assert sessions.recover(home) == []


def test_an_undo_that_fails_is_tried_again_at_the_next_start(
    home: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    die_in_the_middle(home, file, "dead")
    with monkeypatch.context() as patch:
        patch.setattr(journal, "undo", lambda *_, **__: os.open("/", os.O_WRONLY))
        (recovered,) = sessions.recover(home)
        assert recovered.broken
    assert file.read_bytes() == b"ours"
    assert sessions.recover(home) == [sessions.Recovered("dead")]
    assert file.read_bytes() == b"theirs"


def test_a_lock_without_a_directory_is_swept_away(home: Path) -> None:
    """Its wrapper died between the lock and the directory."""
    paths.make_private_dir(paths.sessions_dir(home))
    (paths.sessions_dir(home) / "stray.lock").touch()
    assert sessions.recover(home) == []
    assert not list(paths.sessions_dir(home).iterdir())


def test_a_lock_that_a_recovery_deleted_under_us_is_taken_again(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The recovery finds the new lock file before it is locked, and no directory: so it deletes it."""
    real = fcntl.flock
    deleted: list[Path] = []

    def flock(descriptor: int, operation: int) -> None:
        file = paths.sessions_dir(home) / "new.lock"
        if not deleted:
            deleted.append(file)
            assert sessions.recover_one(home, "new") is None
            assert not file.exists()
        real(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", flock)
    session = sessions.create(home, "claude", 1, session_id="new")
    monkeypatch.undo()
    assert sessions.recover(home) == []
    assert sessions.live_sessions(home) == [session.record]
    sessions.remove(session)


def test_eight_that_start_at_once_recover_each_dead_session_once_and_no_live_one(home: Path, tmp_path: Path) -> None:
    names = [f"dead-{number}" for number in range(5)]
    files = [tmp_path / name for name in names]
    for name, file in zip(names, files, strict=True):
        file.write_bytes(b"theirs")
        die_in_the_middle(home, file, name)
    command = [sys.executable, "-c", RECOVERS, str(home)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    starting = [subprocess.Popen(command, env=ENVIRONMENT, **pipes) for _ in range(8)]  # type: ignore[call-overload]
    assert [process.stdout.readline() for process in starting] == ["ready\n"] * 8
    for process in starting:
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate(timeout=20)[0].split() for process in starting]
    assert [process.returncode for process in starting] == [0] * 8
    assert sorted(name for names_of_one in said for name in names_of_one) == names
    assert [file.read_bytes() for file in files] == [b"theirs"] * 5
    assert not list(paths.sessions_dir(home).iterdir())


def test_the_lock_is_not_inherited(home: Path) -> None:
    session = sessions.create(home, "claude", 1)
    pid = os.posix_spawn("/bin/sh", ["sh", "-c", "read x"], {}, file_actions=[(os.POSIX_SPAWN_CLOSE, 2)])
    try:
        os.close(session.lock)
        until(lambda: [recovered.id for recovered in sessions.recover(home)] == [session.record.id], "recovered")
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
