"""`python -m headroom_wrap.evals.bench.kinds`: processor time to compress 100 kB of each bundled output, no proxy.

The best of several runs, in milliseconds for 100 kB; each output is repeated until it is so long, which makes those
that come in several parts slower than they are.
"""

from __future__ import annotations

import argparse
import time

from headroom_wrap.compression import markers, router
from headroom_wrap.compression.model import Hints, Level
from headroom_wrap.evals.workloads import Workload, bundled

N_CHARS = 100_000
LEVELS = (Level.SAFE, Level.BALANCED, Level.AGGRESSIVE)


def milliseconds(workload: Workload, level: Level, rounds: int, n_chars: int = N_CHARS) -> float:
    """The best of `rounds`, after one that does not count: it loads grammars and models."""
    text = workload.text() + "\n"
    text = (text * (n_chars // len(text) + 1))[:n_chars]
    marker = markers.elision if level.may_elide else None
    hints = Hints(workload.tool, workload.arguments, workload.goal, marker=marker, level=level)
    times = []
    for _ in range(rounds + 1):
        # Of this process alone: what else runs on the machine counts less.
        start = time.process_time()
        router.compress(text, hints)
        times.append(time.process_time() - start)
    return min(times[1:]) * 1e3


def main() -> int:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="runs of which the best counts, 5 unless told")
    rounds = max(parser.parse_args().rounds, 1)
    print(f"{'output':18}" + "".join(f"{level.value:>12}" for level in LEVELS))  # noqa: T201
    for workload in bundled():
        figures = (milliseconds(workload, level, rounds) for level in LEVELS)
        print(f"{workload.name:18}" + "".join(f"{figure:12.1f}" for figure in figures), flush=True)  # noqa: T201
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
