"""What the proxy and the wrap cost, side by side with going direct: `python -m headroom_wrap.evals.bench`.

Requests go one at a time over one kept connection, the ways in turn, so that a noisy machine disturbs all alike. The
provider is the emulator in a process of its own. Times are in milliseconds.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from headroom_wrap import paths
from headroom_wrap.emulator.demo import API_KEY, LOG_FILE

SIZES = {"1 KB": 1_000, "50 KB": 50_000, "500 KB": 500_000}
_HEADERS = {"x-api-key": API_KEY, "anthropic-version": "2023-06-01", "content-type": "application/json"}
_TOOLS = [{"name": "Bash", "description": "Run a command.", "input_schema": {"type": "object"}}]
_WARM_UP = 5


@contextmanager
def serving(*argv: str, env: dict[str, str] | None = None) -> Iterator[str]:
    """Start a server that prints its URL in its first line, and end it."""
    process = subprocess.Popen(
        [sys.executable, "-m", *argv],
        env={**os.environ, **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        line = process.stdout.readline() if process.stdout else ""
        yield next(word for word in line.split() if word.startswith("http://"))
    finally:
        process.terminate()
        process.wait(10)


def conversation(size: int, seed: str = "", *, stream: bool = False) -> bytes:
    """A request of about `size` bytes, with turns of log output as an agent sends them; `seed` makes it another."""
    messages: list[dict[str, Any]] = [{"role": "user", "content": f"Find the cause. {seed} [[say done]]"}]
    log, n_chars, number = LOG_FILE.read_text(encoding="utf-8").splitlines(), 0, 0
    while n_chars < size - 2_000:
        lines = [f"{seed}{line}" for line in log[number % 100 : number % 100 + 60]]
        use = {
            "type": "tool_use",
            "id": f"toolu_{seed}{number}",
            "name": "Bash",
            "input": {"command": f"tail {number}"},
        }
        result = {"type": "tool_result", "tool_use_id": use["id"], "content": "\n".join(lines)}
        messages += [{"role": "assistant", "content": [use]}, {"role": "user", "content": [result]}]
        n_chars += sum(map(len, lines))
        number += 1
    body = {"model": "claude-opus-4-8", "max_tokens": 100, "messages": messages, "tools": _TOOLS, "stream": stream}
    return json.dumps(body).encode()


class Way:
    """One way to the provider, over one kept connection."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)

    def call(self, body: bytes) -> tuple[float, float]:
        """Milliseconds to the first byte of the answer's body, and to its end."""
        start = time.perf_counter()
        self._connection.request("POST", "/v1/messages", body, _HEADERS)
        response = self._connection.getresponse()
        response.read1(1)
        first = time.perf_counter()
        response.read()
        if response.status != http.client.OK:
            raise RuntimeError(f"the provider answered {response.status}")
        return (first - start) * 1e3, (time.perf_counter() - start) * 1e3


def compare(ways: dict[str, Way], body: Callable[[int], bytes], rounds: int) -> dict[str, dict[str, float]]:
    """Percentiles of each way, and what each adds to the first one's median."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for number in range(rounds + _WARM_UP):
        for name, way in ways.items():
            measured = way.call(body(number))
            if number >= _WARM_UP:
                times[name].append(measured)
    rows = {}
    for name, measured_all in times.items():
        ends = [end for _, end in measured_all]
        rows[name] = {
            "p50_ms": statistics.median(ends),
            "p95_ms": _p95(ends),
            "first_byte_p50_ms": statistics.median(first for first, _ in measured_all),
        }
    base = rows[next(iter(rows))]
    for row in rows.values():
        row["added_p50_ms"] = row["p50_ms"] - base["p50_ms"]
        row["added_first_byte_p50_ms"] = row["first_byte_p50_ms"] - base["first_byte_p50_ms"]
    return rows


def time_command(argv: Sequence[str], rounds: int, env: dict[str, str] | None = None) -> dict[str, float]:
    """Percentiles of a whole command."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        subprocess.run(argv, env={**os.environ, **(env or {})}, capture_output=True, check=True)
        times.append((time.perf_counter() - start) * 1e3)
    return {"p50_ms": statistics.median(times), "p95_ms": _p95(times)}


def time_to_exec(rounds: int, folder: Path) -> dict[str, float]:
    """From the start of `headroom wrap claude` to the agent's first instruction; the agent only writes the time."""
    program = folder / "claude"
    program.write_text(f"#!{sys.executable} -IS\nimport time; print(time.time())\n", encoding="utf-8")
    program.chmod(0o755)
    env = {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", paths.HOME_VARIABLE: str(folder / "data")}
    times = []
    for _ in range(rounds):
        start = time.time()
        argv = [sys.executable, "-m", "headroom_wrap", "wrap", "claude"]
        done = subprocess.run(argv, env=env, capture_output=True, text=True, check=True)
        times.append((float(done.stdout) - start) * 1e3)
    return {"p50_ms": statistics.median(times), "p95_ms": _p95(times)}


def measure(rounds: int) -> dict[str, Any]:
    """All figures."""
    report: dict[str, Any] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        provider = stack.enter_context(serving("headroom_wrap.emulator"))
        env = {paths.HOME_VARIABLE: str(folder / "proxy"), "HEADROOM_ANTHROPIC_URL": provider}
        ours = stack.enter_context(serving("headroom_wrap", "proxy", "--port", "0", env=env))
        ways = {"direct": Way(provider), "headroom": Way(ours)}
        for name, size in SIZES.items():
            known = conversation(size)
            report[f"{name}, known history"] = compare(ways, lambda _number, known=known: known, rounds)  # type: ignore[misc]
        streamed = conversation(1_000, stream=True)
        report["1 KB, streamed"] = compare(ways, lambda _number: streamed, rounds)
        fresh = [conversation(50_000, seed=f"n{number} ") for number in range(20 + _WARM_UP)]
        report["50 KB, all new"] = compare(ways, lambda number: fresh[number], 20)
        (folder / "bin").mkdir()
        report["headroom --version"] = {
            "headroom": time_command([sys.executable, "-m", "headroom_wrap", "--version"], 9)
        }
        report["headroom --help"] = {"headroom": time_command([sys.executable, "-m", "headroom_wrap", "--help"], 9)}
        report["wrap: start to exec"] = {"headroom": time_to_exec(9, folder / "bin")}
    return report


def table(report: dict[str, Any]) -> str:
    """The report as aligned text."""
    lines = [f"{'':<26}{'':<10}{'p50 ms':>9}{'p95 ms':>9}{'added':>9}{'first byte':>12}{'added':>9}"]
    for name, rows in report.items():
        for way, row in rows.items():
            cells = [
                row.get(key)
                for key in ("p50_ms", "p95_ms", "added_p50_ms", "first_byte_p50_ms", "added_first_byte_p50_ms")
            ]
            texts = ["" if cell is None else f"{cell:.2f}" for cell in cells]
            lines.append(f"{name:<26}{way:<10}{texts[0]:>9}{texts[1]:>9}{texts[2]:>9}{texts[3]:>12}{texts[4]:>9}")
            name = ""  # noqa: PLW2901 - a name stands once
    return "\n".join(lines)


def main() -> int:
    """Measure, print the table, write JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200, help="requests per way and size")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    report = measure(options.rounds)
    sys.stdout.write(table(report) + "\n")
    if options.json:
        options.json.write_text(json.dumps(report, indent=1), encoding="utf-8")
    return 0


def _p95(times: Sequence[float]) -> float:
    return sorted(times)[int(len(times) * 0.95)]


if __name__ == "__main__":
    raise SystemExit(main())
