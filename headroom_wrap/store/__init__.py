"""The only place that knows SQL: originals, decisions, and the ledger of savings."""

from headroom_wrap.store.records import DatedDecision, Decision, Failure, LedgerRow, Original, SessionTotals, StoreStats
from headroom_wrap.store.retention import Cut, Limits, Swept
from headroom_wrap.store.store import Store

__all__ = [
    "Cut", "DatedDecision", "Decision", "Failure", "LedgerRow", "Limits", "Original", "SessionTotals", "Store",
    "StoreStats", "Swept",
]  # fmt: skip
