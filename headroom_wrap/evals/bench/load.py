"""Requests as an agent sends them, and the time they take: one at a time over one kept connection."""

from __future__ import annotations

import http.client
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

import psutil

from headroom_wrap.emulator.demo import API_KEY, LOG_FILE
from headroom_wrap.evals.bench.figures import Figures, p50, p95
from headroom_wrap.evals.bench.servers import NotRunError

HEADERS = {"x-api-key": API_KEY, "anthropic-version": "2023-06-01", "content-type": "application/json"}
PATH = "/v1/messages"
TIMEOUT_S = 120
_TOOLS = [{"name": "Bash", "description": "Run a command.", "input_schema": {"type": "object"}}]
_LINES_PER_RESULT = 60
_RECEIVED = re.compile(rb'"msg_(\d+)_bytes"')
_AT = re.compile(rb"at=(\d+);")
FAILURES = (NotRunError, OSError, RuntimeError, http.client.HTTPException, psutil.Error)
T = TypeVar("T")


def reason(error: BaseException) -> str:
    """A failure in one line."""
    text = " ".join(str(error).split())
    return (text if isinstance(error, (NotRunError, RuntimeError)) else f"{type(error).__name__}: {text}")[:160]


def conversation(size_bytes: int, seed: str = "", *, n_lines: int = _LINES_PER_RESULT, stream: bool = False) -> bytes:
    """A request of `size_bytes`, give or take a line: turns of log output, `n_lines` each; `seed` makes it another."""
    messages: list[dict[str, Any]] = [{"role": "user", "content": f"Find the cause. {seed} [[say done]]"}]
    log, number = LOG_FILE.read_text(encoding="utf-8").splitlines(), 0
    left = size_bytes - len(_request(messages, stream=stream))
    while True:
        use = {"type": "tool_use", "id": f"toolu_{seed}{number}", "name": "Bash", "input": {"command": f"log {number}"}}
        result = {"type": "tool_result", "tool_use_id": use["id"], "content": ""}
        turn = [{"role": "assistant", "content": [use]}, {"role": "user", "content": [result]}]
        left -= len(json.dumps(turn))
        lines: list[str] = []
        while left > 0 and len(lines) < n_lines:
            # At the line's end: before its time it would not be a line of a log.
            lines.append(f"{log[(number + len(lines)) % len(log)]} {seed}".rstrip())
            left -= len(json.dumps(lines[-1]))
        if not lines:
            return _request(messages, stream=stream)
        result["content"] = "\n".join(lines)
        messages += turn
        number += 1


def _request(messages: list[dict[str, Any]], *, stream: bool) -> bytes:
    body = {"model": "claude-opus-4-8", "max_tokens": 100, "messages": messages, "tools": _TOOLS, "stream": stream}
    return json.dumps(body).encode()


class Way:
    """One way to the provider, over one kept connection; `received_bytes` is what the light provider said last."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_S)
        self.received_bytes = 0

    def call(self, body: bytes) -> tuple[float, float]:
        """Milliseconds to the first byte of the answer's body, and to its end.

        Raises:
            OSError, http.client.HTTPException, RuntimeError: the answer did not come, or is none.
        """
        start = time.perf_counter()
        response = self._send(body)
        answer = response.read1(1)
        first = time.perf_counter()
        answer += response.read()
        end = time.perf_counter()
        received = _RECEIVED.search(answer)
        self.received_bytes = int(received[1]) if received else 0
        return (first - start) * 1e3, (end - start) * 1e3

    def delays(self, body: bytes) -> list[float]:
        """Milliseconds between the writing of each timed event and its arrival here."""
        response = self._send(body)
        delays, kept = [], b""
        while data := response.read1(65_536):
            now = time.monotonic_ns()
            kept += data
            end = 0
            for written in _AT.finditer(kept):
                delays.append((now - int(written[1])) / 1e6)
                end = written.end()
            kept = kept[end:]
        return delays

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _send(self, body: bytes) -> http.client.HTTPResponse:
        self._connection.request("POST", PATH, body, HEADERS)
        response = self._connection.getresponse()
        if response.status != http.client.OK:
            said = response.read(300).decode("utf-8", "replace")
            raise RuntimeError(f"answered {response.status}: {said}")
        return response


@dataclass(slots=True)
class Bounds:
    """How long a loop of requests may go on: rounds, and seconds; `warm_up` rounds come first and do not count."""

    rounds: int
    limit_s: float = 60.0
    warm_up: int = 5
    _start: float = field(default_factory=time.monotonic)

    def go_on(self, done: int) -> bool:
        """Whether another round is due; one is always measured."""
        in_time = time.monotonic() - self._start < self.limit_s
        return done <= self.warm_up or (done < self.rounds + self.warm_up and in_time)


def compare(ways: Mapping[str, Way], body: Callable[[int], bytes], bounds: Bounds) -> dict[str, Figures | str]:
    """Percentiles of each way, the ways in turn so that a noisy machine disturbs all alike; or why one failed."""

    def summary(times: list[tuple[float, float]]) -> Figures:
        firsts, ends = zip(*times, strict=True)
        return {"p50_ms": p50(ends), "p95_ms": p95(ends), "first_byte_p50_ms": p50(firsts), "n": float(len(ends))}

    rows = _in_turn(ways, lambda way, number: [way.call(body(number))], summary, bounds)
    for name, row in rows.items():
        if not isinstance(row, str) and ways[name].received_bytes:
            row["provider_got_kb"] = ways[name].received_bytes / 1e3
    return rows


def compare_delays(ways: Mapping[str, Way], body: bytes, bounds: Bounds) -> dict[str, Figures | str]:
    """Percentiles of the time that an event takes from the provider to the client; or why a way failed."""

    def summary(delays: list[float]) -> Figures:
        return {"p50_ms": p50(delays), "p95_ms": p95(delays), "n": float(len(delays))}

    return _in_turn(ways, lambda way, _: way.delays(body), summary, bounds)


def _in_turn(
    ways: Mapping[str, Way],
    measure: Callable[[Way, int], list[T]],
    summary: Callable[[list[T]], Figures],
    bounds: Bounds,
) -> dict[str, Figures | str]:
    measured: dict[str, list[T]] = {name: [] for name in ways}
    failed: dict[str, Figures | str] = {}
    number = 0
    while bounds.go_on(number):
        for index, name in enumerate(ways):
            if name not in failed:
                try:
                    # A number of its own: the emulator would know the next way's body from the one before.
                    values = measure(ways[name], number * len(ways) + index)
                except FAILURES as error:
                    ways[name].close()
                    failed[name] = reason(error)
                else:
                    measured[name] += values if number >= bounds.warm_up else []
        number += 1
    return {name: failed.get(name) or summary(measured[name]) for name in ways}


def resident_mb(pid: int) -> float:
    """Resident memory of a process and its children."""
    process = psutil.Process(pid)
    return sum(member.memory_info().rss for member in (process, *process.children(recursive=True))) / 1e6


def memory_under_load(way: Way, pid: int, n_requests: int, limit_s: float) -> Figures:
    """Memory before and after requests of 50 KB, of which every fiftieth opens a conversation never seen."""
    before = resident_mb(pid)
    until = time.monotonic() + limit_s
    done, body = 0, b""
    while done < n_requests and time.monotonic() < until:
        if done % 50 == 0:
            body = conversation(50_000, f"m{done} ")
        way.call(body)
        done += 1
    return {"rss_mb": resident_mb(pid), "rss_before_mb": before, "requests": float(done)}
