"""The controlling terminal: who has it, its modes, and how to make it sane again."""

from __future__ import annotations

import contextlib
import os
import subprocess
import termios
from collections.abc import Collection
from pathlib import Path
from typing import Any

Modes = list[Any]

# What a full-screen program may have left on. The cursor is saved first: leaving the alternate screen restores a saved
# cursor, also where there was no alternate screen to leave.
RESET_SEQUENCE = b"".join(
    (
        b"\x1b7\x1b[?1049l",  # the alternate screen
        b"\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l",  # the mouse
        b"\x1b[?1004l\x1b[?2031l",  # reports of focus and of the colour scheme
        b"\x1b[?2004l",  # bracketed paste
        b"\x1b[<u\x1b[>4m",  # kitty's keyboard, xterm's modifyOtherKeys
        b"\x1b[0m\x1b[?25h",  # colours, and a cursor
    )
)

_STANDARD = (0, 1, 2)


class Terminal:
    """Our terminal, lent to the child while it is in the foreground.

    `interactive` is true when both stdin and stdout are terminals. Without job control (the terminal is not the
    controlling one) it only keeps the modes.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.interactive = os.isatty(0) and os.isatty(1)
        self.lent = False
        self._shows_output = os.isatty(1)
        self._has_job_control = self.foreground() is not None
        self._ours = get_modes(descriptor)
        self._child: Modes | None = None
        self._ever_lent = False

    @classmethod
    def open(cls) -> Terminal | None:
        """The terminal of stdin, stdout or stderr, else the controlling one; None if there is none.

        It is opened anew by its name, so that not waiting on it is our own affair, and because on macOS `/dev/tty`
        means another terminal in another session (the guard's).
        """
        names = []
        for number in _STANDARD:
            with contextlib.suppress(OSError):
                names.append(os.ttyname(number))
        for name in (*names, "/dev/tty"):
            with contextlib.suppress(OSError, termios.error):
                return cls(os.open(name, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK))
        return None

    def close(self) -> None:
        """Let go of the terminal."""
        os.close(self.descriptor)

    def foreground(self) -> int | None:
        """The foreground process group; None when the terminal is gone, or not ours to ask."""
        try:
            return os.tcgetpgrp(self.descriptor)
        except OSError:
            return None

    def is_ours(self) -> bool:
        """Whether our own process group is in the foreground."""
        return self.foreground() == os.getpgrp()

    def is_lost(self) -> bool:
        """Whether the terminal went away while the child had it."""
        return self.lent and self.foreground() is None

    def lend(self, group: int) -> None:
        """Put the child's group in the foreground, with the modes that it had when it last was there."""
        self._ours = get_modes(self.descriptor) or self._ours
        set_modes(self.descriptor, self._child)
        try:
            os.tcsetpgrp(self.descriptor, group)
        except OSError:
            set_modes(self.descriptor, self._ours)
            return
        self._child = None
        self.lent = self._ever_lent = True

    def take_back(self) -> None:
        """Put our own group in the foreground, with our modes; the child's modes are kept for later."""
        if not self.lent:
            return
        self.lent = False
        self._child = get_modes(self.descriptor)
        set_modes(self.descriptor, self._ours)
        with contextlib.suppress(OSError):
            os.tcsetpgrp(self.descriptor, os.getpgrp())

    def notice_others(self, group: int) -> None:
        """After we were stopped: if neither we nor the child's group are in front, the shell took the terminal."""
        if self.foreground() not in (group, os.getpgrp()):
            self.lent = False

    def finish(self, *, crashed: bool) -> None:
        """The child has ended: leave the terminal as it was before, unless somebody else is using it."""
        self.take_back()
        if not self._has_job_control:
            set_modes(self.descriptor, self._ours)
        elif not (self._ever_lent and self.is_ours()):
            return
        if crashed and self._shows_output:
            write_reset(self.descriptor)

    def facts(self) -> dict[str, Any]:
        """What the guard must know to do the same in our place, as JSON."""
        return {
            "modes": modes_to_json(self._ours),
            "shows_output": self._shows_output,
            "lent": self.lent or not self._has_job_control,
        }


def get_modes(descriptor: int) -> Modes | None:
    """The terminal's modes; None when it is gone."""
    try:
        return termios.tcgetattr(descriptor)
    except termios.error:
        return None


def set_modes(descriptor: int, modes: Modes | None) -> None:
    """Set the terminal's modes, without waiting for output that somebody may have stopped; nothing if it is gone."""
    if modes is not None:
        with contextlib.suppress(termios.error):
            termios.tcsetattr(descriptor, termios.TCSANOW, modes)


def write_reset(descriptor: int) -> None:
    """Undo what a full-screen program may have switched on; nothing if the terminal is gone or its output stopped."""
    with contextlib.suppress(OSError):
        os.write(descriptor, RESET_SEQUENCE)


def modes_to_json(modes: Modes | None) -> Modes | None:
    """Modes as JSON can carry them and `set_modes` takes them: control characters as numbers."""
    if modes is None:
        return None
    return [*modes[:6], [c if isinstance(c, int) else c[0] for c in modes[6]]]


def restore_for(descriptor: int, modes: Modes | None, *, session: int, ours: Collection[int]) -> None:
    """Set the modes in place of a dead wrapper, unless a shell has the terminal again (it set its own modes by then).

    Args:
        descriptor: of the terminal.
        modes: from before the session.
        session: the wrapper's session, which is the pid of its leader (the shell).
        ours: the process groups of the wrapper and of the child.
    """
    front = foreground_of(session)
    if front is None or front in ours or not _is_alive(front):
        set_modes(descriptor, modes)


def foreground_of(session: int) -> int | None:
    """The foreground group of the terminal of another session, through its leader; None if the leader is gone."""
    try:
        front = int(Path(f"/proc/{session}/stat").read_bytes().rpartition(b")")[2].split()[5])
    except (FileNotFoundError, ProcessLookupError):
        if Path("/proc/self/stat").exists():
            return None
        command = ("ps", "-o", "tpgid=", "-p", str(session))
        answer = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
        front = int(answer or -1)
    return front if front > 0 else None


def _is_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
