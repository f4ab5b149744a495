"""The one error type of the package, and every stable error code."""

from __future__ import annotations

from enum import Enum


class Code(str, Enum):
    """Stable codes: scripts may match on them, so a code is never renamed."""

    AGENT_NOT_FOUND = "agent-not-found"
    AGENT_UNKNOWN = "agent-unknown"
    AUTH_FAILED = "auth-failed"
    AUTH_REQUIRED = "auth-required"
    BAD_SETTING = "bad-setting"
    BYPASS = "bypass"
    FACT_NOT_FOUND = "fact-not-found"
    GATE_REFUSED = "gate-refused"
    ORIGINAL_NOT_FOUND = "original-not-found"
    BAD_REQUEST = "bad-request"
    PLATFORM = "platform"
    PORT_TAKEN = "port-taken"
    PROXY_FAILED = "proxy-failed"
    STORE_FAILED = "store-failed"
    JOURNAL_CONFLICT = "journal-conflict"
    UPSTREAM_UNREACHABLE = "upstream-unreachable"
    UPSTREAM_UNKNOWN = "upstream-unknown"


class HeadroomError(Exception):
    """An error for a person: what happened, what we did, what to type next.

    Args:
        code: a stable identifier from `Code`.
        message: what happened and what we did about it, one or two sentences.
        hint: what to type or change next; may be empty.
    """

    def __init__(self, code: Code, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()
