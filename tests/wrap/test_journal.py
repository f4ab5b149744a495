"""Edits of the user's files: undone when they are still ours, left alone when not, and never half done."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headroom_wrap.errors import HeadroomError
from headroom_wrap.wrap.journal import Transaction, undo


class Crash(Exception):  # noqa: N818
    """The power goes."""


def fail() -> None:
    raise Crash


def crash_at(number: int) -> Callable[[str], None]:
    """Crash before the step with this number, counted from 0."""
    left = [number]

    def step(_name: str) -> None:
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left[0] -= 1

    return step


def in_child(work: Callable[[], object]) -> bool:
    """Do it in a process of its own; whether that was killed."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(pid, 0)[1])


@pytest.fixture
def session(tmp_path: Path) -> Path:
    directory = tmp_path / "session"
    directory.mkdir()
    return directory


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "settings.json"
    path.write_bytes(b"original \xff\x00")
    path.chmod(0o640)
    return path


def write(session: Path, path: Path, new: bytes, step: Callable[[str], None] = lambda _name: None) -> None:
    with Transaction(session, step) as transaction:
        transaction.write(path, new)


def others(path: Path) -> list[str]:
    """What lies beside the file that should not."""
    return [entry.name for entry in path.parent.iterdir() if entry.name not in {path.name, "session"}]


def test_an_edit_is_undone_to_the_byte_and_the_mode(session: Path, file: Path) -> None:
    write(session, file, b"ours")
    assert file.read_bytes() == b"ours"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert undo(session) == []
    assert file.read_bytes() == b"original \xff\x00"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert others(file) == []
    assert not list((session / "journal").iterdir())


