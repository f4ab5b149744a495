"""The only place that knows SQL: originals, decisions, and the ledger of savings."""

from headroom_wrap.store.records import Decision, LedgerRow, Original, SessionTotals
from headroom_wrap.store.store import Store

__all__ = ["Decision", "LedgerRow", "Original", "SessionTotals", "Store"]
