"""How much the store holds, and how old it is."""

from __future__ import annotations

from pathlib import Path

from headroom_wrap.store.ledger import basis_of, factor_of, read_calibrations
from headroom_wrap.store.records import Held, ModelStats, StoreStats
from headroom_wrap.store.table import Read

_TABLES = {
    "originals": ("length(body)", "last_used"),
    "decisions": ("length(rendered)", "last_used"),
    "calls": ("length(input)", "created"),
    "retrievals": ("0", "at"),
    "ledger": ("0", "at"),
}
"""Table -> size of a row's content, and its time."""


def file_bytes(path: Path) -> int:
    """The size on the disk, with the log of what is not yet in the file."""
    sizes = (file.stat().st_size for file in (path, path.with_name(f"{path.name}-wal")) if file.exists())
    return sum(sizes)


def measure(path: Path, read: Read) -> StoreStats:
    """Measure the store; takes a moment where it is large."""
    held = {name: _held(read, name, size, time) for name, (size, time) in _TABLES.items()}
    ((n_free,),), ((page_size,),) = read("PRAGMA freelist_count", ()), read("PRAGMA page_size", ())
    swept = read("SELECT at FROM stamps WHERE name = 'swept'", ())
    return StoreStats(
        file_bytes=file_bytes(path),
        free_bytes=n_free * page_size,
        swept=swept[0][0] if swept else None,
        models=_models(read),
        **held,
    )


def originals_unused_since(read: Read, time: float) -> Held:
    """The originals that were last used before `time`."""
    return _held(read, "originals", *_TABLES["originals"], before=time)


def _held(read: Read, table: str, size: str, time: str, before: float = float("inf")) -> Held:
    columns = f"COUNT(*), COALESCE(SUM({size}), 0), MIN({time}), MAX({time})"
    (row,) = read(f"SELECT {columns} FROM {table} WHERE {time} < ?", (before,))  # noqa: S608 - names of ours
    return Held(*row)


def _models(read: Read) -> tuple[ModelStats, ...]:
    calibrations = read_calibrations(read)
    sql = (
        "SELECT model, COUNT(*), SUM(tokens_before), SUM(tokens_after) FROM ledger"
        " WHERE status BETWEEN 200 AND 299 AND model != '' GROUP BY model ORDER BY 3 DESC, 2 DESC, 1"
    )
    found = []
    for model, calls, before, after in read(sql, ()):
        factor = factor_of(model, calibrations)
        n = calibrations[model].n if model in calibrations else 0
        counted = basis_of(model, calibrations)
        found.append(ModelStats(model, calls, round(before * factor), round(after * factor), factor, n, counted))
    return tuple(found)
