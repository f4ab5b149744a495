"""What agents are asked to do in end-to-end runs, and what must come out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.e2e.canaries import BODIES

FATAL = "2026-03-01T02:11:07Z FATAL ledger: page 7713 is torn, refusing to write"
HIDDEN = "INFO worker-2 finished batch 131 in 41 ms"


@dataclass(frozen=True, slots=True)
class Task:
    """One task.

    Attributes:
        prompt: with the directives for the emulated model.
        n_calls: how many model calls the conversation takes.
        answer: what the final answer contains.
        compresses: whether at least one block must have been replaced.
    """

    name: str
    prompt: str
    n_calls: int
    answer: str
    compresses: bool = True


WORKS = Task(
    "works",
    'Look it up. [[tool Bash {"command":"grep -rn compute src | sort"}]] [[find compute(value_141)]]',
    2,
    "value_142 =",
)
FAILS = Task("fails", 'Try it. [[tool Bash {"command":"sed -n 170,280p app.log; exit 3"}]] [[find torn]]', 2, FATAL)
LARGE = Task("large", 'Why did it stop? [[tool Bash {"command":"cat app.log"}]] [[find FATAL]]', 2, FATAL)
TURNS = Task(
    "turns",
    'Step by step. [[repeat 12 Bash {"command":"head -n 1{i} app.log; cat app.log"}]] [[find FATAL]]',
    13,
    FATAL,
)
RETRIEVES = Task(
    "retrieves",
    f'Look behind the marks. [[tool Bash {{"command":"cat app.log"}}]] [[retrieve]] [[find {HIDDEN}]]',
    3,
    HIDDEN,
)
TASKS = (WORKS, FAILS, LARGE, TURNS, RETRIEVES)


def write_files(folder: Path) -> None:
    """The files that the tasks speak of. Claude Code itself cuts results at 30,000 characters, failed at 10,000."""
    package = folder / "src" / "pkg"
    package.mkdir(parents=True)
    for number in range(15):
        lines = [f"value_{i} = compute(value_{i - 1})" for i in range(number * 20, number * 20 + 20)]
        lines += [f"SALT = {BODIES['source']!r}"] * (number == 7)
        (package / f"module_{number:02d}.py").write_text("\n".join(lines) + "\n", encoding="utf-8")
    log = [
        f"2026-03-01T02:{i // 60:02d}:{i % 60:02d}Z INFO worker-{i % 4} finished batch {i} in {20 + i * 7 % 50} ms"
        for i in range(400)
    ]
    log[131] = f"2026-03-01T02:02:11Z {HIDDEN}"
    log[300] += f" for {BODIES['batch']}"
    log[350] = f"2026-03-01T02:05:50Z ERROR ledger: no access with {BODIES['error']}"
    log.insert(220, FATAL)
    (folder / "app.log").write_text("\n".join(log) + "\n", encoding="utf-8")
