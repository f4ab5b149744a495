"""The embedded store: one SQLite file in WAL mode, shared by every process of the user."""

from __future__ import annotations

import contextlib
import hashlib
import json
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from pathlib import Path
from typing import Any, TypeVar, cast

from headroom_wrap import paths, zstd
from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.store import ledger, retention, schema, statistics
from headroom_wrap.store.briefs import Briefs
from headroom_wrap.store.connections import as_store_error, connect, connect_read_only, create, in_transaction
from headroom_wrap.store.facts import Facts
from headroom_wrap.store.learned_files import LearnedFiles
from headroom_wrap.store.learned_lines import LearnedLines
from headroom_wrap.store.ledger import CHARS_PER_TOKEN, storable
from headroom_wrap.store.records import (
    Calibration,
    DatedDecision,
    Decision,
    Held,
    LedgerRow,
    Original,
    SessionTotals,
    StoreStats,
)
from headroom_wrap.store.retention import TOUCH_AFTER_S, Cut, Limits, Swept
from headroom_wrap.store.shared_texts import SharedTexts

__all__ = ["CHARS_PER_TOKEN", "TOUCH_AFTER_S", "Store", "original_id"]

T = TypeVar("T")
_Job = Callable[[sqlite3.Connection], Any]

_ID_LENGTH = 12
_PURGE_PAUSE_S = 0.002
_TOUCH_S = 1.0
"""How long a replay waits to be noted; after that it is given out all the same."""
_MAX_INPUT_CHARS = 20_000
"""Of a call that is kept; what compressors look for in it, a command or a path, is shorter."""
_DECISION_COLUMNS = (
    "key, family, profile, rendered, reason, compressor, tokens_before, tokens_after, original_id, depends"
)


def original_id(text: str) -> str:
    """The id of `text`: "h" and the first 12 hex digits of its SHA-256."""
    return "h" + _sha256(text)[:_ID_LENGTH]


