"""Whatever happens while facts are written, the file is whole and what was committed is there."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.memory import Memory
from headroom_wrap.store import Scope, Store, connections

N_PROCESSES, N_FACTS = 10, 20
SCOPE = Scope("/project", "user")

SAVER = """
import sys
from pathlib import Path
from headroom_wrap.memory import Memory
from headroom_wrap.store import Scope, Store
file, name, n_facts = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
memory = Memory(Store(file), Scope("/project", "user"))
print("ready", flush=True)
for number in range(n_facts):
    memory.save(f"All know fact number {number}", agent=name)
    saved = memory.save(f"Only {name} knows fact number {number}", agent=name).fact
    print(saved.id, saved.text, sep=":", flush=True)
"""


def saver(file: Path, name: str, n_facts: int) -> subprocess.Popen[str]:
    argv = [sys.executable, "-c", SAVER, str(file), name, str(n_facts)]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def assert_whole(file: Path, n_known: int) -> None:
    """The file passes SQLite's and FTS5's own checks, and the index holds the facts, no more and no fewer."""
    connection = sqlite3.connect(file)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        connection.execute("INSERT INTO fact_words (fact_words) VALUES ('integrity-check')")
        connection.rollback()
        indexed = connection.execute("SELECT rowid FROM fact_words ORDER BY rowid").fetchall()
        assert indexed == connection.execute("SELECT rowid FROM facts WHERE state = 'active' ORDER BY rowid").fetchall()
        assert len(indexed) >= n_known
    finally:
        connection.close()


def test_ten_processes_that_save_at_once_keep_every_fact_and_each_once(tmp_path: Path) -> None:
    file = tmp_path / "store.sqlite3"
    running = [saver(file, f"p{number}", N_FACTS) for number in range(N_PROCESSES)]
    outputs = [process.communicate(timeout=100) for process in running]
    assert [process.returncode for process in running] == [0] * N_PROCESSES, outputs
    store = Store(file)
    held = [fact.text for fact in Memory(store, SCOPE).facts()]
    store.close()
    assert len(held) == len(set(held)) == N_FACTS * (N_PROCESSES + 1)
    assert_whole(file, len(held))


def kill_in_the_middle(file: Path, n_kills: int) -> None:
    told: dict[str, str] = {}
    for number in range(n_kills):
        process = saver(file, f"p{number}", 1_000_000)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        for _ in range(number % 5):
            id_, _, text = process.stdout.readline().strip().partition(":")
            told[id_] = text
        process.kill()
        for line in process.communicate(timeout=30)[0].splitlines(keepends=True):
            if line.endswith("\n"):
                id_, _, text = line.strip().partition(":")
                told[id_] = text
    assert len(told) >= n_kills
    store = Store(file)
    held = {fact.id: fact.text for fact in Memory(store, SCOPE).facts()}
    store.close()
    assert {id_: held.get(id_) for id_ in told} == told
    assert_whole(file, len(told))


def test_no_fact_that_was_told_as_saved_is_lost_when_its_process_is_killed(tmp_path: Path) -> None:
    kill_in_the_middle(tmp_path / "store.sqlite3", 6)


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_the_same_two_hundred_times(tmp_path: Path) -> None:
    kill_in_the_middle(tmp_path / "store.sqlite3", 200)


def test_on_a_full_disk_saving_says_so_and_what_was_saved_is_read(tmp_path: Path) -> None:
    script = """
import resource, signal, sys
from pathlib import Path
from headroom_wrap.errors import HeadroomError
from headroom_wrap.memory import Memory
from headroom_wrap.store import Scope, Store
memory = Memory(Store(Path(sys.argv[1])), Scope("/project", "user"))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
number = 0
try:
    while number < 5000:
        memory.save(f"{number} " + "".join(chr(97 + (number * place) % 26) for place in range(500)))
        number += 1
except HeadroomError as error:
    assert len(memory.facts()) == number and memory.brief()
    print(error.code.value, number)
"""
    file = tmp_path / "store.sqlite3"
    # A limit on the size of files fails writes as a full disk does, without one.
    done = subprocess.run(
        [sys.executable, "-c", script, str(file)], capture_output=True, text=True, check=False, timeout=100
    )
    code, _, n_saved = done.stdout.strip().partition(" ")
    assert code == Code.STORE_FAILED.value, done
    assert int(n_saved) > 0
    store = Store(file)
    memory = Memory(store, SCOPE)
    assert len(memory.facts()) == int(n_saved)
    memory.save("There is room again")
    store.close()
    assert_whole(file, int(n_saved) + 1)


def test_a_locked_database_is_an_error_of_ours_and_nothing_is_half_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "BUSY_TIMEOUT_S", 0.05)
    file = tmp_path / "store.sqlite3"
    store = Store(file)
    memory = Memory(store, SCOPE)
    memory.save("Use tabs")
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(HeadroomError) as caught:
        memory.save("Run make")
    assert caught.value.code is Code.STORE_FAILED
    assert [fact.text for fact in memory.search("tabs make")] == ["Use tabs"]
    other.execute("ROLLBACK")
    other.close()
    memory.save("Run make")
    store.close()
    assert_whole(file, 2)


def test_a_store_that_may_not_be_written_is_read_and_refuses_to_save(tmp_path: Path) -> None:
    file = tmp_path / "store.sqlite3"
    store = Store(file)
    Memory(store, SCOPE).save("Use tabs")
    store.close()
    store = Store(file, read_only=True)
    memory = Memory(store, SCOPE)
    assert [fact.text for fact in memory.rank("tabs")] == ["Use tabs"]
    assert [fact.text for fact in memory.search("tabs")] == ["Use tabs"]
    with pytest.raises(HeadroomError) as caught:
        memory.save("Run make")
    assert caught.value.code is Code.STORE_FAILED
    store.close()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_directory_is_an_error_of_ours(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(HeadroomError) as caught:
            Store(tmp_path / "new" / "store.sqlite3")
    finally:
        tmp_path.chmod(0o700)
    assert caught.value.code is Code.STORE_FAILED


def test_where_a_file_stands_in_place_of_the_folder_it_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HeadroomError) as caught:
        Store(tmp_path / "file" / "store.sqlite3")
    assert caught.value.code is Code.STORE_FAILED
