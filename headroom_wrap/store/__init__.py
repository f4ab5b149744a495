"""The only place that knows SQL: originals, decisions, and the ledger of savings."""

from headroom_wrap.store.briefs import Brief, Briefs
from headroom_wrap.store.fact_records import Change, Fact, Kind, Relation, Saved, Scope
from headroom_wrap.store.facts import Facts
from headroom_wrap.store.learned_files import LearnedFile, LearnedFiles
from headroom_wrap.store.learned_lines import LearnedLine, LearnedLines
from headroom_wrap.store.records import DatedDecision, Decision, Failure, LedgerRow, Original, SessionTotals, StoreStats
from headroom_wrap.store.retention import Cut, Limits, Swept
from headroom_wrap.store.schema import has_full_text
from headroom_wrap.store.shared_texts import SharedText
from headroom_wrap.store.store import Store

__all__ = [
    "Brief", "Briefs", "Change", "Cut", "DatedDecision", "Decision", "Fact", "Facts", "Failure", "Kind", "LearnedFile",
    "LearnedFiles", "LearnedLine", "LearnedLines", "LedgerRow", "Limits", "Original", "Relation", "Saved", "Scope",
    "SessionTotals", "SharedText", "Store", "StoreStats", "Swept", "has_full_text",
]  # fmt: skip