class Store:
    """Originals, decisions and the ledger of one user.

    Reads run on the calling thread, writes on one thread of the store's own, each in a transaction of its
    own (`BEGIN IMMEDIATE`). Safe for several threads and several processes at once.

    Args:
        path: the database file; it and its folder are created (0600, 0700) unless `read_only`.
        clock: seconds since the epoch.
        read_only: open without the right to write, as a sandbox may demand; writes then raise.

    Raises:
        HeadroomError: `STORE_FAILED` when the file cannot be opened, read or written.
    """

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time, read_only: bool = False) -> None:
        self._path = path
        self._clock = clock
        self._read_only = read_only
        self._local = threading.local()
        self._opened: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._jobs: queue.SimpleQueue[tuple[_Job, Future[Any]] | None] = queue.SimpleQueue()
        self._writer: threading.Thread | None = None
        self._closed = False
        self._limits: Limits | None = None
        self._noted_day = 0
        self._noted: set[str] = set()
        if read_only and not path.exists():
            hint = "It is made by the first wrapped session; HEADROOM_HOME says where it lives."
            raise HeadroomError(Code.STORE_FAILED, f"There is no store at {path} yet.", hint)
        if not read_only:
            paths.make_private_dir(path.parent)
            create(path)
        with as_store_error(path):
            connection = self._connection()
            if not read_only:
                schema.prepare(connection)
        self._calibrations: Mapping[str, Calibration] = {} if read_only else ledger.read_calibrations(self._read)

    @property
    def path(self) -> Path:
        """The database file."""
        return self._path

    @property
    def facts(self) -> Facts:
        """What is remembered of projects, for all agents."""
        return Facts(self._read, self._write, self._clock)

    @property
    def learned_files(self) -> LearnedFiles:
        """The transcripts that were read, and what was mined from them."""
        return LearnedFiles(self._read, self._write)

    @property
    def shared_texts(self) -> SharedTexts:
        """What programs hand to each other under keys."""
        return SharedTexts(self._read, self._write, self._clock)

    @property
    def briefs(self) -> Briefs:
        """What of the memory agents were given."""
        return Briefs(self._read, self._write)

    @property
    def learned_lines(self) -> LearnedLines:
        """What was written of what is learned."""
        return LearnedLines(self._read, self._write)

    # -- originals

    def original(self, id_: str) -> Original | None:
        """The original with this id, or None."""
        rows = self._read("SELECT id, body, tool_name, created, last_used FROM originals WHERE id = ?", (id_,))
        if not rows:
            return None
        id_, body, tool_name, created, last_used = rows[0]
        with as_store_error(self._path):
            return Original(id_, _unpack(body), tool_name, created, last_used)

    def put_original(self, text: str, tool_name: str = "") -> str:
        """Keep `text`, committed when this returns; gives its id."""
        self._write(lambda connection: self._insert_original(connection, text, tool_name)).result()
        return original_id(text)

    # -- decisions

    def decisions(self, keys: Sequence[str]) -> dict[str, Decision]:
        """The decisions that stand under these keys.

        Those not used for a day are touched first, so that none is given out that a sweep is about to remove.
        """
        found: dict[str, Decision] = {}
        stale: list[str] = []
        limit = self._clock() - TOUCH_AFTER_S
        for chunk in _chunks(keys, 500):
            marks = ",".join("?" * len(chunk))
            sql = f"SELECT {_DECISION_COLUMNS}, last_used FROM decisions WHERE key IN ({marks})"  # noqa: S608
            for row in self._read(sql, chunk):
                with as_store_error(self._path):
                    found[row[0]] = _decision(row[:-1])
                if row[-1] < limit:
                    stale.append(row[0])
        for key in self._gone(stale):
            found.pop(key, None)
        return found

    def used(self, keys: Iterable[str]) -> None:
        """Note that decisions were replayed from memory, at most once a day for each; returns at once, never raises."""
        today = int(self._clock() // TOUCH_AFTER_S)
        if today != self._noted_day:
            self._noted_day, self._noted = today, set()
        new = [key for key in keys if key not in self._noted]
        if new:
            self._noted.update(new)
            with contextlib.suppress(HeadroomError):
                self._write(lambda connection: self._touch(connection, new))

    def decisions_on(self, id_: str) -> list[DatedDecision]:
        """Every decision by which an original was replaced, the newest first."""
        sql = (
            f"SELECT {_DECISION_COLUMNS}, created, last_used FROM decisions WHERE original_id = ? ORDER BY created DESC"  # noqa: S608
        )
        rows = self._read(sql, (id_,))
        with as_store_error(self._path):
            return [DatedDecision(_decision(row[:-2]), *row[-2:]) for row in rows]

    def profile_of(self, families: Sequence[str]) -> str | None:
        """The profile under which the first of these blocks that has any decision was first decided."""
        for chunk in _chunks(families, 500):
            marks = ",".join("?" * len(chunk))
            sql = f"SELECT family, profile FROM decisions WHERE family IN ({marks}) ORDER BY created DESC, key DESC"  # noqa: S608
            known = dict(self._read(sql, chunk))
            for family in chunk:
                if family in known:
                    return str(known[family])
        return None

    def decide(self, decisions: Sequence[Decision], originals: Mapping[str, tuple[str, str]]) -> dict[str, Decision]:
        """Write decisions and the originals that they name, in one transaction; gives what stands now.

        Where another process was first, its decision stands and is returned.

        Args:
            decisions: new outcomes.
            originals: id -> (text, tool name).
        """

        def job(connection: sqlite3.Connection) -> int:
            for text, tool_name in originals.values():
                self._insert_original(connection, text, tool_name)
            now = self._clock()
            before = connection.total_changes
            connection.executemany(
                f"INSERT OR IGNORE INTO decisions ({_DECISION_COLUMNS}, created, last_used)"  # noqa: S608
                f" VALUES ({','.join('?' * 12)})",
                [(*_row(decision), now, now) for decision in decisions],
            )
            return connection.total_changes - before

        if self._write(job).result() == len(decisions):
            return {decision.key: decision for decision in decisions}
        return self.decisions([decision.key for decision in decisions])

    # -- calls

    def keep_call(self, call_id: str, name: str, input_: Mapping[str, Any]) -> None:
        """Queue a tool call whose result may come in a request that does not carry the call; returns at once.

        Of a call with a very long input only the name is kept.
        """

        def job(connection: sqlite3.Connection) -> None:
            dumped = json.dumps(input_)
            packed = _pack(dumped if len(dumped) <= _MAX_INPUT_CHARS else "{}")
            values = (storable(call_id), storable(name), packed, self._clock())
            connection.execute(
                "INSERT OR REPLACE INTO calls (call_id, name, input, created) VALUES (?, ?, ?, ?)", values
            )

        self._write(job)

    def calls(self, call_ids: Sequence[str]) -> dict[str, tuple[str, dict[str, Any]]]:
        """Name and input of those of these calls that were kept, also of those that were queued just now."""
        self.flush()
        found: dict[str, tuple[str, dict[str, Any]]] = {}
        for chunk in _chunks([storable(call_id) for call_id in call_ids], 500):
            sql = f"SELECT call_id, name, input FROM calls WHERE call_id IN ({','.join('?' * len(chunk))})"  # noqa: S608
            for call_id, name, packed in self._read(sql, chunk):
                with as_store_error(self._path):
                    found[call_id] = (name, json.loads(_unpack(packed)))
        return found

    # -- ledger

    def record(self, row: LedgerRow) -> None:
        """Queue one model call for the ledger; returns at once."""
        self._write(lambda connection: ledger.insert(connection, row, self._clock()))

    def record_retrieval(self, session: str, id_: str, what: str, n_chars: int) -> None:
        """Note that an original, or a part of it (`what`, `n_chars` long), was read back; committed on return."""
        values = (session, id_, storable(what), n_chars)

        def job(connection: sqlite3.Connection) -> None:
            now = self._clock()
            sql = "INSERT INTO retrievals (at, session, original_id, what, n_chars) VALUES (?, ?, ?, ?, ?)"
            connection.execute(sql, (now, *values))
            connection.execute("UPDATE originals SET last_used = ? WHERE id = ?", (now, id_))

        self._write(job).result()

    def totals(self, session: str) -> SessionTotals:
        """Sums over one session, after everything queued before this call is written.

        Calibrations count as they were when this store was opened: the figures of a session are of one kind.
        """
        self.flush()
        return ledger.totals(self._read, session, self._calibrations)

    def calibrate(self, model: str, factor: float) -> None:
        """Queue what a session's provider counted for one o200k_base token; returns at once."""
        self._write(lambda connection: ledger.calibrate(connection, model, factor, self._clock()))

    # -- what there is, and for how long

    @property
    def calibrations(self) -> Mapping[str, Calibration]:
        """What providers count for one o200k_base token, by model, as it was when this store was opened."""
        return self._calibrations

    def stats(self) -> StoreStats:
        """What the store holds, after everything queued before this call is written."""
        self.flush()
        with as_store_error(self._path):
            return statistics.measure(self._path, self._read)

    def originals_unused_since(self, time: float) -> Held:
        """The originals that were last used before `time`: about what a purge would remove."""
        with as_store_error(self._path):
            return statistics.originals_unused_since(self._read, time)

    def used_bytes(self) -> int:
        """How much of the file is in use."""
        with as_store_error(self._path):
            return retention.used_bytes(self._connection())

    def keep_within(self, limits: Limits) -> None:
        """From now on, remove what falls out of `limits`, once a day and while nothing else is to be written."""
        self._limits = limits
        self._write(lambda _: None)

    def purge(self, cut: Cut) -> Swept:
        """Remove what falls under `cut` now, overwrite it on the disk, and give the space back."""
        swept = Swept()

        def job(connection: sqlite3.Connection) -> None:
            retention.overwrite(connection)
            before = statistics.file_bytes(self._path)
            for _ in retention.sweep(connection, cut, swept):
                time.sleep(_PURGE_PAUSE_S)  # so that sessions get their turn
            retention.rewrite(connection)
            swept.is_overwritten = retention.overwrite(connection)
            swept.freed_bytes = before - statistics.file_bytes(self._path)

        self._queue(job).result()
        return swept

    # -- life

    def flush(self) -> None:
        """Wait until all that was queued so far is committed."""
        if self._writer is not None:
            self._write(lambda _: None).result()

    def close(self) -> None:
        """Commit what is queued and close every connection; idempotent."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            if self._writer is not None:
                self._jobs.put(None)
        if self._writer is not None:
            self._writer.join()
        for connection in self._opened:
            connection.close()

    # -- inside

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = connect_read_only(self._path) if self._read_only else connect(self._path)
            self._local.connection = connection
            with self._lock:
                self._opened.append(connection)
        return connection

    def _read(self, sql: str, parameters: Sequence[object]) -> list[Any]:
        with as_store_error(self._path):
            return self._connection().execute(sql, parameters).fetchall()

    def _write(self, job: _Job) -> Future[Any]:
        return self._queue(lambda connection: in_transaction(connection, job))

    def _queue(self, job: _Job) -> Future[Any]:
        if self._read_only:
            raise HeadroomError(Code.STORE_FAILED, f"The store {self._path} was opened for reading only.")
        done: Future[Any] = Future()
        with self._lock:
            if self._closed:
                raise HeadroomError(Code.STORE_FAILED, f"The store {self._path} is closed.")
            if self._writer is None:
                self._writer = threading.Thread(target=self._run_writer, name="headroom-store", daemon=True)
                self._writer.start()
            self._jobs.put((job, done))
        return done

    def _run_writer(self) -> None:
        connection = self._connection()
        chores: Iterator[float] | None = None
        next_chore_s = 0.0
        while True:
            if chores is None and self._limits is not None:
                chores, self._limits = retention.chores(connection, self._limits, self._clock), None
            try:
                item = self._jobs.get(timeout=None if chores is None else max(next_chore_s - time.monotonic(), 0))
            except queue.Empty:
                pause_s = _next(chores)
                chores = None if pause_s is None else chores
                next_chore_s = time.monotonic() + (pause_s or 0.0)
                continue
            if item is None:
                return
            job, done = item
            try:
                with as_store_error(self._path):
                    result = job(connection)
            except Exception as error:  # noqa: BLE001 - not handled here but handed to whoever awaits the future
                done.set_exception(error)
            else:
                done.set_result(result)

    def _gone(self, stale: Sequence[str]) -> Iterable[str]:
        """Touch decisions, and wait for that; gives those that are no longer there."""
        if not stale or self._read_only:
            return ()
        try:
            return cast("list[str]", self._write(lambda connection: self._touch(connection, stale)).result(_TOUCH_S))
        except (HeadroomError, TimeoutError, FutureTimeoutError):
            return ()  # a store that can be read but not written, or not now, still replays

    def _insert_original(self, connection: sqlite3.Connection, text: str, tool_name: str) -> None:
        sha256, now = _sha256(text), self._clock()
        known = connection.execute("SELECT sha256 FROM originals WHERE id = ?", (original_id(text),)).fetchone()
        if known is not None and known[0] != sha256:
            raise sqlite3.IntegrityError(f"two originals share the id {original_id(text)}")
        connection.execute(
            "INSERT INTO originals (id, sha256, body, n_chars, tool_name, created, last_used)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET last_used = excluded.last_used",
            (original_id(text), sha256, _pack(text), len(text), storable(tool_name), now, now),
        )

    def _touch(self, connection: sqlite3.Connection, keys: Iterable[str]) -> list[str]:
        """Write that decisions and their originals are in use; gives the keys under which there is none."""
        now = self._clock()
        gone = []
        for key in keys:
            if not connection.execute("UPDATE decisions SET last_used = ? WHERE key = ?", (now, key)).rowcount:
                gone.append(key)
            connection.execute(
                "UPDATE originals SET last_used = ? WHERE id = (SELECT original_id FROM decisions WHERE key = ?)",
                (now, key),
            )
        return gone


def _next(chores: Iterator[float] | None) -> float | None:
    """Do one chore; the seconds until the next, None after a failure: another process or day will do them."""
    try:
        return None if chores is None else next(chores)
    except sqlite3.Error:
        return None


def _row(decision: Decision) -> tuple[Any, ...]:
    rendered = None if decision.rendered is None else _pack(decision.rendered)
    return (
        decision.key, decision.family, decision.profile, rendered, decision.reason, decision.compressor,
        decision.tokens_before, decision.tokens_after, decision.original_id, json.dumps(decision.depends),
    )  # fmt: skip


def _decision(row: Sequence[Any]) -> Decision:
    key, family, profile, rendered, reason, compressor, before, after, original, depends = row
    text = None if rendered is None else _unpack(rendered)
    return Decision(key, family, profile, text, reason, compressor, before, after, original, tuple(json.loads(depends)))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


_compressor = zstd.ZstdCompressor(3)
"""Of several threads one at a time uses it. A new one for every decision takes longer than to compress that."""


def _pack(text: str) -> bytes:
    packed: bytes = _compressor.compress(text.encode("utf-8", "surrogatepass"), zstd.ZstdCompressor.FLUSH_FRAME)
    return packed


def _unpack(body: bytes) -> str:
    return zstd.decompress(body).decode("utf-8", "surrogatepass")


def _chunks(items: Sequence[T], size: int) -> Iterable[Sequence[T]]:
    return (items[start : start + size] for start in range(0, len(items), size))
