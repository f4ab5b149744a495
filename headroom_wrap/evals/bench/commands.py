"""How long commands take: the whole of one, and `wrap` until the agent runs."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

from headroom_wrap import paths
from headroom_wrap.evals.bench.figures import Figures, p50, p95
from headroom_wrap.evals.bench.servers import NotRunError, environment, free_port, peer_environment, program_in

OURS = (sys.executable, "-m", "headroom_wrap")
_PEERS_WRAP = ("wrap", "claude", "--no-mcp", "--code-memory", "none", "--port")
_LIMIT_S = 90


def time_command(argv: Sequence[str], env: Mapping[str, str], rounds: int) -> Figures:
    """Percentiles of a whole command, after one that does not count.

    Raises:
        NotRunError: it fails or does not end.
    """
    times = []
    for _ in range(rounds + 1):
        start = time.perf_counter()
        _run(argv, env)
        times.append((time.perf_counter() - start) * 1e3)
    return {"p50_ms": p50(times[1:]), "p95_ms": p95(times[1:]), "n": float(rounds)}


def our_time_to_exec(folder: Path, rounds: int) -> Figures:
    """From the start of `headroom wrap claude` to the first instruction of an agent that only writes the time."""
    env = environment(folder, **{paths.HOME_VARIABLE: str(folder / "data")})
    with _agent(folder, env) as written:
        return _time_to_exec([(*OURS, "wrap", "claude")] * (rounds + 1), env, written)


def peers_time_to_exec(venv: Path, folder: Path, rounds: int) -> Figures:
    """The same for the peer, each time on a free port; what it leaves running is ended."""
    env = peer_environment(folder)
    program = str(program_in(venv))
    with _agent(folder, env) as written, _nothing_left(folder):
        commands = [(program, *_PEERS_WRAP, str(free_port())) for _ in range(rounds + 1)]
        return _time_to_exec(commands, env, written)


def installed(folder: Path) -> Figures:
    """Size of an environment's files, and of what was there before: `pip` and, below Python 3.12, setuptools.

    Raises:
        NotRunError: there is no `headroom` in it.
    """
    program_in(folder)
    with tempfile.TemporaryDirectory() as empty:
        venv.create(empty, with_pip=True)
        before = _megabytes(Path(empty))
    return {"mb": _megabytes(folder) - before, "environment_mb": before}


def _megabytes(folder: Path) -> float:
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir()) / 1e6


def _time_to_exec(commands: Sequence[Sequence[str]], env: Mapping[str, str], written: Path) -> Figures:
    times = []
    for argv in commands:
        written.unlink(missing_ok=True)
        start = time.time()
        _run(argv, env)
        try:
            times.append((float(written.read_text("utf-8")) - start) * 1e3)
        except OSError as error:
            raise NotRunError("the agent was not started") from error
    return {"p50_ms": p50(times[1:]), "p95_ms": p95(times[1:]), "n": float(len(times) - 1)}


@contextmanager
def _agent(folder: Path, env: dict[str, str]) -> Iterator[Path]:
    """Put a `claude` first on the path; gives the file into which it writes the time."""
    written, program = folder / "started", folder / "bin" / "claude"
    program.parent.mkdir(parents=True)
    code = f"import time; open({str(written)!r}, 'w').write(str(time.time()))"
    program.write_text(f"#!{sys.executable} -IS\n{code}\n", encoding="utf-8")
    program.chmod(0o755)
    env["PATH"] = f"{program.parent}:{env['PATH']}"
    yield written


@contextmanager
def _nothing_left(home: Path) -> Iterator[None]:
    """End the processes that were started with this HOME, which nothing else has."""
    try:
        yield
    finally:
        left = [process for process in psutil.process_iter() if _home_of(process) == str(home)]
        for process in left:
            process.terminate()
        for process in psutil.wait_procs(left, 10)[1]:
            process.kill()


def _home_of(process: psutil.Process) -> str | None:
    try:
        return process.environ().get("HOME")
    except (psutil.Error, OSError):
        return None


def _run(argv: Sequence[str], env: Mapping[str, str]) -> None:
    # Output goes to a file: what a command leaves running would keep a pipe open.
    log = Path(env["HOME"]) / "command.log"
    try:
        with log.open("wb") as output:
            subprocess.run(
                argv, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=True, timeout=_LIMIT_S
            )
    except subprocess.TimeoutExpired as error:
        raise NotRunError(f"not done after {_LIMIT_S} s") from error
    except subprocess.CalledProcessError as error:
        lines = log.read_text("utf-8", "replace").strip().splitlines() or ["it said nothing"]
        raise NotRunError(f"exit code {error.returncode}: {lines[-1][:120]}") from error
