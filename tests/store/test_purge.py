"""Purging a file that others use: nothing is left of what went, and nothing else goes."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from headroom_wrap.store import Cut, Decision, Store
from headroom_wrap.store.store import _pack, original_id

EVERYTHING = Cut(float("inf"), float("inf"))

PURGER = """
import sys
from pathlib import Path
from headroom_wrap.store import Cut, Store
store = Store(Path(sys.argv[1]))
print(flush=True); sys.stdin.readline()
print(store.purge(Cut(float("inf") if sys.argv[2] == "all" else float(sys.argv[2]), 0.0)).originals)
store.close()
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data" / "store.sqlite3"


def text_of(number: int, n_chars: int = 4000) -> str:
    return f"original {number} " + Random(number).randbytes(n_chars // 2).hex()  # noqa: S311


def fill(store: Store, numbers: range, n_chars: int = 4000) -> None:
    decisions, originals = [], {}
    for number in numbers:
        text = text_of(number, n_chars)
        id_ = original_id(text)
        decisions.append(Decision(f"k{number}", f"f{number}", "{}", text[:200], "why", "logs", 9, 1, id_))
        originals[id_] = (text, "Bash")
    store.decide(decisions, originals)


def start_purger(file: Path, what: str = "all") -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", PURGER, str(file), what],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "\n"
    return process


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def n_originals(file: Path) -> int:
    with contextlib.closing(sqlite3.connect(file, timeout=10)) as connection:
        return int(connection.execute("SELECT COUNT(*) FROM originals").fetchone()[0])


def is_whole(file: Path) -> bool:
    with contextlib.closing(sqlite3.connect(file, timeout=10)) as connection:
        return bool(connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)])


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.002)


def bytes_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def is_found(body: bytes, where: bytes) -> bool:
    """Whether a piece of a stored text stands in a file; pages cut longer ones."""
    return any(body[start : start + 64] in where for start in range(0, len(body) - 64, 64))


@pytest.mark.parametrize("n_chars", [300, 4000, 400_000])
def test_not_a_byte_of_a_purged_text_is_left_in_the_folder(file: Path, n_chars: int) -> None:
    store, other = Store(file), Store(file)
    fill(store, range(20), n_chars)
    bodies = [_pack(text_of(number, n_chars)) for number in range(20)]
    bodies += [_pack(text_of(number, n_chars)[:200]) for number in range(20)]
    store.record_retrieval("s1", "h1", "grep=a secret pattern", 3)
    other.decisions(["k1"])
    assert all(is_found(body, bytes_in(file.parent)) for body in bodies)
    swept = other.purge(EVERYTHING)
    assert swept.is_overwritten
    assert (swept.originals, swept.decisions, swept.retrievals) == (20, 20, 1)
    left = bytes_in(file.parent)
    assert not any(is_found(body, left) for body in bodies)
    assert b"a secret pattern" not in left
    assert store.original(original_id(text_of(1, n_chars))) is None
    assert store.put_original("and on it goes")
    store.close()
    other.close()


def test_also_of_what_went_earlier_nothing_is_left(file: Path) -> None:
    store = Store(file)
    fill(store, range(20))
    first = _pack(text_of(3))
    store.purge(Cut(time.time() + 1, 0.0))
    fill(store, range(20, 25))
    assert not is_found(first, bytes_in(file.parent))
    store.close()


def test_two_processes_purge_while_a_third_writes(file: Path) -> None:
    store = Store(file)
    fill(store, range(600))
    before = time.time()
    purgers = [start_purger(file, str(before)) for _ in range(2)]
    for purger in purgers:
        go(purger)
    for number in range(600, 700):
        fill(store, range(number, number + 1))
    outputs = [purger.communicate(timeout=100) for purger in purgers]
    assert [purger.returncode for purger in purgers] == [0, 0], outputs
    assert sum(int(output) for output, _ in outputs) == 600
    assert n_originals(file) == 100
    assert len(store.decisions([f"k{number}" for number in range(700)])) == 100
    assert is_whole(file)
    store.close()


def test_a_purge_that_is_killed_leaves_a_whole_store_and_can_be_done_again(file: Path) -> None:
    store = Store(file)
    fill(store, range(4000), 2000)
    store.close()
    purger = start_purger(file)
    go(purger)
    wait_for(lambda: n_originals(file) < 4000)
    purger.kill()
    purger.communicate(timeout=30)
    left = n_originals(file)
    assert 0 < left < 4000
    assert is_whole(file)
    again = Store(file)
    for number in range(4000):
        for decision in again.decisions([f"k{number}"]).values():
            assert again.original(decision.original_id or "") is not None
    assert again.purge(EVERYTHING).originals == left
    assert again.stats().originals.rows == 0
    again.close()


def test_the_space_goes_back_to_the_disk(file: Path) -> None:
    store = Store(file)
    fill(store, range(100), 20_000)
    store.purge(Cut(0.0, 0.0))
    full = file.stat().st_size
    freed = store.purge(EVERYTHING).freed_bytes
    assert full > 1_000_000
    assert file.stat().st_size == full - freed < 200_000
    assert file.with_name(f"{file.name}-wal").stat().st_size == 0
    store.close()