def test_a_file_that_was_not_there_is_removed_with_the_folders_we_made(session: Path, tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "c.toml"
    write(session, path, b"ours")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert undo(session) == []
    assert not (tmp_path / "a").exists()


def test_a_folder_in_which_the_user_put_something_stays(session: Path, tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "c.toml"
    write(session, path, b"ours")
    (tmp_path / "a" / "note").write_text("mine", encoding="utf-8")
    assert undo(session) == []
    assert [entry.name for entry in (tmp_path / "a").iterdir()] == ["note"]


def test_a_symbolic_link_stays_one(session: Path, file: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(file)
    write(session, link, b"ours")
    assert link.is_symlink()
    assert file.read_bytes() == b"ours"
    undo(session)
    assert link.is_symlink()
    assert link.read_bytes() == b"original \xff\x00"


def test_a_file_that_the_user_changed_is_left_and_reported_with_a_backup(session: Path, file: Path) -> None:
    write(session, file, b"ours")
    file.write_bytes(b"theirs")
    (conflict,) = undo(session, keep_dir=session.parent / "kept")
    assert file.read_bytes() == b"theirs"
    assert conflict.path == file
    assert conflict.backup is not None
    assert conflict.backup.read_bytes() == b"original \xff\x00"
    assert conflict.reason == "it was changed since our edit"
    (row,) = json.loads((conflict.backup.parent / "report.json").read_bytes())
    assert row == {"path": str(file), "backup": str(conflict.backup), "reason": conflict.reason}
    assert undo(session) == []


@pytest.mark.parametrize("existed", [True, False])
def test_a_file_that_the_user_removed_stays_removed(session: Path, file: Path, *, existed: bool) -> None:
    if not existed:
        file.unlink()
    write(session, file, b"ours")
    file.unlink()
    conflicts = undo(session)
    assert [conflict.reason for conflict in conflicts] == ["it was removed since our edit"] * existed
    assert not file.exists()


def test_a_mode_that_the_user_changed_stays(session: Path, file: Path) -> None:
    write(session, file, b"ours")
    file.chmod(0o600)
    assert undo(session) == []
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_under_sudo_the_users_file_stays_the_users(session: Path, file: Path) -> None:
    os.chown(file, 12345, 12345)
    write(session, file, b"ours")
    assert file.stat().st_uid == 12345
    undo(session)
    assert file.stat().st_uid == 12345


def test_several_edits_of_one_file_go_back_to_the_first_original(session: Path, file: Path) -> None:
    with Transaction(session) as transaction:
        transaction.write(file, b"one")
        transaction.write(file, b"two")
    write(session, file, b"three")
    assert len(list((session / "journal").glob("*.json"))) == 2
    assert undo(session) == []
    assert file.read_bytes() == b"original \xff\x00"


def test_an_error_inside_takes_back_this_transaction_only(session: Path, file: Path) -> None:
    write(session, file, b"first")

    def write_two_and_fail() -> None:
        with Transaction(session) as transaction:
            transaction.write(file, b"second")
            transaction.write(file.with_name("new"), b"new")
            fail()

    with pytest.raises(Crash):
        write_two_and_fail()
    assert file.read_bytes() == b"first"
    assert others(file) == []
    undo(session)
    assert file.read_bytes() == b"original \xff\x00"


def test_writing_what_is_there_already_does_nothing(session: Path, file: Path) -> None:
    before = file.stat()
    write(session, file, b"original \xff\x00")
    assert file.stat() == before
    assert not list((session / "journal").iterdir())


def test_a_target_that_cannot_be_written_is_an_error_and_left_alone(session: Path, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(HeadroomError, match="could not be edited"):
        write(session, folder, b"ours")
    assert folder.is_dir()
    assert undo(session) == []


def test_an_edit_that_failed_after_its_original_was_kept_does_not_confuse_the_next(session: Path, file: Path) -> None:
    def fill_disk(name: str) -> None:
        if name == "write entry":
            raise OSError(28, "No space left on device")

    with pytest.raises(HeadroomError, match="No space left"):
        write(session, file, b"ours", fill_disk)
    other = file.with_name("other")
    other.write_bytes(b"other's original")
    write(session, other, b"ours")
    undo(session)
    assert other.read_bytes() == b"other's original"
    assert file.read_bytes() == b"original \xff\x00"


def test_undo_without_a_journal_is_nothing(session: Path) -> None:
    assert undo(session) == []


@pytest.mark.parametrize("existed", [True, False])
def test_a_kill_before_any_step_of_an_edit_is_undone(session: Path, file: Path, *, existed: bool) -> None:
    target = file if existed else file.parent / "new folder" / "new"
    for number in range(50):
        if not in_child(lambda n=number: write(session, target, b"ours", crash_at(n))):  # type: ignore[misc]
            break
        assert not target.exists() or target.read_bytes() in (b"ours", b"original \xff\x00")
        assert undo(session) == []
        assert file.read_bytes() == b"original \xff\x00"
        assert others(file) == []
        shutil.rmtree(session / "journal")
    assert number >= 5


def edit_two(session: Path, file: Path) -> None:
    with Transaction(session) as transaction:
        transaction.write(file, b"ours")
        transaction.write(file.with_name("second"), b"ours too")


@pytest.mark.parametrize("changed", [True, False])
def test_a_kill_before_any_step_of_undo_is_finished_by_the_next(session: Path, file: Path, *, changed: bool) -> None:
    keep = session.parent / "session" / "kept"
    for number in range(50):
        edit_two(session, file)
        if changed:
            file.write_bytes(b"theirs")
        was_killed = in_child(lambda n=number: undo(session, keep_dir=keep, step=crash_at(n)))  # type: ignore[misc]
        undo(session, keep_dir=keep)
        assert file.read_bytes() == (b"theirs" if changed else b"original \xff\x00")
        assert others(file) == []
        if changed:
            assert (keep / "0001-settings.json").read_bytes() == b"original \xff\x00"
            assert len(json.loads((keep / "report.json").read_bytes())) == 1
            shutil.rmtree(keep)
            file.write_bytes(b"original \xff\x00")
        if not was_killed:
            break
    assert number >= 4


ACTIONS = st.lists(
    st.tuples(st.sampled_from(["write", "write and fail", "kill"]), st.sampled_from("abc"), st.binary(max_size=3)),
    max_size=6,
)


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.sampled_from("abc"), st.binary(max_size=3)), ACTIONS, st.integers(0, 9))
def test_whatever_we_do_undo_brings_back_what_was_there(
    before: dict[str, bytes], actions: list[tuple[str, str, bytes]], crash: int
) -> None:
    with tempfile.TemporaryDirectory() as name:
        session, folder = Path(name) / "session", Path(name) / "folder"
        session.mkdir()
        folder.mkdir()
        for file, content in before.items():
            (folder / file).write_bytes(content)
        for action, file, content in actions:
            act(session, folder / file, content, action, crash)
        assert undo(session) == []
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def act(session: Path, file: Path, content: bytes, action: str, crash: int) -> None:
    if action == "kill":
        in_child(lambda: write(session, file, content, crash_at(crash)))
        return
    with contextlib.suppress(Crash), Transaction(session) as transaction:
        transaction.write(file, content)
        if action == "write and fail":
            fail()
