"""Badly behaved agents: `bad_children.py KIND FOLDER [ARGUMENT]`. Each says in FOLDER/<name> which pid it has."""

from __future__ import annotations

import contextlib
import os
import resource
import select
import signal
import sys
import termios
import time
import tty
from pathlib import Path

ARGUMENT = sys.argv[3] if len(sys.argv) > 3 else ""
FULL_SCREEN = "\x1b[?1049h\x1b[?1000h\x1b[?1006h\x1b[?2004h\x1b[?25l"
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def announce(name: str, text: str = "") -> None:
    folder = Path(sys.argv[2])
    temporary = folder / f".{name}"
    temporary.write_text(text or str(os.getpid()), encoding="utf-8")
    temporary.rename(folder / name)


def wait_for_ever() -> None:
    while True:
        # Not `pause`: a signal that comes just before it is seen with the next one only.
        select.select([], [], [], 0.05)


def ignore(*signals: int) -> None:
    for number in signals:
        signal.signal(number, signal.SIG_IGN)


def sleeps() -> None:
    """Dies of any signal."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    announce("child")
    wait_for_ever()


def stubborn() -> None:
    """Ignores SIGTERM and SIGHUP, and has a descendant that does so too, in a session of its own."""
    ignore(signal.SIGTERM, signal.SIGHUP)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if os.fork() == 0:
        os.setsid()
        ignore(signal.SIGINT)
        announce("grandchild")
    else:
        announce("child")
    wait_for_ever()


def leaver() -> None:
    """Its descendant in a session of its own is adopted by init before anybody asks; then it waits."""
    if os.fork() == 0:
        if os.fork() == 0:
            os.setsid()
            ignore(*ENDING)
            announce("orphan")
            wait_for_ever()
        while not (Path(sys.argv[2]) / "let-go").exists():
            time.sleep(0.01)
        os._exit(0)
    os.wait()
    sleeps()


def polite() -> None:
    """Ends with code 7 on SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
    announce("child")
    wait_for_ever()


def counts_signals() -> None:
    """Keeps a list of the signals it gets; ends on SIGTERM."""
    got: list[str] = []

    def note(number: int, _frame: object) -> None:
        got.append(signal.Signals(number).name)
        announce("signals", " ".join(got))

    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH):
        signal.signal(number, note)
    announce("child")
    wait_for_ever()


def full_screen() -> None:
    """Sets raw modes and the alternate screen; Ctrl-Z stops it in order, `q` ends it in disorder."""

    def enter(*_: object) -> None:
        while True:
            with contextlib.suppress(termios.error):  # stopped in the background, and interrupted by SIGCONT
                tty.setraw(0)
                break
        os.write(1, FULL_SCREEN.encode() + b"DRAWN\r\n")

    cooked = termios.tcgetattr(0)
    signal.signal(signal.SIGCONT, enter)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGWINCH, lambda *_: announce("size", "{0.columns}x{0.lines}".format(os.get_terminal_size(1))))
    enter()
    announce("child")
    while (key := os.read(0, 1)) != b"q":
        if key == b"\x1a":
            os.write(1, b"\x1b[?1049l")
            termios.tcsetattr(0, termios.TCSANOW, cooked)
            os.kill(0, signal.SIGTSTP)
    sys.exit(int(ARGUMENT or "0"))


def reads_lines() -> None:
    """An agent without a full screen: `bye` ends it with code 5."""
    announce("child")
    for line in sys.stdin:
        if line.strip() == "bye":
            sys.exit(5)
        os.write(1, f"got <{line.strip()}>\n".encode())


def opens_terminal() -> None:
    """Asks at the terminal although its stdin is not one."""
    announce("child")
    with Path("/dev/tty").open(encoding="utf-8") as terminal:
        answer = terminal.readline().strip()
    announce("answer", answer)


def naive() -> None:
    """Sets raw modes once, stops at `z`, and trusts that all is as it was when it is continued; `q` ends it."""
    tty.setraw(0)
    os.write(1, b"DRAWN\r\n")
    announce("child")
    while (key := os.read(0, 1)) != b"q":
        if key == b"z":
            os.kill(0, signal.SIGSTOP)
            os.write(1, b"AGAIN\r\n")
    sys.exit(6)


def polite_family() -> None:
    """Both the child and its descendant in another session tidy up on SIGTERM."""
    is_grandchild = os.fork() == 0
    name = "grandchild" if is_grandchild else "child"
    if is_grandchild:
        os.setsid()

    def tidy(*_: object) -> None:
        announce(f"{name}-tidied")
        sys.exit(0)

    signal.signal(signal.SIGTERM, tidy)
    announce(name)
    wait_for_ever()


def exits() -> None:
    announce("child")
    sys.exit(int(ARGUMENT))


def dies() -> None:
    announce("child")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if int(ARGUMENT) != signal.SIGKILL:
        signal.signal(int(ARGUMENT), signal.SIG_DFL)
    os.kill(os.getpid(), int(ARGUMENT))
    wait_for_ever()


def stops_itself() -> None:
    """Code 9 once somebody continued it."""
    announce("child")
    os.kill(os.getpid(), signal.SIGSTOP)
    announce("continued")
    sys.exit(9)


def leaves_daemon() -> None:
    """Starts a server for the user, and ends."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            announce("daemon")
            wait_for_ever()
        os._exit(0)
    os.wait()
    announce("child")
    sys.exit(0)


def leaves_helper() -> None:
    """Leaves a process that is ours (its command line names the package), detached."""
    if os.fork() == 0:
        os.setsid()
        code = "import os, signal, sys; open(sys.argv[1], 'w').write(str(os.getpid())); signal.pause()"
        helper = str(Path(sys.argv[2]) / "helper")
        os.execv(sys.executable, [sys.executable, "-I", "-S", "-c", code, helper, "headroom_wrap.mcp"])  # noqa: S606
    while not (Path(sys.argv[2]) / "helper").exists():
        time.sleep(0.01)
    announce("child")
    sys.exit(0)


def shows_dispositions() -> None:
    """Which signals are ignored or blocked, and which descriptors are open, at its start."""
    ignored = {n.name for n in signal.Signals if n not in (9, 19) and signal.getsignal(n) == signal.SIG_IGN}
    blocked = {signal.Signals(n).name for n in signal.pthread_sigmask(signal.SIG_BLOCK, ())}
    announce("dispositions", " ".join(sorted(ignored | blocked)))
    announce("child", f"{os.getpid()} {os.getpgrp()} {Path.cwd()}")


if __name__ == "__main__":
    globals()[sys.argv[1]]()
