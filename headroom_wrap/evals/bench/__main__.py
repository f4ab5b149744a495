"""`python -m headroom_wrap.evals.bench`: measure, print two tables, write JSON where asked.

Requests go one at a time over kept connections, the ways in turn with `direct`. The peer is compared with `direct` in a
turn of its own, so that whatever it does in the background disturbs nobody else. Times are in milliseconds; `added` is
over going direct in the same turn. Nothing leaves this machine.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import headroom_wrap
from headroom_wrap.evals.bench import commands, servers
from headroom_wrap.evals.bench.figures import (
    DIRECT,
    MEMORY,
    OURS,
    THROUGHPUT,
    Figures,
    Report,
    budget_table,
    judged,
    table,
    with_added,
)
from headroom_wrap.evals.bench.load import (
    FAILURES,
    Bounds,
    Way,
    compare,
    compare_delays,
    conversation,
    memory_under_load,
    reason,
)
from headroom_wrap.evals.bench.servers import Server, Start
from headroom_wrap.evals.bench.wrk import throughput

PEER = "headroom-ai"
SIZES = {"1 KB": 1_000, "50 KB": 50_000, "500 KB": 500_000}
_N_CLIENTS = 32


@dataclass(frozen=True, slots=True)
class Turn:
    """The servers of one turn, and why others could not be started."""

    servers: dict[str, Server] = field(default_factory=dict)
    not_run: dict[str, str] = field(default_factory=dict)

    def ways(self) -> dict[str, Way]:
        """A connection to each."""
        return {name: Way(server.url) for name, server in self.servers.items()}


@dataclass(frozen=True, slots=True)
class Bench:
    """What is compared in one turn, and where files and figures go; `rounds` per way, fewer of what is large."""

    starts: Mapping[str, Start]
    rounds: int
    folder: Path
    report: Report

    def run(self) -> None:
        """All that is measured of servers."""
        self.folder.mkdir()
        with self._before(servers.emulator) as turn:
            self._latency(turn)
        with self._before(servers.plain_provider) as turn:
            self._weight(turn)
        with self._before(servers.nginx_provider) as turn:
            self._throughput(turn)

    def _latency(self, turn: Turn) -> None:
        """Whole answers, and the first byte of a stream, from a provider that reads the prompt."""
        ways, few = turn.ways(), max(self.rounds // 10, 1)
        self._known(turn, ways, "known")
        for name, size in SIZES.items():
            self._add(turn, f"{name}, new", compare(ways, _fresh(size, f"n{size}-"), Bounds(few)))
        result = _fresh(100_000, "r", n_lines=100_000)
        self._add(turn, "100 KB result, first sight", compare(ways, result, Bounds(few)))
        streamed = conversation(1_000, "s", stream=True)
        self._add(turn, "1 KB, streamed", compare(ways, _same(streamed), Bounds(self.rounds)))

    def _known(self, turn: Turn, ways: Mapping[str, Way], title: str) -> None:
        for name, size in SIZES.items():
            rounds = self.rounds if size < SIZES["500 KB"] else max(self.rounds // 4, 1)
            known = conversation(size, "k ")
            self._add(turn, f"{name}, {title}", compare(ways, _same(known), Bounds(rounds)))

    def _weight(self, turn: Turn) -> None:
        """Memory, events, and a very large body, from a provider that does next to nothing."""
        ways = turn.ways()
        self._add(turn, MEMORY, {})
        for name, server in turn.servers.items():
            if server.pid:
                run = partial(memory_under_load, ways[name], server.pid, self.rounds * 10, 180)
                self._add(turn, MEMORY, {name: figures_of(run)})
        self._known(turn, ways, "known, light provider")
        streamed = conversation(1_000, "e", stream=True)
        self._add(turn, "delay per event", compare_delays(ways, streamed, Bounds(3, warm_up=1)))
        large = _fresh(20_000_000, "l")
        self._add(turn, "20 MB, new", compare(ways, large, Bounds(3, warm_up=0)))
        self._add(turn, "20 MB, known", compare(ways, _same(large(0)), Bounds(3, warm_up=1)))

    def _throughput(self, turn: Turn) -> None:
        """Requests of 1 KB from many clients at once, from a provider that is faster than all before it."""
        body = conversation(1_000, "t")
        self._add(turn, THROUGHPUT, {})
        for name, server in turn.servers.items():
            run = partial(throughput, server.url, body, self.folder, n_clients=_N_CLIENTS, seconds=6)
            self._add(turn, THROUGHPUT, {name: figures_of(run)})

    @contextmanager
    def _before(self, provider: Callable[[Path], AbstractContextManager[Server]]) -> Iterator[Turn]:
        """The servers of all ways before a provider; a way that cannot be started is left out, with the reason."""
        turn = Turn()
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        with ExitStack() as stack:

            def enter(name: str, server: Callable[[], AbstractContextManager[Server]]) -> Server | None:
                try:
                    return stack.enter_context(server())
                except FAILURES as error:
                    turn.not_run[name] = reason(error)
                    return None

            if upstream := enter("provider", partial(provider, folder)):
                for name, start in self.starts.items():
                    if server := enter(name, partial(start, upstream.url, folder)):
                        turn.servers[name] = server
            yield turn

    def _add(self, turn: Turn, measure: str, rows: Mapping[str, Figures | str]) -> None:
        """Report the rows of one measure; `direct` keeps the figures of its first turn."""
        rows = {**turn.not_run, **(with_added(rows) if DIRECT in rows else rows)}
        kept = self.report.setdefault(measure, {})
        for name, row in rows.items():
            kept.setdefault(name, row)
        _say(f"measured: {measure}: {', '.join(rows)}")


def measure_commands(folder: Path, peer: Path | None, report: Report) -> None:
    """What a user waits for in front of a terminal."""
    homes = {name: folder / name for name in ("ours", "peer", "exec", "peers-exec")}
    for home in homes.values():
        home.mkdir(parents=True)
    env = servers.environment(homes["ours"])
    for word in ("--version", "--help"):
        rows = report.setdefault(f"headroom {word}", {})
        rows[OURS] = figures_of(partial(commands.time_command, (*commands.OURS, word), env, 15))
        if peer:
            argv = (str(peer / "bin" / "headroom"), word)
            env_of_peer = servers.peer_environment(homes["peer"])
            rows[PEER] = figures_of(partial(commands.time_command, argv, env_of_peer, 5))
    rows = report.setdefault("wrap: start to exec", {})
    rows[OURS] = figures_of(partial(commands.our_time_to_exec, homes["exec"], 9))
    if peer:
        rows[PEER] = figures_of(partial(commands.peers_time_to_exec, peer, homes["peers-exec"], 2))
    _say("measured: commands")


def figures_of(run: Callable[[], Figures]) -> Figures | str:
    """The figures of one measurement, or why there are none."""
    try:
        return run()
    except FAILURES as error:
        return reason(error)


def measure(rounds: int, peer: Path | None, environment: Path | None) -> Report:
    """All figures; `peer` and `environment` are virtual environments, the peer's and ours."""
    report: Report = {}
    with tempfile.TemporaryDirectory(prefix="headroom-bench-") as name:
        folder = Path(name)
        ways: dict[str, Start] = {DIRECT: servers.direct, "nginx": servers.nginx, OURS: servers.headroom}
        measure_commands(folder / "commands", peer, report)
        Bench(ways, rounds, folder / "first", report).run()
        if peer:
            turn: dict[str, Start] = {DIRECT: servers.direct, PEER: servers.peer(peer)}
            Bench(turn, rounds, folder / "second", report).run()
    for way, venv in ((OURS, environment), (PEER, peer)):
        if venv:
            report.setdefault("installed", {})[way] = figures_of(partial(commands.installed, venv))
    return report


