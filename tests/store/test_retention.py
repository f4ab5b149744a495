"""Retention: what was not used for long goes, what is in use stays, and no marker loses its original."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from headroom_wrap.store import Cut, Decision, LedgerRow, Limits, Store, retention
from headroom_wrap.store.connections import connect
from headroom_wrap.store.retention import CHECK_EVERY_S, DAY_S, IN_USE_S, LEASE_S, MB, PAUSE_S, TOUCH_AFTER_S, Swept
from headroom_wrap.store.store import original_id

START = 1_700_000_000.0
LIMITS = Limits(days=30, max_mb=0)
ROW = LedgerRow("s1", "claude", "anthropic", "m", 200, tokens_before=10, tokens_after=4, input_tokens=7)


class Clock:
    """A clock that a test sets forward."""

    now = START

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data" / "store.sqlite3"


@pytest.fixture
def kept(file: Path, clock: Clock) -> Iterator[Store]:
    store = Store(file, clock=clock)
    yield store
    store.close()


def decide(store: Store, name: str, text: str = "", depends: tuple[str, ...] = ()) -> str:
    """A decision on a block called `name`; gives the original's id."""
    text = text or f"original of {name}"
    id_ = original_id(text)
    decision = Decision(f"key-{name}", f"family-{name}", "{}", "short", "why", "logs", 9, 1, id_, depends)
    store.decide([decision], {id_: (text, "Bash")})
    return id_


def swept(store: Store, limits: Limits, now: float) -> Swept:
    return store.purge(Cut.of(limits, now))


