"""A plain client that shows how a connection ended, and bodies to send with it."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

KEY = {"x-api-key": "sk-ant-test", "anthropic-version": "2023-06-01"}
BEARER = {"Authorization": "Bearer sk-test"}
BASH = {"name": "Bash", "description": "Runs a command", "input_schema": {"type": "object"}}


@dataclass(slots=True)
class Reply:
    """What came back: `broken` says how the connection ended, if it did not end well."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    broken: Exception | None = None

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def events(self) -> list[dict[str, Any]]:
        """The data of each complete event."""
        return [
            json.loads(line[5:])
            for block in self.body.decode().split("\n\n")[:-1]
            for line in block.splitlines()
            if line.startswith("data:") and "[DONE]" not in line
        ]


@dataclass(frozen=True, slots=True)
class Asking:
    """Calls with a path and a body, answers with a `Reply`."""

    url: str

    def __call__(
        self, path: str, body: object = b"", headers: dict[str, str] | None = None, method: str = "POST"
    ) -> Reply:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=10)
        reply = Reply()
        try:
            connection.request(method, path, raw or None, KEY if headers is None else headers)
            response = connection.getresponse()
            reply.status, reply.headers = response.status, {k.lower(): v for k, v in response.getheaders()}
            while chunk := response.read1(65536):
                reply.body += chunk
        except (OSError, http.client.HTTPException) as problem:
            reply.broken = problem
        finally:
            connection.close()
        return reply


def message(prompt: str, **changes: object) -> dict[str, Any]:
    """The body of a streamed Messages request that offers Bash."""
    body = {
        "model": "claude-opus-4-8",
        "max_tokens": 1000,
        "stream": True,
        "messages": [{"role": "user", "content": prompt}],
        "tools": [BASH],
    }
    return {**body, **changes}
