"""Texts that programs hand to each other under a key: the last one that was put there, whole in one row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from headroom_wrap import zstd
from headroom_wrap.store.ledger import storable
from headroom_wrap.store.table import Read, Table, Write

TABLES = """
CREATE TABLE IF NOT EXISTS shared_texts (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    key TEXT NOT NULL,
    body BLOB NOT NULL,
    original_id TEXT NOT NULL,
    agent TEXT NOT NULL,
    tokens_before INTEGER NOT NULL,
    tokens_after INTEGER NOT NULL,
    at REAL NOT NULL,
    UNIQUE (name, key)
);
CREATE INDEX IF NOT EXISTS shared_texts_at ON shared_texts (at);
"""
_COLUMNS = "key, body, original_id, agent, tokens_before, tokens_after"


@dataclass(frozen=True, slots=True)
class SharedText:
    """What was made of a text that was put under a key.

    Attributes:
        key: under which it was put.
        text: what readers get: shortened with markers where that paid.
        original_id: of the whole text.
        agent: who put it.
        tokens_before: of the original.
        tokens_after: of `text`.
    """

    key: str
    text: str
    original_id: str
    agent: str
    tokens_before: int
    tokens_after: int


class SharedTexts(Table):
    """The texts of each name."""

    def __init__(self, read: Read, write: Write, clock: Callable[[], float]) -> None:
        super().__init__(read, write)
        self._clock = clock

    def put(self, name: str, shared: SharedText) -> None:
        """Keep a text under its key, in place of what stood there; a key keeps its place among the others."""
        row = (
            storable(name), storable(shared.key), _packed(shared.text), shared.original_id, storable(shared.agent),
            shared.tokens_before, shared.tokens_after, self._clock(),
        )  # fmt: skip
        sql = (
            f"INSERT INTO shared_texts (name, {_COLUMNS}, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - names of ours
            " ON CONFLICT (name, key) DO UPDATE SET body = excluded.body, original_id = excluded.original_id,"
            " agent = excluded.agent, tokens_before = excluded.tokens_before, tokens_after = excluded.tokens_after,"
            " at = excluded.at"
        )
        self._write(lambda connection: connection.execute(sql, row).rowcount).result()

    def get(self, name: str, key: str) -> SharedText | None:
        """What stands under a key; None where nothing does."""
        sql = f"SELECT {_COLUMNS} FROM shared_texts WHERE name = ? AND key = ?"  # noqa: S608 - names of ours
        rows = self._read(sql, (storable(name), storable(key)))
        return SharedText(key, _unpacked(rows[0][1]), *rows[0][2:]) if rows else None

    def keys(self, name: str) -> list[str]:
        """The keys of a name, in the order in which they were first put."""
        sql = "SELECT key FROM shared_texts WHERE name = ? ORDER BY id"
        return [key for (key,) in self._read(sql, (storable(name),))]

    def forget(self, name: str) -> None:
        """Keep nothing under a name."""
        sql = "DELETE FROM shared_texts WHERE name = ?"
        self._write(lambda connection: connection.execute(sql, (storable(name),)).rowcount).result()


def _packed(text: str) -> bytes:
    return bytes(zstd.compress(text.encode("utf-8", "surrogatepass")))


def _unpacked(body: bytes) -> str:
    return zstd.decompress(body).decode("utf-8", "surrogatepass")
