"""The scripted agent's prompt on a terminal: raw mode from start to end, as full-screen agents hold it."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import termios
import tty
from collections.abc import Iterator
from types import TracebackType

_QUIT = ("\x03", "\x04", "")  # Ctrl-C, Ctrl-D, end of input
_SUSPEND = "\x1a"
_ERASE = ("\x7f", "\b")
_ENTER = ("\r", "\n")


class Terminal:
    """Standard input in raw mode, so that Ctrl-C and Ctrl-Z are keys; use it as a context manager."""

    def __init__(self) -> None:
        self._descriptor = sys.stdin.fileno()
        self._before = termios.tcgetattr(self._descriptor)

    def __enter__(self) -> Terminal:  # noqa: PYI034 - Python 3.10 has no Self
        tty.setraw(self._descriptor)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        termios.tcsetattr(self._descriptor, termios.TCSADRAIN, self._before)

    def prompts(self) -> Iterator[str]:
        """The lines that the user enters, until Ctrl-C, Ctrl-D or the end of input."""
        while True:
            line = self._line()
            if line is None:
                return
            if line:
                yield line

    def show(self, text: str) -> None:
        """Print `text`; a raw terminal wants its carriage returns."""
        sys.stdout.write(text.replace("\n", "\r\n") + "\r\n")
        sys.stdout.flush()

    def _line(self) -> str | None:
        self._echo("> ")
        line = ""
        while True:
            key = self._key()
            if key in _QUIT:
                self._echo("\r\n")
                return None
            if key in _ENTER:
                self._echo("\r\n")
                return line
            if key == _SUSPEND:
                self._suspend()
                self._echo(f"\r\n> {line}")
            elif key in _ERASE:
                line = line[:-1]
                self._echo("\b \b")
            else:
                line += key
                self._echo(key)

    def _suspend(self) -> None:
        termios.tcsetattr(self._descriptor, termios.TCSADRAIN, self._before)
        os.kill(os.getpid(), signal.SIGTSTP)
        tty.setraw(self._descriptor)

    def _key(self) -> str:
        with contextlib.suppress(InterruptedError):
            return os.read(self._descriptor, 1).decode("utf-8", "replace")
        return ""

    def _echo(self, text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()
