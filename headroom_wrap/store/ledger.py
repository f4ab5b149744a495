"""Model calls, retrievals, and what the provider counts for a token of ours."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from headroom_wrap.store.records import Calibration, Failure, LedgerRow, SessionTotals
from headroom_wrap.store.table import Read
from headroom_wrap.tokens import DEFAULT_ENCODING, Basis, encoding_of

CHARS_PER_TOKEN = 3
"""For texts of which only the length is kept: rather too many tokens than too few are held against us."""
MIN_FACTOR, MAX_FACTOR = 0.7, 2.0
"""Beyond these a provider has counted something else than we have."""
_MAX_N = 50
"""Of sessions in a mean: beyond, what a provider changed would hardly show."""
_MAX_COUNT = 2**40
"""More tokens than any call can have."""
_GIVEN = ("requests", "errors", "retrievals", "retrieved_tokens", "counted", "failures")
_OURS = ("tokens_before", "tokens_after", "new_tokens_before", "new_tokens_after", "saved_unreported")
_ANSWERED = "status BETWEEN 200 AND 299"
_FAILED = "(status >= 400 OR error != '')"
_SUMS = {
    "tokens_before": f"tokens_before * ({_ANSWERED})",
    "tokens_after": f"tokens_after * ({_ANSWERED})",
    "saved_unreported": f"(tokens_before - tokens_after) * ({_ANSWERED} AND input_tokens IS NULL)",
}
_COLUMNS = (
    "session", "agent", "wire", "model", "status", "tokens_before", "tokens_after", "new_tokens_before",
    "new_tokens_after", "blocks_replaced", "blocks_new", "input_tokens", "cache_read_tokens",
    "cache_write_tokens", "output_tokens", "duration_s", "error",
)  # fmt: skip


def insert(connection: sqlite3.Connection, row: LedgerRow, at: float) -> None:
    """Write one model call."""
    values = [storable(getattr(row, column)) for column in _COLUMNS]
    marks = ",".join("?" * (len(values) + 1))
    connection.execute(f"INSERT INTO ledger (at, {', '.join(_COLUMNS)}) VALUES ({marks})", (at, *values))  # noqa: S608


def totals(read: Read, session: str, calibrations: Mapping[str, Calibration]) -> SessionTotals:
    """Sums over one session."""
    summed = [field.name for field in fields(SessionTotals) if field.name not in _GIVEN]
    columns = ", ".join(f"COALESCE(SUM({_SUMS.get(name, name)}), 0)" for name in summed)
    n_errors = f"COALESCE(SUM({_FAILED}), 0)"
    sql = f"SELECT model, COUNT(*), {n_errors}, {columns} FROM ledger WHERE session = ? GROUP BY model"  # noqa: S608 - names of ours
    counted = dict.fromkeys(summed, 0)
    requests = errors = 0
    kinds = set()
    for model, n_requests, n_failed, *sums in read(sql, (session,)):
        requests, errors = requests + n_requests, errors + n_failed
        factor = factor_of(model, calibrations)
        of_model = dict(zip(summed, sums, strict=True))
        for name, value in of_model.items():
            counted[name] += round(value * factor) if name in _OURS else value
        if any(of_model[name] for name in _OURS):
            kinds.add(basis_of(model, calibrations))
    sql = "SELECT COUNT(*), COALESCE(SUM(n_chars), 0) FROM retrievals WHERE session = ?"
    ((retrievals, n_chars),) = read(sql, (session,))
    sql = f"SELECT status, error, COUNT(*) FROM ledger WHERE session = ? AND {_FAILED} GROUP BY 1, 2 ORDER BY 3 DESC, 1"  # noqa: S608
    failures = tuple(Failure(*row) for row in read(sql, (session,)))
    # Of several kinds the least one speaks for the sum.
    worst = next((kind for kind in (Basis.ESTIMATED, Basis.CALIBRATED, Basis.EXACT) if kind in kinds), Basis.ESTIMATED)
    return SessionTotals(
        requests=requests,
        errors=errors,
        retrievals=retrievals,
        retrieved_tokens=n_chars // CHARS_PER_TOKEN,
        counted=worst,
        failures=failures,
        **counted,
    )


def factor_of(model: str, calibrations: Mapping[str, Calibration]) -> float:
    """What the provider counts for one o200k_base token of ours; 1 where nothing is known."""
    if basis_of(model, calibrations) is Basis.CALIBRATED:
        return calibrations[model].factor
    return 1.0


def basis_of(model: str, calibrations: Mapping[str, Calibration]) -> Basis:
    """How good the ledger's counts for a model are: they are made in o200k_base, whatever the model reads."""
    if encoding_of(model) == DEFAULT_ENCODING:
        return Basis.EXACT
    return Basis.CALIBRATED if model in calibrations else Basis.ESTIMATED


def read_calibrations(read: Read) -> dict[str, Calibration]:
    """The calibration of each model that has one."""
    rows = read("SELECT model, factor, n, updated FROM calibrations", ())
    return {model: Calibration(factor, n, updated) for model, factor, n, updated in rows}


def calibrate(connection: sqlite3.Connection, model: str, factor: float, at: float) -> None:
    """Let one session's factor enter the model's mean."""
    factor = min(max(factor, MIN_FACTOR), MAX_FACTOR)
    known = connection.execute("SELECT factor, n FROM calibrations WHERE model = ?", (storable(model),)).fetchone()
    mean, n = known or (0.0, 0)
    values = (storable(model), (mean * n + factor) / (n + 1), min(n + 1, _MAX_N), at)
    connection.execute("INSERT OR REPLACE INTO calibrations (model, factor, n, updated) VALUES (?, ?, ?, ?)", values)


def storable(value: Any) -> Any:
    """A value that came from outside, as SQLite takes it: no lone surrogates; a count beyond reason is none."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    return None if isinstance(value, int) and value > _MAX_COUNT else value
