"""`python -m headroom_wrap.evals.history FOLDER`: how long a history of transcripts takes to read, and how much memory.

With `--generate SIZE` it first writes one: a home with sessions of Claude Code and Codex in the form of their own
transcripts, results of 1 to 100 kB, failures, images, and lines that no reader needs.
"""

from __future__ import annotations

import argparse
import base64
import json
import random
import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headroom_wrap.agents import Context
from headroom_wrap.learn import miner
from headroom_wrap.learn.history import Mine, Progress, sightings
from headroom_wrap.learn.readers import READERS
from headroom_wrap.store import Store

_UNITS = {"KB": 10**3, "MB": 10**6, "GB": 10**9}
_SIZES = (1_000, 100_000)
_N_TEXTS = 300
_N_TURNS = 12
_CALLS_PER_TURN = 10
_FAILING = 0.15
_IMAGES = 0.01
_IMAGE_BYTES = 200_000
_NOT_FOUND = "/bin/bash: line 1: python: command not found"
_DAY_S = 86_400
_NOW = 1_790_000_000
_WORDS = (
    "value", "index", "error", "return", "self", "request", "module", '"quoted"', "path/to/file.py", "\\d+", "überall",
    "assert", "0x7f3a", "import", "=>", "{", "}", "timeout", "worker", "done", "failed", "ok", "…", "line",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Measured:
    """One reading of a history: seconds, and what was read."""

    duration_s: float
    n_bytes: int
    n_files: int
    n_sessions: int
    n_bad: int
    n_sightings: int


def generate(home: Path, size_bytes: int, seed: int = 7) -> int:
    """Write transcripts of about this size in all below `home`; gives the bytes written."""
    chance = random.Random(seed)  # noqa: S311 - the same history every time
    texts = [_text(chance) for _ in range(_N_TEXTS)]
    image = base64.b64encode(chance.randbytes(_IMAGE_BYTES)).decode()
    n_bytes = number = 0
    while n_bytes < size_bytes:
        number += 1
        project = home / "work" / f"project-{number % 9}"
        write = (_claude, _codex)[number % 2]
        file = _place(home, project, number, write is _claude)
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("w", encoding="utf-8") as opened:
            for line in write(chance, texts, image, project, number):
                n_bytes += opened.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")
    return n_bytes


def measure(home: Path, store: Store, mine: Mine) -> Measured:
    """Read all transcripts below `home`."""
    last = Progress(0, 0, None, 0, 0, 0)

    def keep(progress: Progress) -> None:
        nonlocal last
        last = progress

    began = time.perf_counter()
    context = Context((), {}, home, home)
    n_sightings = sum(1 for _ in sightings(READERS, context, store, mine, miner=miner.VERSION, progress=keep))
    duration_s = time.perf_counter() - began
    return Measured(duration_s, last.n_bytes, last.n_files, last.n_sessions, last.n_bad, n_sightings)


def main(words: Sequence[str] | None = None) -> int:
    """Generate if told to, read twice, print what it took; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m headroom_wrap.evals.history", description=__doc__)
    parser.add_argument("folder", type=Path, help="a home with transcripts; what is generated goes there")
    parser.add_argument("--generate", metavar="SIZE", type=_size, help="write about so much first: 200MB, 1GB")
    options = parser.parse_args(words)
    if options.generate:
        sys.stdout.write(f"generated  {generate(options.folder, options.generate) / 1e6:,.0f} MB\n")
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "store.db")
        for name in ("first run", "second run"):
            found = measure(options.folder, store, miner.mine)
            sys.stdout.write(
                f"{name:<10} {found.duration_s:6.1f} s  {found.n_bytes / 1e6:,.0f} MB, {found.n_files} transcripts, "
                f"{found.n_sessions} sessions, {found.n_sightings} sightings, {found.n_bad} bad lines\n"
            )
        store.close()
    own, others = (resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    sys.stdout.write(f"memory     {own:,.0f} MB at most, and {others:,.0f} MB in the largest child\n")
    return 0


def _size(text: str) -> int:
    unit = text[-2:].upper()
    if unit not in _UNITS:
        raise argparse.ArgumentTypeError(f"{text!r} is no size: 200MB, 1GB")
    return int(float(text[:-2]) * _UNITS[unit])


def _text(chance: random.Random) -> str:
    smallest, largest = _SIZES
    size = int(smallest * (largest / smallest) ** chance.random())
    lines, n_chars = [], 0
    while n_chars < size:
        line = " " * chance.choice((0, 4, 8)) + " ".join(chance.choices(_WORDS, k=chance.randint(2, 12)))
        lines.append(line)
        n_chars += len(line) + 1
    return "\n".join(lines)


def _place(home: Path, project: Path, number: int, is_claude: bool) -> Path:  # noqa: FBT001 - one of two
    if is_claude:
        return home / ".claude" / "projects" / str(project).replace("/", "-") / f"{number:08d}.jsonl"
    return home / ".codex" / "sessions" / "2026" / "09" / f"{number % 28 + 1:02d}" / f"rollout-{number:08d}.jsonl"


def _time(number: int, step: int) -> str:
    at = time.gmtime(_NOW - number % 90 * _DAY_S + step)
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", at)


def _is_planted(step: int) -> bool:
    return step % _CALLS_PER_TURN == 1


def _command(step: int) -> str:
    """Once in a turn an interpreter that is missing, and then the one that is there."""
    place = step % _CALLS_PER_TURN
    return {1: "python tools/check.py --all", 2: "python3 tools/check.py --all"}.get(place, f"make check-{step}")


def _claude(
    chance: random.Random, texts: Sequence[str], image: str, project: Path, number: int
) -> Iterator[dict[str, Any]]:
    step = 0
    common = {"isSidechain": False, "cwd": str(project), "sessionId": f"{number:08d}", "version": "2.1.197"}
    for turn in range(_N_TURNS):
        said = {"role": "user", "content": f"Please look at part {turn}."}
        yield {**common, "type": "user", "message": said, "timestamp": _time(number, step)}
        yield {**common, "type": "attachment", "attachment": {"type": "skill_listing", "content": texts[0][:5000]}}
        for _ in range(_CALLS_PER_TURN):
            step += 1
            id_, text = f"toolu_{number}_{step}", chance.choice(texts)
            call = {"type": "tool_use", "id": id_, "name": "Bash", "input": {"command": _command(step)}}
            thinking = {"type": "thinking", "thinking": text[:800], "signature": image[:400]}
            for block in (thinking, call):
                message = {"id": f"msg_{step}", "role": "assistant", "content": [block], "usage": {"input_tokens": 9}}
                yield {**common, "type": "assistant", "message": message, "timestamp": _time(number, step)}
            result = _claude_result(chance, step, text, image)
            result["message"]["content"][0]["tool_use_id"] = id_
            yield {**common, **result, "timestamp": _time(number, step)}


def _claude_result(chance: random.Random, step: int, text: str, image: str) -> dict[str, Any]:
    result: dict[str, Any] = {"type": "tool_result", "content": text, "is_error": False}
    details: object = {"stdout": text, "stderr": "", "interrupted": False}
    draw = chance.random()
    if _is_planted(step):
        result.update(content=f"Exit code 127\n{_NOT_FOUND}", is_error=True)
        details = f"Error: Exit code 127\n{_NOT_FOUND}"
    elif draw < _IMAGES:
        result["content"] = [{"type": "image", "source": {"type": "base64", "data": image}}]
        details = {"type": "image", "file": {"base64": image}}
    elif draw < _FAILING:
        result.update(content=f"Exit code 2\n{text}", is_error=True)
        details = f"Error: Exit code 2\n{text}"
    return {"type": "user", "message": {"role": "user", "content": [result]}, "toolUseResult": details}


def _codex(
    chance: random.Random, texts: Sequence[str], image: str, project: Path, number: int
) -> Iterator[dict[str, Any]]:
    step = 0

    def line(type_: str, **payload: Any) -> dict[str, Any]:
        return {"timestamp": _time(number, step), "type": type_, "payload": payload}

    yield line("session_meta", id=f"{number:08d}", cwd=str(project), base_instructions={"text": texts[0][:20_000]})
    for turn in range(_N_TURNS):
        yield line("turn_context", cwd=str(project), model="gpt-5.5")
        said = [{"type": "input_text", "text": f"Please look at part {turn}."}]
        yield line("response_item", type="message", role="user", content=said)
        for _ in range(_CALLS_PER_TURN):
            step += 1
            id_, text = f"call_{number}_{step}", chance.choice(texts)
            command = _command(step)
            exit_code = 127 if _is_planted(step) else 2 if chance.random() < _FAILING else 0
            text = _NOT_FOUND if _is_planted(step) else text
            yield line("response_item", type="reasoning", encrypted_content=image[:2000])
            arguments = json.dumps({"cmd": command})
            yield line("response_item", type="function_call", name="exec_command", arguments=arguments, call_id=id_)
            item = {
                "type": "CommandExecution", "id": id_, "command": ["/bin/bash", "-lc", command], "exit_code": exit_code,
                "cwd": f"file://{project}", "aggregated_output": text,
            }  # fmt: skip
            yield line("event_msg", type="item_completed", item=item)
            output = f"Chunk ID: ab\nWall time: 0.1 seconds\nProcess exited with code {exit_code}\nOutput:\n{text}"
            yield line("response_item", type="function_call_output", call_id=id_, output=output)
            yield line("event_msg", type="token_count", info={"total_token_usage": {"input_tokens": 9}})


if __name__ == "__main__":
    sys.exit(main())
