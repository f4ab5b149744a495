"""What the provider saw: every request, byte for byte, and when its client went away."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from headroom_wrap.emulator.cache import Usage
from headroom_wrap.emulator.coding import decoded


@dataclass(slots=True)
class RecordedRequest:
    """One request as it arrived.

    Attributes:
        method, path: as on the wire; `path` is raw, with its query.
        headers: names and values in the order and spelling of the wire.
        body: the raw bytes, still encoded if the client encoded them.
        model: the one that its path names, as Vertex has it; empty where the body does.
        received: when its headers were read, in seconds of the provider's clock (`time.monotonic`).
        status: the status answered, 0 as long as there is none.
        finished: when the answer was complete, or None.
        disconnected: when the client went away before that, or None.
        usage: how the prompt cache billed it, for answered model requests.
    """

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""
    model: str = ""
    received: float = 0.0
    status: int = 0
    finished: float | None = None
    disconnected: float | None = None
    is_model_request: bool = False
    format_name: str = ""
    usage: Usage | None = None
    _json: Any = field(default=None, repr=False)

    def header(self, name: str) -> str | None:
        """The first value of a header, whatever its case; None if it was not sent."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    @property
    def credential(self) -> str:
        """What the request is paid with: key, token, or both; empty if it has neither."""
        return "".join(self.header(name) or "" for name in ("x-api-key", "api-key", "authorization"))

    @property
    def content(self) -> bytes:
        """The body after undoing its Content-Encoding."""
        return decoded(self.body, self.header("content-encoding"))

    @property
    def json(self) -> Any:
        """The parsed body, None if it is empty or no JSON."""
        if self._json is None and self.body:
            try:
                self._json = json.loads(self.content)
            except ValueError:
                return None
        return self._json

    @property
    def asked(self) -> Any:
        """The parsed body, with the model that the path names."""
        return {"model": self.model, **self.json} if self.model and isinstance(self.json, dict) else self.json

    def to_json(self) -> dict[str, Any]:
        """The record for another process; the body travels as base64."""
        return {
            "method": self.method,
            "path": self.path,
            "headers": [list(pair) for pair in self.headers],
            "model": self.model,
            "body_base64": base64.b64encode(self.body).decode(),
            "received": self.received,
            "status": self.status,
            "finished": self.finished,
            "disconnected": self.disconnected,
            "is_model_request": self.is_model_request,
            "format_name": self.format_name,
            "usage": None if self.usage is None else _usage_row(self.usage),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> RecordedRequest:
        """The inverse of `to_json`."""
        row = dict(data)
        row["body"] = base64.b64decode(row.pop("body_base64"))
        row["headers"] = tuple((name, value) for name, value in row["headers"])
        usage = row["usage"]
        row["usage"] = usage and Usage(usage["read"], usage["written_5m"], usage["written_1h"], usage["rest"])
        return cls(**row)


@dataclass(frozen=True, slots=True)
class CacheRow:
    """How the prompt cache billed one model request, in tokens."""

    model: str
    usage: Usage
    prefix_break: str | None


@dataclass(frozen=True, slots=True)
class CacheReport:
    """The prompt cache over a run. `prefix_break` of a row is relative to the request before it in its conversation.

    Requests of one conversation share wire format, model, Claude Code's session id, and whether they carry tools.
    """

    rows: tuple[CacheRow, ...]

    @property
    def hit_rate(self) -> float:
        """Share of all prompt tokens that were read from the cache, 0 to 1."""
        total = sum(row.usage.total for row in self.rows)
        return sum(row.usage.read for row in self.rows) / total if total else 0.0

    def to_json(self) -> dict[str, Any]:
        """The report for another process."""
        rows = [
            {"model": row.model, "usage": _usage_row(row.usage), "prefix_break": row.prefix_break} for row in self.rows
        ]
        return {"hit_rate": self.hit_rate, "rows": rows}


def _usage_row(usage: Usage) -> dict[str, int]:
    return {
        "read": usage.read,
        "written_5m": usage.written_5m,
        "written_1h": usage.written_1h,
        "rest": usage.rest,
        "total": usage.total,
    }
