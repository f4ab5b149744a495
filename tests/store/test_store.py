"""The store: what was committed is there for every process, and two births of one block have one winner."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.store import Decision, Failure, LedgerRow, Scope, Store, schema
from headroom_wrap.store.store import TOUCH_AFTER_S, original_id

_DECISION = Decision("key", "family", '{"level": "balanced"}', "short", "folded", "logs", 100, 20, None, ("other",))
_ROW = LedgerRow("s1", "claude", "anthropic", "m", 200, tokens_before=10, tokens_after=4, input_tokens=7)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data" / "store.sqlite3"


@given(text=st.text(st.characters(codec=None), max_size=300))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
def test_an_original_comes_back_as_it_was_whatever_it_holds(tmp_path: Path, text: str) -> None:
    store = Store(tmp_path / "store.sqlite3")
    assert store.original(store.put_original(text, "Bash")) is not None
    original = store.original(original_id(text))
    store.close()
    assert original is not None
    assert original.text == text


def test_files_and_folder_are_the_users_alone(file: Path) -> None:
    store = Store(file)
    store.put_original("secret")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in file.parent.iterdir()}
    store.close()
    assert modes["store.sqlite3"] == 0o600
    assert all(mode & 0o077 == 0 for mode in modes.values())
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_the_first_decision_stands(file: Path) -> None:
    first, second = Store(file), Store(file)
    assert first.decide([_DECISION], {}) == {"key": _DECISION}
    assert second.decide([replace(_DECISION, rendered="another")], {}) == {"key": _DECISION}
    first.close()
    second.close()


def test_parallel_births_of_one_block_agree_on_one_winner(file: Path) -> None:
    stores = [Store(file) for _ in range(4)]
    barrier = threading.Barrier(len(stores))
    won: list[Decision] = []

    def born(number: int) -> None:
        barrier.wait(10)
        won.append(stores[number].decide([replace(_DECISION, rendered=f"by {number}")], {})["key"])

    threads = [threading.Thread(target=born, args=(number,)) for number in range(len(stores))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    for store in stores:
        store.close()
    assert len(won) == len(stores)
    assert len(set(won)) == 1


def test_a_decision_and_its_original_are_committed_together(file: Path) -> None:
    store = Store(file)
    id_ = original_id("the text")
    store.decide([replace(_DECISION, original_id=id_)], {id_: ("the text", "Bash")})
    other = Store(file, read_only=True)
    original = other.original(id_)
    assert original is not None
    assert original.text == "the text"
    store.close()
    other.close()


def test_the_profile_of_a_conversation_is_that_of_its_first_known_block(file: Path) -> None:
    store = Store(file)
    store.decide([_DECISION, replace(_DECISION, key="key2", family="family2", profile="other")], {})
    assert store.profile_of(["unknown", "family2", "family"]) == "other"
    assert store.profile_of(["unknown"]) is None
    store.close()


def test_a_replay_refreshes_last_used_at_most_once_a_day(file: Path) -> None:
    now = [1000.0]
    store = Store(file, clock=lambda: now[0])
    store.decide([_DECISION], {})

    def last_used() -> float:
        store.flush()
        return float(store._read("SELECT last_used FROM decisions", ())[0][0])  # noqa: SLF001

    now[0] += TOUCH_AFTER_S / 2
    store.decisions(["key"])
    assert last_used() == 1000.0
    now[0] += TOUCH_AFTER_S
    store.decisions(["key"])
    assert last_used() == now[0]
    store.close()


def test_totals_sum_one_session_and_leave_out_what_the_provider_did_not_report(file: Path) -> None:
    store = Store(file)
    store.record(_ROW)
    store.record(replace(_ROW, input_tokens=None, status=529))
    store.record(replace(_ROW, session="another"))
    store.record_retrieval("s1", "h1", "lines 1-2", 30)
    totals = store.totals("s1")
    store.close()
    assert (totals.requests, totals.errors, totals.retrievals, totals.retrieved_tokens) == (2, 1, 1, 10)
    assert (totals.tokens_before, totals.tokens_after, totals.input_tokens) == (10, 4, 7)


def test_savings_of_calls_that_failed_do_not_count_and_those_without_usage_are_told_apart(file: Path) -> None:
    store = Store(file)
    store.record(_ROW)
    for status in (429, 499, 502):
        store.record(replace(_ROW, input_tokens=None, status=status, error="broken"))
    store.record(replace(_ROW, input_tokens=None, tokens_before=100))
    totals = store.totals("s1")
    store.close()
    assert (totals.requests, totals.errors) == (5, 3)
    assert (totals.tokens_before, totals.tokens_after, totals.saved_unreported) == (110, 8, 96)
    assert totals.failures == (Failure(429, "broken", 1), Failure(499, "broken", 1), Failure(502, "broken", 1))


def test_a_reader_without_any_right_to_write_still_reads(file: Path) -> None:
    store = Store(file)
    id_ = store.put_original("text")
    store.close()
    code = (
        "import os, sys; from pathlib import Path; from headroom_wrap.store import Store\n"
        "os.geteuid() or os.setuid(65534)\n"
        "print(Store(Path(sys.argv[1]), read_only=True).original(sys.argv[2]).text)"
    )
    for path in (file.parent, *file.parent.iterdir()):
        path.chmod(0o555 if path.is_dir() else 0o444)
    for parent in list(file.parents)[1:-1]:
        if parent.stat().st_uid == os.getuid() and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o555)
    done = subprocess.run(
        [sys.executable, "-c", code, str(file), id_], capture_output=True, text=True, timeout=30, check=False
    )
    file.parent.chmod(0o700)
    assert done.stdout == "text\n", done.stderr


def test_a_file_that_is_no_database_is_an_error_that_says_what_to_do(file: Path) -> None:
    file.parent.mkdir(parents=True)
    file.write_bytes(b"this is no database at all, it is much longer than a header" * 40)
    with pytest.raises(HeadroomError) as caught:
        Store(file)
    assert caught.value.code is Code.STORE_FAILED
    assert "HEADROOM_HOME" in caught.value.hint


def test_a_closed_store_refuses_writes(file: Path) -> None:
    store = Store(file)
    store.close()
    store.close()
    with pytest.raises(HeadroomError):
        store.record(_ROW)


def test_a_row_that_is_damaged_is_an_error_of_ours(file: Path) -> None:
    store = Store(file)
    id_ = store.put_original("text")
    store._write(lambda connection: connection.execute("UPDATE originals SET body = x'00'")).result()  # noqa: SLF001
    with pytest.raises(HeadroomError) as caught:
        store.original(id_)
    store.close()
    assert caught.value.code is Code.STORE_FAILED


def test_what_a_client_or_provider_says_cannot_stop_the_store(file: Path) -> None:
    store = Store(file)
    store.record(replace(_ROW, model="\ud800", output_tokens=2**70))
    store.record_retrieval("s1", "h1", "grep=\ud800", 30)
    id_ = original_id("text")
    assert store.decide([replace(_DECISION, original_id=id_)], {id_: ("text", "\ud800")})
    with pytest.raises(HeadroomError):
        store.original("\ud800")
    totals = store.totals("s1")
    store.close()
    assert (totals.requests, totals.input_tokens, totals.output_tokens, totals.retrievals) == (1, 7, 0, 1)


def test_the_store_outlives_a_write_that_fails(file: Path) -> None:
    store = Store(file)

    def fail(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM ledger")
        raise ZeroDivisionError

    store.record(_ROW)
    with pytest.raises(ZeroDivisionError):
        store._write(fail).result(10)  # noqa: SLF001
    assert store.totals("s1").requests == 1
    store.close()


def test_processes_that_make_the_store_at_once_share_it(file: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from headroom_wrap.store import Store\n"
        "print(flush=True); sys.stdin.readline()\n"
        "store = Store(Path(sys.argv[1])); print(store.put_original(sys.argv[2])); store.close()"
    )
    for attempt in range(5):
        shared = file.parent / str(attempt) / "store.sqlite3"
        started = [
            subprocess.Popen(
                [sys.executable, "-c", code, str(shared), str(number)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            )
            for number in range(6)
        ]  # fmt: skip
        for process in started:
            assert process.stdout is not None
            assert process.stdout.readline() == "\n"
        for process in started:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        ended = [process.communicate(timeout=30) for process in started]
        assert [errors for _, errors in ended] == [""] * len(started)
        store = Store(shared, read_only=True)
        found = [store.original(id_.strip()) for id_, _ in ended]
        store.close()
        assert None not in found


def test_making_the_store_never_takes_away_one_that_has_just_been_made(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Store(file)
    made = file.stat().st_ino
    monkeypatch.setattr(Path, "exists", lambda _path: False)  # as a process sees it that looked a moment earlier
    second = Store(file)
    assert file.stat().st_ino == made
    first.close()
    second.close()


def test_a_call_that_was_kept_is_found_at_once_and_by_another_process(file: Path) -> None:
    first, second = Store(file), Store(file)
    first.keep_call("c1", "Bash", {"command": "ls \ud83d"})
    first.keep_call("c1", "Bash", {"command": "ls"})
    assert first.calls(["c1", "c2", "\ud83d"]) == {"c1": ("Bash", {"command": "ls"})}
    assert second.calls(["c1"]) == first.calls(["c1"])
    first.close()
    second.close()


def test_without_full_text_search_all_but_memory_works_and_memory_comes_with_it(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(schema, "has_full_text", lambda: False)
        store = Store(file)
        kept = store.put_original("text")
        with pytest.raises(HeadroomError, match="no full-text search"):
            store.facts.search(Scope("p", "me"), "text", 5)
        store.close()
    store = Store(file)
    assert store.original(kept) is not None
    assert store.facts.search(Scope("p", "me"), "text", 5) == []
    store.close()


def test_a_store_of_the_first_version_keeps_what_it_holds(file: Path) -> None:
    store = Store(file)
    id_ = store.put_original("an old text", "Bash")
    store.decide([_DECISION], {})
    store.record(_ROW)
    store.close()
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.executescript("DROP TABLE calls; PRAGMA user_version = 1;")
    upgraded = Store(file)
    original = upgraded.original(id_)
    assert original is not None
    assert original.text == "an old text"
    assert upgraded.decisions(["key"]) == {"key": _DECISION}
    assert upgraded.totals("s1").requests == 1
    upgraded.keep_call("c1", "Bash", {})
    assert upgraded.calls(["c1"]) == {"c1": ("Bash", {})}
    upgraded.close()
