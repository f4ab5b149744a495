"""Throughput, by wrk."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from headroom_wrap.evals.bench.figures import Figures
from headroom_wrap.evals.bench.load import HEADERS, PATH
from headroom_wrap.evals.bench.servers import NotRunError, tool

_SCALE = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4, "h": 3.6e6}
_RATE = re.compile(r"^Requests/sec:\s+([\d.]+)", re.MULTILINE)
_LATENCY = re.compile(r"^\s+(50|99)%\s+([\d.]+)(us|ms|s|m|h)$", re.MULTILINE)
_BAD_STATUS = re.compile(r"^\s+Non-2xx or 3xx responses: (\d+)", re.MULTILINE)
_SOCKET_ERRORS = re.compile(r"^\s+Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", re.MULTILINE)


def parse(output: str) -> Figures:
    """The figures of `wrk --latency`: requests per second, latencies in milliseconds, failed requests.

    Raises:
        NotRunError: this is not what wrk prints.
    """
    rate = _RATE.search(output)
    if not rate:
        raise NotRunError(f"wrk said: {output.strip()[-120:]}")
    latency = {f"p{percent}_ms": float(number) * _SCALE[unit] for percent, number, unit in _LATENCY.findall(output)}
    bad, errors = _BAD_STATUS.search(output), _SOCKET_ERRORS.search(output)
    failed = (int(bad[1]) if bad else 0) + (sum(map(int, errors.groups())) if errors else 0)
    return {"requests_per_s": float(rate[1]), **latency, "failed": float(failed)}


def throughput(url: str, body: bytes, folder: Path, *, n_clients: int, seconds: int) -> Figures:
    """POST `body` from `n_clients` connections for a warm-up of one second and then for `seconds`.

    Raises:
        NotRunError: there is no wrk.
    """
    program = tool("wrk", "wrk")
    (folder / "body.json").write_bytes(body)
    script = folder / "post.lua"
    headers = "".join(f'wrk.headers["{name}"] = "{value}"\n' for name, value in HEADERS.items())
    script.write_text(
        f'wrk.method = "POST"\nwrk.body = io.open("{folder / "body.json"}", "rb"):read("*a")\n{headers}',
        encoding="utf-8",
    )
    output = ""
    for duration_s in (1, seconds):
        argv = [
            program,
            "-t1",
            f"-c{n_clients}",
            f"-d{duration_s}s",
            "--timeout",
            "10s",
            "--latency",
            "-s",
            str(script),
        ]
        done = subprocess.run([*argv, url + PATH], capture_output=True, text=True, check=False, timeout=duration_s + 30)
        output = done.stdout + done.stderr
    return parse(output)