def main() -> int:
    """Measure, print the tables, write JSON where asked."""
    parser = argparse.ArgumentParser(prog="python -m headroom_wrap.evals.bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=200, help="requests per way and size, 200 unless told")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--peer", type=Path, help="virtual environment with headroom-ai")
    parser.add_argument("--no-peer", action="store_true", help="leave the peer out")
    parser.add_argument("--environment", type=Path, help="virtual environment of ours, whose size is told")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    report = measure(options.rounds, None if options.no_peer else options.peer, options.environment)
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
    print(f"headroom {headroom_wrap.__version__}; {machine}; load {os.getloadavg()[0]:.1f}\n\n{table(report)}\n")  # noqa: T201
    print(budget_table(report))  # noqa: T201
    if options.json:
        verdicts = {f"{budget.measure}: {budget.figure}": verdict for budget, _, verdict in judged(report)}
        data = {"machine": machine, "figures": report, "budgets": verdicts}
        options.json.write_text(json.dumps(data, indent=1), encoding="utf-8")
    return 0


def _same(body: bytes) -> Callable[[int], bytes]:
    return lambda _: body


def _fresh(size_bytes: int, seed: str, n_lines: int = 60) -> Callable[[int], bytes]:
    """A conversation of its own for every request."""
    return lambda number: conversation(size_bytes, f"{seed}{number} ", n_lines=n_lines)


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    raise SystemExit(main())
