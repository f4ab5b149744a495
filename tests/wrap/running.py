"""Start the driver with a badly behaved child, with and without a terminal, and see what is left of it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pexpect
import psutil

from headroom_wrap.wrap.terminal import RESET_SEQUENCE

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
LIMIT_S = 3.0
PROMPT = "READY> "
IN_OWN_GROUP = (
    *(sys.executable, "-I", "-S", "-c"),
    "import os, sys; os.setpgid(0, 0); os.execv(sys.argv[1], sys.argv[1:])",
)
IGNORING_SIGHUP = ("/bin/sh", "-c", 'trap "" HUP; exec "$@"', "sh")
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "PYTHONPATH": str(ROOT),
    "PYTHONDONTWRITEBYTECODE": "1",
    "TERM": "xterm",
    "PS1": PROMPT,
    "LC_ALL": "C.UTF-8",
}


def until(condition: Callable[[], bool], what: str, limit_s: float = 10.0) -> None:
    """Wait for a condition; fail when it does not come true."""
    end_s = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > end_s:
            message = f"not within {limit_s} s: {what}"
            raise AssertionError(message)
        time.sleep(0.005)


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def is_open(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
        return connection.recv(16) == b"alive\n"
    return False


@dataclass
class Scene:
    """One driver with its child; `folder` is where both say what they do."""

    folder: Path
    options: tuple[str, ...] = ()
    home: Path = field(init=False)
    pids: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.home = self.folder / "home"
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "config.toml").write_bytes(b"the user's own\n")

    def argv(self, kind: str, *arguments: object) -> list[str]:
        child = [sys.executable, "-I", "-S", str(HERE / "bad_children.py"), kind, str(self.folder)]
        driver = [sys.executable, str(HERE / "driver.py"), "--folder", str(self.folder), *self.options]
        driver += ["--home", str(self.home)]
        return [*driver, "--", *child, *map(str, arguments)]

    def line(self, kind: str, *arguments: object) -> str:
        return shlex.join(self.argv(kind, *arguments))

    def said(self, name: str) -> str:
        """What the child said under this name, once it has."""
        file = self.folder / name
        until(lambda: file.exists() and file.read_text(encoding="utf-8") != "", f"the child says {name}")
        return file.read_text(encoding="utf-8")

    def pid(self, name: str) -> int:
        pid = int(self.said(name).split()[0])
        self.pids.add(pid)
        return pid

    @property
    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(self.said("state.json"))
        return state

    @property
    def wrapper(self) -> int:
        return int(self.state["wrapper"])

    def guard(self) -> int:
        """The guard's pid, once it waits (it has closed what it inherited by then, and moved to the root)."""

        def found() -> list[int]:
            pids = []
            with contextlib.suppress(psutil.Error):
                for process in psutil.Process(self.wrapper).children():
                    is_guard = any(part.endswith("guard.py") for part in process.cmdline())
                    pids += [process.pid] * (is_guard and process.cwd() == "/")
            return pids

        until(lambda: bool(found()), "a guard")
        return found()[0]

    def ready(self, *names: str) -> None:
        """Wait until the child runs, with its descendants, and the guard."""
        for name in names or ("child",):
            self.pid(name)
        self.pids |= {self.wrapper, self.guard()}
        assert is_open(self.state["port"])
        assert (self.folder / "config.toml").read_bytes() == b"edited\n"

    def assert_nothing_is_left(self, since_s: float) -> None:
        """Within three seconds of `since_s`: no process, port, directory or edit of ours."""
        left = since_s + LIMIT_S - time.monotonic()
        until(lambda: not any(map(is_alive, self.pids)), f"all of {self.pids} gone", left)
        left = since_s + LIMIT_S - time.monotonic()
        until(lambda: not Path(self.state["directory"]).exists(), "the session's directory gone", left)
        assert not is_open(self.state["port"])
        assert not list((self.home / "sessions").glob(f"{self.state['session']}*"))
        assert (self.folder / "config.toml").read_bytes() == b"the user's own\n"

    def end_all(self) -> None:
        """After a failed test."""
        for file in self.folder.iterdir():
            with contextlib.suppress(ValueError, IndexError, OSError):
                if file.is_file():
                    self.pids.add(int(file.read_text(encoding="utf-8").split()[0]))
        with contextlib.suppress(OSError, ValueError):
            self.pids.add(int(json.loads((self.folder / "state.json").read_bytes())["wrapper"]))
        for pid in self.pids:
            with contextlib.suppress(psutil.Error):
                if str(self.folder) in " ".join(psutil.Process(pid).cmdline()):
                    os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def without_terminal(
    scene: Scene, kind: str, *arguments: object, launcher: tuple[str, ...] = (), **popen: Any
) -> Iterator[subprocess.Popen[bytes]]:
    """The driver with pipes, in a session of its own."""
    argv = [*launcher, *scene.argv(kind, *arguments)]
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with subprocess.Popen(argv, env=ENVIRONMENT, **{"start_new_session": True, **pipes, **popen}) as process:
        try:
            yield process
        finally:
            scene.end_all()
            process.kill()


class Shell:
    """An interactive bash on a pseudo-terminal."""

    def __init__(self) -> None:
        argv = ["--norc", "--noprofile", "-i"]
        env: Any = ENVIRONMENT
        self.tty = pexpect.spawn("bash", argv, env=env, encoding="utf-8", timeout=10, echo=True, dimensions=(24, 200))
        self.tty.delaybeforesend = None
        self.shown = io.StringIO()
        self.tty.logfile_read = self.shown
        self.tty.expect_exact(PROMPT)
        self.run("bind 'set enable-bracketed-paste off'")

    def start(self, line: str) -> None:
        """Type a command."""
        self.tty.sendline(line)
        self.tty.expect_exact("\n")

    def prompt(self) -> str:
        """Wait for the prompt; what was printed before it."""
        self.tty.expect_exact(PROMPT)
        return str(self.tty.before)

    def run(self, line: str) -> str:
        self.start(line)
        return self.prompt().strip()

    def status(self) -> int:
        return int(self.run("echo $?"))

    def modes(self) -> str:
        """The modes that a command gets from the shell."""
        return self.run("stty -g")

    def was_reset(self) -> bool:
        """Whether the terminal was reset, in anything that it has shown up to now."""
        self.run("true")
        return RESET_SEQUENCE.decode() in self.shown.getvalue()

    def close(self) -> None:
        self.tty.close(force=True)


@contextlib.contextmanager
def shell(scene: Scene) -> Iterator[Shell]:
    bash = Shell()
    try:
        yield bash
    finally:
        scene.end_all()
        bash.close()


@contextlib.contextmanager
def bare_terminal(scene: Scene, kind: str, *arguments: object) -> Iterator[pexpect.spawn[str]]:
    """The driver under a shell without job control, which keeps the terminal open after it."""
    line = f"{scene.line(kind, *arguments)}; echo status=$?; exec tail -f /dev/null"
    env: Any = ENVIRONMENT
    tty = pexpect.spawn("/bin/sh", ["-c", line], env=env, encoding="utf-8", timeout=10, dimensions=(24, 200))
    try:
        yield tty
    finally:
        scene.end_all()
        tty.close(force=True)


def hang_up(tty: pexpect.spawn[str]) -> None:
    """What closing the window does; pexpect's own close would send signals besides."""
    process: Any = tty
    process.ptyproc.fileobj.close()


def modes_of(tty: pexpect.spawn[str]) -> list[Any]:
    return termios.tcgetattr(tty.child_fd)
