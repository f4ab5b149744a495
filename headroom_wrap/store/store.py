"""The embedded store: one SQLite file in WAL mode, shared by every process of the user."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

import zstandard

from headroom_wrap import paths
from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.store import schema
from headroom_wrap.store.records import Decision, LedgerRow, Original, SessionTotals

T = TypeVar("T")
_Job = Callable[[sqlite3.Connection], Any]

BUSY_TIMEOUT_S = 4.0
"""With the engine's own budget for new blocks still below the proxy's deadline for one request."""
TOUCH_AFTER_S = 86_400.0
"""`last_used` is written at most once a day: retention counts in days, and a replay must stay a read."""
_ID_LENGTH = 12
_MAX_INPUT_CHARS = 20_000
"""Of a call that is kept; what compressors look for in it, a command or a path, is shorter."""
_MAX_COUNT = 2**40
"""More tokens than any call can have."""
CHARS_PER_TOKEN = 3
"""For texts of which only the length is kept: rather too many tokens than too few are held against us."""
_COUNTED = ("requests", "errors", "retrievals", "retrieved_tokens")
_ANSWERED = "status BETWEEN 200 AND 299"
_SUMS = {
    "tokens_before": f"tokens_before * ({_ANSWERED})",
    "tokens_after": f"tokens_after * ({_ANSWERED})",
    "saved_unreported": f"(tokens_before - tokens_after) * ({_ANSWERED} AND input_tokens IS NULL)",
}
_DECISION_COLUMNS = (
    "key, family, profile, rendered, reason, compressor, tokens_before, tokens_after, original_id, depends"
)
_LEDGER_COLUMNS = (
    "session", "agent", "wire", "model", "status", "tokens_before", "tokens_after", "new_tokens_before",
    "new_tokens_after", "blocks_replaced", "blocks_new", "input_tokens", "cache_read_tokens",
    "cache_write_tokens", "output_tokens", "duration_s", "error",
)  # fmt: skip


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
        if read_only and not path.exists():
            hint = "It is made by the first wrapped session; HEADROOM_HOME says where it lives."
            raise HeadroomError(Code.STORE_FAILED, f"There is no store at {path} yet.", hint)
        if not read_only:
            paths.make_private_dir(path.parent)
            _create(path)
        with _as_store_error(path):
            connection = self._connection()
            if not read_only:
                schema.prepare(connection)

    @property
    def path(self) -> Path:
        """The database file."""
        return self._path

    # -- originals

    def original(self, id_: str) -> Original | None:
        """The original with this id, or None."""
        rows = self._read("SELECT id, body, tool_name, created FROM originals WHERE id = ?", (id_,))
        if not rows:
            return None
        id_, body, tool_name, created = rows[0]
        with _as_store_error(self._path):
            return Original(id_, _unpack(body), tool_name, created)

    def put_original(self, text: str, tool_name: str = "") -> str:
        """Keep `text`, committed when this returns; gives its id."""
        self._write(lambda connection: self._insert_original(connection, text, tool_name)).result()
        return original_id(text)

    # -- decisions

    def decisions(self, keys: Sequence[str]) -> dict[str, Decision]:
        """The decisions that stand under these keys."""
        found: dict[str, Decision] = {}
        stale: list[str] = []
        limit = self._clock() - TOUCH_AFTER_S
        for chunk in _chunks(keys, 500):
            marks = ",".join("?" * len(chunk))
            sql = f"SELECT {_DECISION_COLUMNS}, last_used FROM decisions WHERE key IN ({marks})"  # noqa: S608
            for row in self._read(sql, chunk):
                with _as_store_error(self._path):
                    found[row[0]] = _decision(row[:-1])
                if row[-1] < limit:
                    stale.append(row[0])
        if stale and not self._read_only:
            self._write(lambda connection: self._touch(connection, stale))
        return found

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

        def job(connection: sqlite3.Connection) -> None:
            for text, tool_name in originals.values():
                self._insert_original(connection, text, tool_name)
            now = self._clock()
            connection.executemany(
                f"INSERT OR IGNORE INTO decisions ({_DECISION_COLUMNS}, created, last_used)"  # noqa: S608
                f" VALUES ({','.join('?' * 12)})",
                [(*_row(decision), now, now) for decision in decisions],
            )

        self._write(job).result()
        return self.decisions([decision.key for decision in decisions])

    # -- calls

    def keep_call(self, call_id: str, name: str, input_: Mapping[str, Any]) -> None:
        """Queue a tool call whose result may come in a request that does not carry the call; returns at once.

        Of a call with a very long input only the name is kept.
        """

        def job(connection: sqlite3.Connection) -> None:
            dumped = json.dumps(input_)
            packed = _pack(dumped if len(dumped) <= _MAX_INPUT_CHARS else "{}")
            values = (_storable(call_id), _storable(name), packed, self._clock())
            connection.execute(
                "INSERT OR REPLACE INTO calls (call_id, name, input, created) VALUES (?, ?, ?, ?)", values
            )

        self._write(job)

    def calls(self, call_ids: Sequence[str]) -> dict[str, tuple[str, dict[str, Any]]]:
        """Name and input of those of these calls that were kept, also of those that were queued just now."""
        self.flush()
        found: dict[str, tuple[str, dict[str, Any]]] = {}
        for chunk in _chunks([_storable(call_id) for call_id in call_ids], 500):
            sql = f"SELECT call_id, name, input FROM calls WHERE call_id IN ({','.join('?' * len(chunk))})"  # noqa: S608
            for call_id, name, packed in self._read(sql, chunk):
                with _as_store_error(self._path):
                    found[call_id] = (name, json.loads(_unpack(packed)))
        return found

    # -- ledger

    def record(self, row: LedgerRow) -> None:
        """Queue one model call for the ledger; returns at once."""
        values = [_storable(getattr(row, column)) for column in _LEDGER_COLUMNS]
        columns = ", ".join(_LEDGER_COLUMNS)
        marks = ",".join("?" * (len(values) + 1))
        sql = f"INSERT INTO ledger (at, {columns}) VALUES ({marks})"  # noqa: S608
        self._write(lambda connection: connection.execute(sql, (self._clock(), *values)))

    def record_retrieval(self, session: str, id_: str, what: str, n_chars: int) -> None:
        """Note that an original, or a part of it (`what`, `n_chars` long), was read back; committed on return."""
        sql = "INSERT INTO retrievals (at, session, original_id, what, n_chars) VALUES (?, ?, ?, ?, ?)"
        values = (session, id_, _storable(what), n_chars)
        self._write(lambda connection: connection.execute(sql, (self._clock(), *values))).result()

    def totals(self, session: str) -> SessionTotals:
        """Sums over one session, after everything queued before this call is written."""
        self.flush()
        summed = [field.name for field in fields(SessionTotals) if field.name not in _COUNTED]
        columns = ", ".join(f"COALESCE(SUM({_SUMS.get(name, name)}), 0)" for name in summed)
        n_errors = "COALESCE(SUM(status >= 400 OR error != ''), 0)"
        sql = f"SELECT COUNT(*), {n_errors}, {columns} FROM ledger WHERE session = ?"  # noqa: S608 - names of ours
        ((requests, errors, *sums),) = self._read(sql, (session,))
        sql = "SELECT COUNT(*), COALESCE(SUM(n_chars), 0) FROM retrievals WHERE session = ?"
        ((retrievals, n_chars),) = self._read(sql, (session,))
        counted = dict(zip(summed, sums, strict=True))
        retrieved = n_chars // CHARS_PER_TOKEN
        return SessionTotals(
            requests=requests, errors=errors, retrievals=retrievals, retrieved_tokens=retrieved, **counted
        )

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
            connection = _open(self._path, read_only=self._read_only)
            self._local.connection = connection
            with self._lock:
                self._opened.append(connection)
        return connection

    def _read(self, sql: str, parameters: Sequence[object]) -> list[Any]:
        with _as_store_error(self._path):
            return self._connection().execute(sql, parameters).fetchall()

    def _write(self, job: _Job) -> Future[Any]:
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
        while (item := self._jobs.get()) is not None:
            job, done = item
            try:
                with _as_store_error(self._path):
                    _in_transaction(connection, job)
            except Exception as error:  # noqa: BLE001 - not handled here but handed to whoever awaits the future
                done.set_exception(error)
            else:
                done.set_result(None)

    def _insert_original(self, connection: sqlite3.Connection, text: str, tool_name: str) -> None:
        sha256, now = _sha256(text), self._clock()
        known = connection.execute("SELECT sha256 FROM originals WHERE id = ?", (original_id(text),)).fetchone()
        if known is not None and known[0] != sha256:
            raise sqlite3.IntegrityError(f"two originals share the id {original_id(text)}")
        connection.execute(
            "INSERT INTO originals (id, sha256, body, n_chars, tool_name, created, last_used)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET last_used = excluded.last_used",
            (original_id(text), sha256, _pack(text), len(text), _storable(tool_name), now, now),
        )

    def _touch(self, connection: sqlite3.Connection, keys: Iterable[str]) -> None:
        now = self._clock()
        for key in keys:
            connection.execute("UPDATE decisions SET last_used = ? WHERE key = ?", (now, key))
            connection.execute(
                "UPDATE originals SET last_used = ? WHERE id = (SELECT original_id FROM decisions WHERE key = ?)",
                (now, key),
            )


def _open(path: Path, *, read_only: bool) -> sqlite3.Connection:
    if read_only:
        return _open_read_only(path)
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    _switch_to_wal(connection)
    # A power cut may take the last commits, never the file; a lost decision is taken again, to the same bytes.
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection


def _create(path: Path) -> None:
    """Make the file, private from its first byte on, unless another process has just done so."""
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """Processes that open a new file at once collide here, and SQLite's busy timeout does not cover the switch."""
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:  # noqa: PERF203 - it loops only when it fails
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _open_read_only(path: Path) -> sqlite3.Connection:
    """Open without writing; where even WAL's shared memory may not be made, as a file that nobody changes."""
    for mode in ("mode=ro", "mode=ro&immutable=1"):
        uri = f"{path.resolve().as_uri()}?{mode}"
        connection = sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_S, check_same_thread=False)
        try:
            connection.execute("SELECT 1 FROM originals LIMIT 1")
        except sqlite3.OperationalError as error:
            connection.close()
            failure = error
        else:
            return connection
    raise failure


def _in_transaction(connection: sqlite3.Connection, job: _Job) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        job(connection)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextlib.contextmanager
def _as_store_error(path: Path) -> Any:
    try:
        yield
    except (sqlite3.Error, zstandard.ZstdError, UnicodeError, OverflowError) as error:
        hint = "Free disk space or set HEADROOM_HOME to a folder that can be written; then try again."
        raise HeadroomError(Code.STORE_FAILED, f"The store {path} failed: {error}.", hint) from error


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


def _storable(value: Any) -> Any:
    """A value that came from outside, as SQLite takes it: no lone surrogates; a count beyond reason is none."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    return None if isinstance(value, int) and value > _MAX_COUNT else value


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _pack(text: str) -> bytes:
    return zstandard.ZstdCompressor(level=3).compress(text.encode("utf-8", "surrogatepass"))


def _unpack(body: bytes) -> str:
    return zstandard.ZstdDecompressor().decompress(body).decode("utf-8", "surrogatepass")


def _chunks(items: Sequence[T], size: int) -> Iterable[Sequence[T]]:
    return (items[start : start + size] for start in range(0, len(items), size))
