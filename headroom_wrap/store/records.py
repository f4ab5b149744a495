"""What the store keeps, as plain data."""

from __future__ import annotations

from dataclasses import dataclass

from headroom_wrap.tokens import Basis


@dataclass(frozen=True, slots=True)
class Original:
    """A text as the agent produced it, addressed by its content."""

    id: str
    text: str
    tool_name: str = ""
    created: float = 0.0
    last_used: float = 0.0


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of a block, written once and replayed for ever.

    Attributes:
        key: identity of the block (see `compression.engine`), hex.
        family: identity of the block without its profile: finds the profile of a conversation.
        profile: the profile, as JSON.
        rendered: the text to send instead; None means "left as it is".
        original_id: where the original is kept, if content was elided.
        depends: families of the blocks that must stand earlier in the request for this decision to hold, and keys of
            their decisions where those must be the same.
    """

    key: str
    family: str
    profile: str
    rendered: str | None
    reason: str
    compressor: str = ""
    tokens_before: int = 0
    tokens_after: int = 0
    original_id: str | None = None
    depends: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DatedDecision:
    """A decision, and when it was taken and last used."""

    decision: Decision
    created: float
    last_used: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a provider counts for one token of ours: the mean over `n` sessions."""

    factor: float
    n: int
    updated: float


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One model call. Token counts of the provider are None where it reported none.

    `tokens_before` and `tokens_after` are our own counts over the replaced blocks of this request, the
    `new_` ones over those among them that were decided in this request.
    """

    session: str
    agent: str
    wire: str
    model: str
    status: int
    tokens_before: int = 0
    tokens_after: int = 0
    new_tokens_before: int = 0
    new_tokens_after: int = 0
    blocks_replaced: int = 0
    blocks_new: int = 0
    input_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    output_tokens: int | None = None
    duration_s: float = 0.0
    error: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """How calls of one session failed: the status that the client saw, our own error code or none, how many."""

    status: int
    error: str
    calls: int


@dataclass(frozen=True, slots=True)
class SessionTotals:
    """Sums over the ledger rows of one session, and its retrievals (tokens estimated at three characters each).

    `tokens_before` and `tokens_after` leave out calls that failed: clients repeat them, and nobody pays for them.
    `saved_unreported` is what was saved by calls whose input the provider did not report.
    Our own counts are multiplied by each model's calibration; `counted` says of what kind that makes them.
    `failures` are the kinds of failure, the most frequent first.
    """

    requests: int = 0
    errors: int = 0
    tokens_before: int = 0
    tokens_after: int = 0
    new_tokens_before: int = 0
    new_tokens_after: int = 0
    blocks_replaced: int = 0
    saved_unreported: int = 0
    input_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    retrievals: int = 0
    retrieved_tokens: int = 0
    counted: Basis = Basis.ESTIMATED
    failures: tuple[Failure, ...] = ()


@dataclass(frozen=True, slots=True)
class Held:
    """What one table holds: rows, bytes of content (0 where it is only figures), and the ages of the rows.

    `oldest` and `newest` are times of last use where the table has them, else of making; None in an empty table.
    """

    rows: int = 0
    size_bytes: int = 0
    oldest: float | None = None
    newest: float | None = None


@dataclass(frozen=True, slots=True)
class ModelStats:
    """What the ledger says of one model: calls, our counts in tool output times `factor`, and what that makes them."""

    model: str
    calls: int
    tokens_before: int
    tokens_after: int
    factor: float
    n_calibrations: int
    counted: Basis


@dataclass(frozen=True, slots=True)
class StoreStats:
    """What the store holds. `free_bytes` of the file are not in use; `swept` is when the last sweep ended."""

    file_bytes: int
    free_bytes: int
    swept: float | None
    originals: Held
    decisions: Held
    calls: Held
    retrievals: Held
    ledger: Held
    models: tuple[ModelStats, ...]
