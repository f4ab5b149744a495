"""The scripted agent's model client: standard library only, so that the agent starts fast."""

from __future__ import annotations

import http.client
import json
import time
import zlib
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

_RETRIED = frozenset({408, 409, 429, 500, 502, 503, 504, 529})
_TIMEOUT_S = 600.0
_LONGEST_WAIT_S = 2.0


class ApiError(Exception):
    """The provider's refusal, or a connection that would not come about."""

    def __init__(self, status: int, message: str, retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.retry_after_s = retry_after_s


class _StreamBrokenError(Exception):
    """A stream that ended before its last event."""


class Client:
    """Talks to one base URL over one connection that is kept alive.

    Args:
        base_url: as `ANTHROPIC_BASE_URL` has it; a path in it is kept.
        headers: credentials and betas.
        max_retries: how often a request is repeated, with the same bytes, after a passing failure.
    """

    def __init__(self, base_url: str, headers: Mapping[str, str], max_retries: int) -> None:
        self._parts = urlsplit(base_url)
        self._path = self._parts.path.rstrip("/")
        self._headers = {
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "Content-Type": "application/json",
            "User-Agent": "headroom-scripted-agent",
            "anthropic-version": "2023-06-01",
            "x-app": "cli",
            **headers,
        }
        self._max_retries = max_retries
        self._connection: http.client.HTTPConnection | None = None

    def greet(self) -> None:
        """Send `HEAD`, as Claude Code does first; what comes back does not matter."""
        try:
            self._send("HEAD", self._path or "/", b"").read()
        except (OSError, http.client.HTTPException):
            self.close()

    def ask(self, body: Mapping[str, Any], extra_headers: Mapping[str, str]) -> dict[str, Any]:
        """One model call, streamed; a broken stream is asked again once without streaming.

        Returns:
            The message: `content`, `stop_reason`, `usage`.

        Raises:
            ApiError: the provider refused, or could not be reached, at every attempt.
        """
        try:
            return self._ask(body, extra_headers)
        except _StreamBrokenError:
            whole = {key: value for key, value in body.items() if key != "stream"}
            try:
                return self._ask(whole, extra_headers)
            except _StreamBrokenError as broken:
                raise ApiError(0, f"the connection broke: {broken}") from broken

    def close(self) -> None:
        """Drop the connection."""
        if self._connection:
            self._connection.close()
            self._connection = None

    def _ask(self, body: Mapping[str, Any], extra_headers: Mapping[str, str]) -> dict[str, Any]:
        raw = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")
        attempt = 0
        while True:
            outcome = self._outcome(raw, extra_headers, streamed=bool(body.get("stream")))
            if not isinstance(outcome, ApiError):
                return outcome
            self.close()
            passing = outcome.status in _RETRIED or outcome.status == 0
            if not passing or attempt >= self._max_retries:
                raise outcome
            time.sleep(min(_LONGEST_WAIT_S, outcome.retry_after_s or 0.1 * 2**attempt))
            attempt += 1

    def _outcome(self, raw: bytes, extra_headers: Mapping[str, str], *, streamed: bool) -> dict[str, Any] | ApiError:
        try:
            return self._attempt(raw, extra_headers, streamed=streamed)
        except ApiError as refused:
            return refused

    def _attempt(self, raw: bytes, extra_headers: Mapping[str, str], *, streamed: bool) -> dict[str, Any]:
        try:
            response = self._send("POST", f"{self._path}/v1/messages?beta=true", raw, extra_headers)
        except (OSError, http.client.HTTPException) as problem:
            raise ApiError(0, f"cannot reach {self._parts.netloc}: {type(problem).__name__} {problem}") from problem
        try:
            if response.status != http.client.OK:
                raise _refusal(response.status, b"".join(_chunks(response)), response.getheader("Retry-After"))
            if streamed and "event-stream" in (response.getheader("Content-Type") or ""):
                message = assemble(_events(response))
                self._finish(response)
                return message
            whole: dict[str, Any] = json.loads(b"".join(_chunks(response)))
        except (OSError, http.client.HTTPException, ValueError) as problem:
            self.close()
            raise _StreamBrokenError(f"{type(problem).__name__} {problem}") from problem
        return whole

    def _finish(self, response: http.client.HTTPResponse) -> None:
        """Read to the end of a stream whose message is complete: the connection is used again."""
        try:
            response.read()
        except (OSError, http.client.HTTPException):
            self.close()

    def _send(
        self, method: str, path: str, body: bytes, extra_headers: Mapping[str, str] | None = None
    ) -> http.client.HTTPResponse:
        if self._connection is None:
            kind = http.client.HTTPSConnection if self._parts.scheme == "https" else http.client.HTTPConnection
            self._connection = kind(self._parts.netloc, timeout=_TIMEOUT_S)
        headers = {**self._headers, **(extra_headers or {})}
        self._connection.request(method, path, body or None, headers)
        return self._connection.getresponse()


def assemble(events: Iterator[dict[str, Any]]) -> dict[str, Any]:
    """Build the message from the events of its stream.

    Raises:
        ValueError: the stream ended before `message_stop`, or an event does not fit.
        ApiError: the stream carried an error event.
    """
    message: dict[str, Any] = {}
    arguments: dict[int, str] = {}
    for event in events:
        kind = event.get("type")
        if kind == "message_start":
            message = event["message"]
        elif kind == "content_block_start":
            message["content"].append(event["content_block"])
        elif kind == "content_block_delta":
            _apply(message["content"][event["index"]], event["delta"], event["index"], arguments)
        elif kind == "message_delta":
            message.update(event["delta"])
            message["usage"].update(event.get("usage") or {})
        elif kind == "error":
            raise ApiError(0, str(event.get("error", {}).get("message", event)))
        elif kind == "message_stop":
            for index, text in arguments.items():
                message["content"][index]["input"] = json.loads(text or "{}")
            return message
    raise ValueError("the stream ended before message_stop")


def _apply(block: dict[str, Any], delta: Mapping[str, Any], index: int, arguments: dict[int, str]) -> None:
    if delta["type"] == "input_json_delta":
        arguments[index] = arguments.get(index, "") + delta["partial_json"]
        return
    for key in ("text", "thinking", "signature"):
        if key in delta:
            block[key] = block.get(key, "") + delta[key]


def _events(response: http.client.HTTPResponse) -> Iterator[dict[str, Any]]:
    pending = b""
    for chunk in _chunks(response):
        pending += chunk
        *lines, pending = pending.split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                yield json.loads(line[5:])


def _chunks(response: http.client.HTTPResponse) -> Iterator[bytes]:
    inflate = (
        zlib.decompressobj(wbits=zlib.MAX_WBITS | 16) if response.getheader("Content-Encoding") == "gzip" else None
    )
    while chunk := response.read1(65536):
        yield inflate.decompress(chunk) if inflate else chunk


def _refusal(status: int, body: bytes, retry_after: str | None) -> ApiError:
    try:
        message = json.loads(body)["error"]["message"]
    except (ValueError, KeyError, TypeError):
        message = body.decode("utf-8", "replace")[:300]
    seconds = float(retry_after) if retry_after and retry_after.isdigit() else 0.0
    return ApiError(status, f"{status} {message}", seconds)
