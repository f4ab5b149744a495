"""A tiny process that outlives the wrapper's sudden death and clears up after it.

It holds the reading end of a pipe whose writing end only the wrapper has. Each line in it is a JSON object of facts,
added to those known. When the pipe closes, the wrapper is dead: the terminal is restored, the child's tree ended, the
session recovered. A wrapper that ends in an orderly way kills its guard first.

The file is run as a script, without site-packages and with few imports, so that it starts in 10 ms.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import sys
import time
from pathlib import Path
from typing import Any

_GRACE_S = 1.0
_LIMIT_S = 2.8
_LOCK_LIMIT_S = 0.5
_MAX_STARTS = 100
_SESSION = "HEADROOM_SESSION"
"""As `sessions.SESSION_VARIABLE`, which this script imports too late for that."""
_BLOCKED = (
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGTSTP,
    signal.SIGTTIN,
    signal.SIGTTOU,
    signal.SIGPIPE,
)

Facts = dict[str, Any]


class Guard:
    """The wrapper's end of it.

    Args:
        facts: what is known from the start (see `_clear_up`).
        terminal: a descriptor of the terminal, or None.
    """

    def __init__(self, facts: Facts, terminal: int | None) -> None:
        self._facts: Facts = {"sys_path": [str(Path(path).absolute()) for path in sys.path], **facts}
        self._terminal = terminal
        self._starts_left = _MAX_STARTS
        self._pid: int | None = None
        self._pipe = -1
        self._start()

    def tell(self, **facts: Any) -> None:
        """Add to what the guard knows."""
        self._facts.update(facts)
        self._send(facts)

    def keep_up(self) -> None:
        """Start it again if it was killed; the session goes on if that fails."""
        if self._pid is not None and os.waitpid(self._pid, os.WNOHANG)[0]:
            self._pid = None
            os.close(self._pipe)
        if self._pid is None and self._starts_left:
            self._start()

    def dismiss(self) -> None:
        """The wrapper ends in an orderly way: nothing is left to do."""
        if self._pid is not None:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
            os.close(self._pipe)
            self._pid = None

    def _start(self) -> None:
        self._starts_left -= 1
        reading, writing = os.pipe()
        os.set_blocking(writing, False)
        null = (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)
        output = null if self._terminal is None else (os.POSIX_SPAWN_DUP2, self._terminal, 1)
        errors = (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0)
        try:
            self._pid = os.posix_spawn(
                sys.executable,
                (sys.executable, "-I", "-S", str(Path(__file__).absolute())),
                {name: value for name, value in os.environ.items() if name != _SESSION},
                file_actions=((os.POSIX_SPAWN_DUP2, reading, 0), output, errors),
                setsid=True,
                setsigmask=_BLOCKED,
            )
        except OSError:
            os.close(writing)
            return
        finally:
            os.close(reading)
        self._pipe = writing
        self._send(self._facts)

    def _send(self, facts: Facts) -> None:
        # A guard that is gone, or does not read, must not stop the session.
        if self._pid is not None:
            with contextlib.suppress(BrokenPipeError, BlockingIOError):
                os.write(self._pipe, json.dumps(facts).encode() + b"\n")


def main() -> None:
    """Wait for the wrapper's end."""
    os.closerange(3, min(resource.getrlimit(resource.RLIMIT_NOFILE)[0], 65_536))
    os.chdir("/")
    facts = _read_facts()
    signal.setitimer(signal.ITIMER_REAL, _LIMIT_S)
    sys.path[:] = facts.get("sys_path", sys.path)
    _clear_up(facts)


def _read_facts() -> Facts:
    facts: Facts = {}
    rest = b""
    while chunk := os.read(0, 65_536):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            facts.update(json.loads(line))
    return facts


def _clear_up(facts: Facts) -> None:
    """Do what the wrapper cannot do any more.

    Args:
        facts: `wrapper_group`, `session` (its leader's pid), `home`, `id`; of the terminal `modes`, `lent`,
            `shows_output`; of the child `child` (pid and creation time) and `seen` (descendants, each like `child`).
    """
    _restore_terminal(facts)
    if "child" in facts or facts.get("id"):
        from headroom_wrap.wrap import tree  # noqa: PLC0415  (psutil: only now)

        seen = [tree.Member(int(pid), created) for pid, created in facts.get("seen", ())]
        # A wrapper may die between the child's start and the word of it: no time is short enough for that.
        told = facts.get("child")
        child = tree.Member(*told) if told else tree.child_of(_SESSION, facts["id"], facts["session"])
        if child is not None:
            tree.Tree(child, facts["session"], seen).end(_GRACE_S)
        _restore_terminal(facts)
    if facts.get("home"):
        _recover(facts["home"], facts["id"])


def _restore_terminal(facts: Facts) -> None:
    if not facts.get("lent"):
        return
    from headroom_wrap.wrap import terminal  # noqa: PLC0415  (needs the path that the wrapper sent)

    ours = {facts["wrapper_group"], *(int(pid) for pid in facts.get("child", ())[:1])}
    terminal.restore_for(1, facts["modes"], session=facts["session"], ours=ours)
    if facts["shows_output"]:
        terminal.write_reset(1)


def _recover(home: str, session_id: str) -> None:
    """The dead wrapper's lock may be released a moment after its pipe."""
    from headroom_wrap import paths  # noqa: PLC0415
    from headroom_wrap.wrap import sessions  # noqa: PLC0415

    end_s = time.monotonic() + _LOCK_LIMIT_S
    directory = paths.sessions_dir(Path(home)) / session_id
    while directory.exists() and sessions.recover_one(Path(home), session_id) is None and time.monotonic() < end_s:
        time.sleep(0.01)


if __name__ == "__main__":
    main()