def noise(n_bytes: int, seed: int) -> str:
    """Text that does not compress."""
    return Random(seed).randbytes(n_bytes // 2).hex()  # noqa: S311


def test_what_was_not_used_for_the_days_goes_and_the_rest_stays(kept: Store, clock: Clock) -> None:
    old = decide(kept, "old")
    kept.keep_call("c-old", "Bash", {})
    kept.record(ROW)
    kept.flush()
    clock.now += 31.5 * DAY_S
    new = decide(kept, "new")
    kept.keep_call("c-new", "Bash", {})
    gone = swept(kept, LIMITS, clock.now)
    assert (gone.decisions, gone.originals, gone.calls, gone.ledger) == (1, 1, 1, 0)
    assert kept.original(old) is None
    assert kept.original(new) is not None
    assert set(kept.decisions(["key-old", "key-new"])) == {"key-new"}
    assert set(kept.calls(["c-old", "c-new"])) == {"c-new"}


def test_a_replay_and_a_retrieval_are_uses(kept: Store, clock: Clock) -> None:
    replayed, remembered = decide(kept, "replayed"), decide(kept, "remembered")
    read_back = kept.put_original("read back")
    for _ in range(4):
        clock.now += 20 * DAY_S
        kept.decisions(["key-replayed"])
        kept.used(["key-remembered"])
        kept.record_retrieval("s1", read_back, "", 9)
        gone = swept(kept, LIMITS, clock.now)
        assert (gone.decisions, gone.originals) == (0, 0)
    assert None not in [kept.original(id_) for id_ in (replayed, remembered, read_back)]


def test_uses_from_memory_are_written_once_a_day(kept: Store, clock: Clock) -> None:
    decide(kept, "a")

    def last_used() -> float:
        kept.flush()
        return float(kept._read("SELECT last_used FROM decisions", ())[0][0])  # noqa: SLF001

    clock.now = (START // TOUCH_AFTER_S + 1) * TOUCH_AFTER_S
    first = clock.now
    kept.used(["key-a"])
    kept.flush()
    clock.now += TOUCH_AFTER_S / 2
    kept.used(["key-a"])
    assert last_used() == first
    clock.now += TOUCH_AFTER_S
    kept.used(["key-a"])
    assert last_used() == clock.now


def test_an_original_to_which_a_staying_decision_refers_stays_however_old_it_is(kept: Store, clock: Clock) -> None:
    id_ = decide(kept, "a")
    kept._write(lambda connection: connection.execute("UPDATE originals SET last_used = 1")).result()  # noqa: SLF001
    assert swept(kept, LIMITS, clock.now).originals == 0
    assert kept.original(id_) is not None


def test_a_block_to_which_a_staying_decision_refers_stays_and_so_do_those_behind_it(kept: Store, clock: Clock) -> None:
    decide(kept, "first")
    decide(kept, "second", depends=("family-first",))
    decide(kept, "alone")
    clock.now += 40 * DAY_S
    decide(kept, "third", depends=("family-second",))
    assert swept(kept, LIMITS, clock.now).decisions == 1
    assert len(kept.decisions(["key-first", "key-second", "key-third"])) == 3
    clock.now += 40 * DAY_S
    assert swept(kept, LIMITS, clock.now).decisions == 3


def test_the_decisions_on_one_block_go_together(kept: Store, clock: Clock) -> None:
    decide(kept, "a")
    clock.now += 40 * DAY_S
    decision = kept.decisions_on(original_id("original of a"))[0].decision
    kept.decide([replace(decision, key="key-a/other", profile="other")], {})
    assert swept(kept, LIMITS, clock.now).decisions == 0
    clock.now += 40 * DAY_S
    assert swept(kept, LIMITS, clock.now).decisions == 2


def test_figures_are_kept_for_more_than_a_year(kept: Store, clock: Clock) -> None:
    kept.record(ROW)
    kept.record_retrieval("s1", "h1", "", 30)
    kept.calibrate("claude-x", 1.1)
    kept.flush()
    for days, left in ((399, 1), (2, 0)):
        clock.now += days * DAY_S
        swept(kept, LIMITS, clock.now)
        totals = kept.totals("s1")
        assert (totals.requests, totals.retrievals) == (left, left)


def test_a_store_that_is_too_large_loses_what_was_used_longest_ago(kept: Store, clock: Clock) -> None:
    for number in range(60):
        decide(kept, f"{number:02}", noise(100_000, number))
        clock.now += 3600.0
    clock.now += 10 * DAY_S
    gone = swept(kept, Limits(days=0, max_mb=1), clock.now)
    left = [number for number in range(60) if kept.decisions([f"key-{number:02}"])]
    assert 40 <= gone.originals <= gone.decisions < 60 - 5
    assert left == list(range(gone.decisions, 60))
    assert all(kept.original(original_id(noise(100_000, number))) is not None for number in left)
    assert kept.path.stat().st_size <= MB
    assert gone.freed_bytes > 2 * MB


def test_what_may_be_in_use_is_not_removed_for_the_size(kept: Store, clock: Clock) -> None:
    decide(kept, "old", noise(100_000, 1))
    clock.now += IN_USE_S + 1
    for number in range(30):
        decide(kept, f"{number}", noise(100_000, number + 2))
    assert swept(kept, Limits(days=0, max_mb=1), clock.now).originals == 1
    assert len(kept.decisions([f"key-{number}" for number in range(30)])) == 30


def test_no_limits_remove_nothing(kept: Store, clock: Clock) -> None:
    decide(kept, "a")
    clock.now += 300 * DAY_S
    assert swept(kept, Limits(0, 0), clock.now).originals == 0


def test_a_decision_that_a_sweep_has_just_removed_is_not_given_out(
    kept: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide(kept, "a")
    clock.now += 40 * DAY_S
    before_the_touch = kept._touch  # noqa: SLF001

    def touch_too_late(connection: sqlite3.Connection, keys: list[str]) -> list[str]:
        connection.execute("DELETE FROM decisions")
        return before_the_touch(connection, keys)

    monkeypatch.setattr(kept, "_touch", touch_too_late)
    assert kept.decisions(["key-a"]) == {}


def chores(file: Path, clock: Callable[[], float]) -> Iterator[float]:
    return retention.chores(connect(file), LIMITS, clock)


def test_of_several_processes_one_sweeps_once_a_day(kept: Store, file: Path, clock: Clock) -> None:
    decide(kept, "a")
    one, other = chores(file, clock), chores(file, clock)
    assert next(one) == PAUSE_S
    assert next(other) == CHECK_EVERY_S
    while next(one) != CHECK_EVERY_S:
        clock.now += 1.0
    clock.now += DAY_S - 60
    assert (next(one), next(other)) == (CHECK_EVERY_S, CHECK_EVERY_S)
    clock.now += 61
    assert (next(other), next(one)) == (PAUSE_S, CHECK_EVERY_S)


def test_a_sweep_that_was_broken_off_is_done_by_another_after_some_minutes(
    kept: Store, file: Path, clock: Clock
) -> None:
    decide(kept, "a")
    broken, other = chores(file, clock), chores(file, clock)
    next(broken)
    clock.now += LEASE_S + 1
    assert next(other) == PAUSE_S


def test_a_session_sweeps_while_it_has_nothing_else_to_write(kept: Store, clock: Clock) -> None:
    id_ = decide(kept, "a")
    clock.now += 40 * DAY_S
    kept.keep_within(LIMITS)
    deadline = time.monotonic() + 20
    while kept.original(id_) is not None:
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)
    assert decide(kept, "b")


def test_a_store_of_version_two_is_swept_and_gives_its_space_back_when_purged(file: Path, clock: Clock) -> None:
    file.parent.mkdir()
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.executescript("PRAGMA journal_mode = WAL;" + VERSION_2)
    store = Store(file, clock=clock)
    old = [decide(store, f"{number}", noise(100_000, number)) for number in range(20)]
    clock.now += 40 * DAY_S
    new = decide(store, "new")
    store.keep_call("c1", "Bash", {})
    gone = swept(store, LIMITS, clock.now)
    assert gone.originals == len(old)
    assert gone.freed_bytes > MB
    assert gone.is_overwritten
    original = store.original(new)
    assert original is not None
    assert original.text == "original of new"
    assert store._read("PRAGMA auto_vacuum", ()) == [(2,)]  # noqa: SLF001
    assert store._read("PRAGMA user_version", ()) == [(5,)]  # noqa: SLF001
    store.close()


def test_old_and_new_stores_have_the_same_tables_and_indexes(file: Path, tmp_path: Path) -> None:
    file.parent.mkdir()
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.executescript(VERSION_2)
    schemas = []
    for path in (file, tmp_path / "new" / "store.sqlite3"):
        store = Store(path)
        sql = "SELECT name, sql FROM sqlite_master ORDER BY name"
        schemas.append({name: "".join((text or "").split()) for name, text in store._read(sql, ())})  # noqa: SLF001
        store.close()
    assert schemas[0] == schemas[1]


VERSION_2 = """
CREATE TABLE originals (
    id TEXT PRIMARY KEY, sha256 TEXT NOT NULL UNIQUE, body BLOB NOT NULL, n_chars INTEGER NOT NULL,
    tool_name TEXT NOT NULL, created REAL NOT NULL, last_used REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE decisions (
    key TEXT PRIMARY KEY, family TEXT NOT NULL, profile TEXT NOT NULL, rendered BLOB, reason TEXT NOT NULL,
    compressor TEXT NOT NULL, tokens_before INTEGER NOT NULL, tokens_after INTEGER NOT NULL, original_id TEXT,
    depends TEXT NOT NULL, created REAL NOT NULL, last_used REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX decisions_family ON decisions (family);
CREATE TABLE ledger (
    id INTEGER PRIMARY KEY, at REAL NOT NULL, session TEXT NOT NULL, agent TEXT NOT NULL, wire TEXT NOT NULL,
    model TEXT NOT NULL, status INTEGER NOT NULL, tokens_before INTEGER NOT NULL, tokens_after INTEGER NOT NULL,
    new_tokens_before INTEGER NOT NULL, new_tokens_after INTEGER NOT NULL, blocks_replaced INTEGER NOT NULL,
    blocks_new INTEGER NOT NULL, input_tokens INTEGER, cache_read_tokens INTEGER, cache_write_tokens INTEGER,
    output_tokens INTEGER, duration_s REAL NOT NULL, error TEXT NOT NULL
);
CREATE INDEX ledger_session ON ledger (session);
CREATE TABLE retrievals (
    id INTEGER PRIMARY KEY, at REAL NOT NULL, session TEXT NOT NULL, original_id TEXT NOT NULL,
    what TEXT NOT NULL, n_chars INTEGER NOT NULL
);
CREATE INDEX retrievals_session ON retrievals (session);
CREATE TABLE calls (
    call_id TEXT PRIMARY KEY, name TEXT NOT NULL, input BLOB NOT NULL, created REAL NOT NULL
) WITHOUT ROWID;
PRAGMA user_version = 2;
"""
"""What version 2 wrote."""
