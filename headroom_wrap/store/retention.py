"""What leaves the store: by age since its last use, by the store's size, and at a word of the user's.

All decisions on a block go together, and not while a decision that stays refers to that block; an original goes
when no decision refers to it. Everything happens in transactions of a few milliseconds, each of which leaves the
store whole, so a sweep may be cut off anywhere and other writers come in between.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from headroom_wrap.store.connections import in_transaction

DAY_S = 86_400.0
TOUCH_AFTER_S = DAY_S
"""`last_used` is written at most once a day: retention counts in days, and a replay must stay a read."""
IN_USE_S = 2 * DAY_S
"""What was used within this time is not removed for the store's size: its conversation may be running."""
FIGURES_KEPT_S = 400 * DAY_S
SWEEP_EVERY_S = DAY_S
LEASE_S = 600.0
"""After this, a sweep that somebody began and did not end is another's to do."""
CHECK_EVERY_S = 3600.0
PAUSE_S = 0.02
MB = 1024 * 1024
_STEP_ROWS = 50
_STEP_BYTES = 512 * 1024
_STEP_FIGURES = 500
_STEP_PAGES = 100
_WINDOW_ROWS = 10
_STAMP = "swept"


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how much the store keeps; 0 means no limit."""

    days: int = 30
    max_mb: int = 2048


@dataclass(frozen=True, slots=True)
class Cut:
    """What a sweep removes.

    Attributes:
        unused_since: decisions, originals and calls whose last use lies before this time.
        figures_before: ledger rows, retrievals and calibrations older than this, and what was mined from transcripts
            that were last written to before it.
        max_bytes: how much the store may hold then; more is removed, what was used longest ago first. 0: no limit.
        spared_since: what was used since then is not removed for the size.
    """

    unused_since: float
    figures_before: float
    max_bytes: int = 0
    spared_since: float = 0.0

    @classmethod
    def of(cls, limits: Limits, now: float) -> Cut:
        """What `limits` leave at `now`. An entry may be in use for a day before that is written down."""
        unused_since = now - limits.days * DAY_S - TOUCH_AFTER_S if limits.days else 0.0
        return cls(unused_since, now - FIGURES_KEPT_S, limits.max_mb * MB, now - IN_USE_S)


@dataclass(slots=True)
class Swept:
    """How many rows a sweep has removed so far, and by how much it made the files smaller.

    `is_overwritten` is false where other processes kept old pages from being overwritten on the disk.
    """

    originals: int = 0
    decisions: int = 0
    calls: int = 0
    retrievals: int = 0
    ledger: int = 0
    freed_bytes: int = 0
    is_overwritten: bool = False


def chores(connection: sqlite3.Connection, limits: Limits, clock: Callable[[], float]) -> Iterator[float]:
    """Sweep once a day, for ever, one small transaction at a time; yields the seconds to wait before the next.

    Of several processes, one sweeps.
    """
    while True:
        if is_due(connection, clock()) and in_transaction(connection, lambda held: _claim(held, clock())):
            for _ in sweep(connection, Cut.of(limits, clock()), Swept()):
                yield PAUSE_S
            in_transaction(connection, lambda held: _stamp(held, clock()))
        yield CHECK_EVERY_S


def is_due(connection: sqlite3.Connection, now: float) -> bool:
    """Whether the last sweep is a day ago, or was begun and not ended."""
    found: tuple[float] | None = connection.execute("SELECT at FROM stamps WHERE name = ?", (_STAMP,)).fetchone()
    return not found or not 0.0 <= now - found[0] < SWEEP_EVERY_S


def sweep(connection: sqlite3.Connection, cut: Cut, swept: Swept) -> Iterator[None]:
    """Remove what falls under `cut`, one small transaction before each yield, and count it in `swept`."""
    yield from _unused(connection, cut.unused_since, swept)
    for remove in (_calls, _ledger, _retrievals):
        while in_transaction(connection, partial(remove, cut=cut, swept=swept)):
            yield
    connection.execute("DELETE FROM calibrations WHERE updated < ?", (cut.figures_before,))
    connection.execute("DELETE FROM shared_texts WHERE at < ?", (cut.unused_since,))
    connection.execute("DELETE FROM learned_files WHERE mtime_ns / 1e9 < ?", (cut.figures_before,))
    yield
    if cut.max_bytes:
        yield from _shrink(connection, cut, swept)
    while give_back(connection):
        yield


def used_bytes(connection: sqlite3.Connection) -> int:
    """How much of the file is in use."""
    page_count, n_free, page_size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    return int((page_count - n_free) * page_size)


def give_back(connection: sqlite3.Connection) -> bool:
    """Hand some free pages back to the file system; whether there are more. A file made before version 3 keeps its."""
    (mode,) = connection.execute("PRAGMA auto_vacuum").fetchone()
    before: int = connection.execute("PRAGMA freelist_count").fetchone()[0]
    if not mode or not before:
        return False
    connection.execute(f"PRAGMA incremental_vacuum({_STEP_PAGES})").fetchall()
    after: int = connection.execute("PRAGMA freelist_count").fetchone()[0]
    return 0 < after < before


def rewrite(connection: sqlite3.Connection) -> None:
    """Give a file made before version 3 its free pages back; others wait for as long as that takes."""
    if connection.execute("PRAGMA auto_vacuum").fetchone() == (0,):
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("VACUUM")


def overwrite(connection: sqlite3.Connection) -> bool:
    """Write all that is in the log to the file and empty the log; whether no reader prevented it."""
    (is_busy, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not is_busy


def _claim(connection: sqlite3.Connection, now: float) -> bool:
    if not is_due(connection, now):
        return False
    _stamp(connection, now - SWEEP_EVERY_S + LEASE_S)
    return True


def _stamp(connection: sqlite3.Connection, at: float) -> None:
    connection.execute("INSERT OR REPLACE INTO stamps (name, at) VALUES (?, ?)", (_STAMP, at))


def _unused(connection: sqlite3.Connection, before: float, swept: Swept) -> Iterator[None]:
    while in_transaction(connection, partial(_decisions, before=before, swept=swept)):
        yield
    yield from _unreferenced(connection, before, swept)


def _unreferenced(connection: sqlite3.Connection, before: float, swept: Swept) -> Iterator[None]:
    place: tuple[float, str] | None = (-1.0, "")
    while place is not None:
        place = in_transaction(connection, partial(_originals, before=before, after=place, swept=swept))
        yield


def _decisions(connection: sqlite3.Connection, before: float, swept: Swept) -> bool:
    """Remove the decisions on some blocks; whether there were any."""
    sql = """
        WITH RECURSIVE needed (family) AS (
            SELECT value FROM decisions, json_each(depends) WHERE depends != '[]' AND last_used >= :before
            UNION
            SELECT value FROM needed JOIN decisions USING (family), json_each(depends) WHERE depends != '[]'
        )
        SELECT family FROM decisions AS old WHERE last_used < :before AND family NOT IN needed
            AND NOT EXISTS (SELECT 1 FROM decisions WHERE family = old.family AND last_used >= :before)
        ORDER BY last_used LIMIT :rows
    """
    families = [family for (family,) in connection.execute(sql, {"before": before, "rows": _STEP_ROWS})]
    marks = ",".join("?" * len(families))
    swept.decisions += connection.execute(f"DELETE FROM decisions WHERE family IN ({marks})", families).rowcount  # noqa: S608
    return bool(families)


def _originals(
    connection: sqlite3.Connection, before: float, after: tuple[float, str], swept: Swept
) -> tuple[float, str] | None:
    """Remove some originals to which no decision refers; gives where to go on, None at the end."""
    sql = (
        "SELECT last_used, id, length(body) FROM originals WHERE (last_used, id) > (?, ?) AND last_used < ?"
        " AND NOT EXISTS (SELECT 1 FROM decisions WHERE original_id = originals.id) ORDER BY last_used, id LIMIT ?"
    )
    place, n_bytes = None, 0
    for last_used, id_, size in connection.execute(sql, (*after, before, _STEP_ROWS)).fetchall():
        swept.originals += connection.execute("DELETE FROM originals WHERE id = ?", (id_,)).rowcount
        place, n_bytes = (last_used, id_), n_bytes + size
        if n_bytes > _STEP_BYTES:
            break
    return place


def _calls(connection: sqlite3.Connection, cut: Cut, swept: Swept) -> bool:
    sql = "DELETE FROM calls WHERE call_id IN (SELECT call_id FROM calls WHERE created < ? ORDER BY created LIMIT ?)"
    removed = connection.execute(sql, (cut.unused_since, _STEP_FIGURES)).rowcount
    swept.calls += removed
    return removed > 0


def _ledger(connection: sqlite3.Connection, cut: Cut, swept: Swept) -> bool:
    removed = _figures(connection, "ledger", cut.figures_before)
    swept.ledger += removed
    return removed > 0


def _retrievals(connection: sqlite3.Connection, cut: Cut, swept: Swept) -> bool:
    removed = _figures(connection, "retrievals", cut.figures_before)
    swept.retrievals += removed
    return removed > 0


def _figures(connection: sqlite3.Connection, table: str, before: float) -> int:
    """Remove the first rows, which are the oldest, so that looking for them costs nothing where there are none."""
    first = f"SELECT id, at FROM {table} ORDER BY id LIMIT ?"  # noqa: S608 - names of ours
    sql = f"DELETE FROM {table} WHERE id IN (SELECT id FROM ({first}) WHERE at < ?)"  # noqa: S608
    return connection.execute(sql, (_STEP_FIGURES, before)).rowcount


def _shrink(connection: sqlite3.Connection, cut: Cut, swept: Swept) -> Iterator[None]:
    """Remove what was used longest ago until the store is small enough."""
    window = _WINDOW_ROWS
    while used_bytes(connection) > cut.max_bytes:
        before = _window_end(connection, window, cut.spared_since)
        n_decisions, n_originals = swept.decisions, swept.originals
        while in_transaction(connection, partial(_decisions, before=before, swept=swept)):
            yield
        for _ in _unreferenced(connection, before, swept):
            if used_bytes(connection) <= cut.max_bytes:
                return
            yield
        if (n_decisions, n_originals) == (swept.decisions, swept.originals):
            # What is in the window is still referred to by what is not: look further.
            window *= 2
            if before >= cut.spared_since:
                return


def _window_end(connection: sqlite3.Connection, n_rows: int, spared_since: float) -> float:
    """A time before which about `n_rows` decisions were last used; `spared_since` if it is earlier."""
    sql = "SELECT last_used FROM decisions ORDER BY last_used LIMIT 1 OFFSET ?"
    found = connection.execute(sql, (n_rows,)).fetchone()
    return spared_since if found is None else min(float(found[0]), spared_since)
