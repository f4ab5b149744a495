"""Run the agent in the foreground, from the main thread, and leave nothing behind.

The main thread waits for signals and for its next tick, and does everything itself: job control, forwarding, the tree,
the guard. The proxy lives in another thread of the process.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType, TracebackType

from headroom_wrap.wrap import sessions, tree
from headroom_wrap.wrap.child import ChildExit, ChildSpec, spawn
from headroom_wrap.wrap.guard import Guard
from headroom_wrap.wrap.terminal import Terminal

PACKAGE = "headroom_wrap"

_FORWARDED = (
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGTSTP,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGWINCH,
)
_HANDLED = (*_FORWARDED, signal.SIGCHLD, signal.SIGCONT)
_WANTS_TERMINAL = (signal.SIGTTIN, signal.SIGTTOU)
_INTERRUPTS_TO_END = 3
_INTERRUPTS_WITHIN_S = 2.0
_SURVIVORS_POLL_S = 0.02
# A look at all processes takes 25 us each: spend at most 2 % on it.
_LOOK_PAUSE_FACTOR = 50.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How often we look (`tick_s`), and how long the child may take to end when asked to (`grace_s`)."""

    tick_s: float = 1.0
    grace_s: float = 1.5


_PACE = Pace()


def supervise(
    spec: ChildSpec,
    *,
    on_tick: Callable[[], None] = lambda: None,
    session: sessions.Session | None = None,
    clean_up: Callable[[], None] = lambda: None,
    pace: Pace = _PACE,
) -> ChildExit:
    """Start the child, stay until it ends, and put everything back. Main thread only.

    Args:
        spec: what to start.
        on_tick: called at every tick; while it runs, signals wait.
        session: what the guard recovers if this process dies suddenly; the child's environment should carry its id
            (`sessions.SESSION_VARIABLE`), by which our own helpers are found at the end.
        clean_up: called when the child has ended and the terminal is restored, while the guard still watches.
        pace: after a forwarded SIGTERM or SIGHUP and `grace_s` seconds, whatever is left is killed.

    Returns:
        How the child ended; if we had to kill it, the signal that asked us to.

    Raises:
        HeadroomError: the child cannot be started.
    """
    terminal = Terminal.open()
    try:
        with SignalInbox() as inbox:
            return _Supervision(spec, terminal, inbox, session, pace).run(on_tick, clean_up)
    finally:
        if terminal is not None:
            terminal.close()


class SignalInbox:
    """Signals as a queue that can be waited on. Those ignored when we started stay ignored (nohup, `&` in scripts)."""

    def __init__(self) -> None:
        self.changed: list[int] = []
        self._before: dict[int, Callable[[int, FrameType | None], object] | int | None] = {}

    def __enter__(self) -> SignalInbox:  # noqa: PYI034  (typing has no Self before 3.11)
        self._reading, self._writing = os.pipe()
        for end in (self._reading, self._writing):
            os.set_blocking(end, False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._reading, selectors.EVENT_READ)
        self._wakeup_before = signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)
        for number in _HANDLED:
            if number == signal.SIGCHLD or signal.getsignal(number) != signal.SIG_IGN:
                self._set(number, _queued)
        # Or the system would stop us when we hand over the terminal from the background.
        if signal.getsignal(signal.SIGTTOU) != signal.SIG_IGN:
            self._set(signal.SIGTTOU, signal.SIG_IGN)
        self._mask_before = signal.pthread_sigmask(signal.SIG_UNBLOCK, self.changed)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, signal.SIG_DFL if before is None else before)
        signal.set_wakeup_fd(self._wakeup_before)
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask_before)
        self._selector.close()
        os.close(self._reading)
        os.close(self._writing)

    def wait(self, timeout_s: float) -> bytes:
        """The numbers of the signals that arrived, after at most `timeout_s` seconds."""
        if not self._selector.select(max(0.0, timeout_s)):
            return b""
        return os.read(self._reading, 4096)

    def stop(self, number: int, *, whole_group: bool) -> None:
        """Stop this process as the signal would, and the rest of its group, as a shell expects of a job.

        All with one signal: a shell that sees the job's leader stop may continue the group at once, and whoever
        stopped itself after that would stay so.
        """
        before = signal.signal(number, signal.SIG_DFL)
        if whole_group:
            os.killpg(0, number)
        else:
            signal.raise_signal(number)
        signal.signal(number, before)

    def _set(self, number: int, handler: Callable[[int, FrameType | None], object] | int) -> None:
        self._before[number] = signal.signal(number, handler)
        self.changed.append(number)


def _queued(_number: int, _frame: FrameType | None) -> None:
    """The number is in the pipe already."""


class _Supervision:
    """One child's life."""

    def __init__(
        self,
        spec: ChildSpec,
        terminal: Terminal | None,
        inbox: SignalInbox,
        session: sessions.Session | None,
        pace: Pace,
    ) -> None:
        self._terminal = terminal
        self._inbox = inbox
        self._session_id = "" if session is None else session.record.id
        self._pace = pace
        self._ended: ChildExit | None = None
        self._stopped = 0
        self._asked_to_end = 0
        self._deadline_s = float("inf")
        self._look_after_s = 0.0
        self._interrupts_s: deque[float] = deque(maxlen=_INTERRUPTS_TO_END)
        facts: dict[str, object] = {"wrapper_group": os.getpgrp(), "session": os.getsid(0)}
        facts |= {} if session is None else {"home": str(session.home), "id": self._session_id}
        facts |= {} if terminal is None else terminal.facts()
        self._guard = Guard(facts, None if terminal is None else terminal.descriptor)
        try:
            self._pid = spawn(spec, inbox.changed)
        except BaseException:
            self._guard.dismiss()
            raise
        member = tree.member_of(self._pid)
        self._tree = tree.Tree(member, os.getsid(0))
        self._guard.tell(child=[member.pid, member.create_time])

    def run(self, on_tick: Callable[[], None], clean_up: Callable[[], None]) -> ChildExit:
        try:
            if self._terminal is not None and self._terminal.interactive and self._terminal.is_ours():
                self._lend_terminal()
                self._continue()
            ended = self._wait_for_end(on_tick)
        except BaseException:
            self._tree.kill()
            self._reap(os.WNOHANG)
            raise
        finally:
            self._finish(clean_up)
        if self._asked_to_end and ended.signal == signal.SIGKILL:
            return ChildExit(signal=self._asked_to_end)
        return ended

    def _wait_for_end(self, on_tick: Callable[[], None]) -> ChildExit:
        next_tick_s = time.monotonic() + self._pace.tick_s
        while True:
            now_s = time.monotonic()
            if now_s >= self._deadline_s:
                self._tree.kill()
                self._reap(os.WNOHANG)
                return self._ended or ChildExit(signal=signal.SIGKILL)
            if self._ended is not None and not (self._asked_to_end and self._tree.alive()):
                return self._ended
            if now_s >= next_tick_s:
                self._tick(now_s)
                on_tick()
                next_tick_s = time.monotonic() + self._pace.tick_s
            wake_s = min(next_tick_s, self._deadline_s)
            if self._ended is not None:
                wake_s = min(wake_s, now_s + _SURVIVORS_POLL_S)
            for number in self._inbox.wait(wake_s - time.monotonic()):
                self._on_signal(number)
            self._reap(os.WNOHANG | os.WUNTRACED | os.WCONTINUED)

    def _finish(self, clean_up: Callable[[], None]) -> None:
        try:
            if self._terminal is not None:
                self._terminal.finish(crashed=self._ended is None or self._ended.crashed)
            if self._session_id:
                tree.end_ours(sessions.SESSION_VARIABLE, self._session_id, PACKAGE)
            clean_up()
        finally:
            self._guard.dismiss()

    def _tick(self, now_s: float) -> None:
        self._guard.keep_up()
        if now_s >= self._look_after_s:
            if self._tree.look():
                self._guard.tell(seen=[[member.pid, member.create_time] for member in self._tree.members])
            took_s = time.monotonic() - now_s
            self._look_after_s = now_s + took_s * _LOOK_PAUSE_FACTOR
        if self._terminal is None:
            return
        if self._terminal.is_lost() and signal.SIGHUP in self._inbox.changed and not self._asked_to_end:
            self._on_signal(signal.SIGHUP)
        elif self._terminal.is_ours() and (self._terminal.interactive or self._stopped in _WANTS_TERMINAL):
            # A shell's `fg` of a job that runs says nothing: it only puts our group in front.
            self._lend_terminal()
            if self._stopped:
                self._continue()

    def _on_signal(self, number: int) -> None:
        if number == signal.SIGCONT:
            self._resume()
        elif number == signal.SIGINT and self._is_impatient():
            self._end(signal.SIGTERM, asked=signal.SIGINT)
        elif number in (signal.SIGTERM, signal.SIGHUP):
            self._end(number, asked=number)
        elif number in _FORWARDED:
            self._signal_group(number)

    def _is_impatient(self) -> bool:
        now_s = time.monotonic()
        self._interrupts_s.append(now_s)
        return len(self._interrupts_s) == _INTERRUPTS_TO_END and now_s - self._interrupts_s[0] <= _INTERRUPTS_WITHIN_S

    def _end(self, number: int, *, asked: int) -> None:
        """Pass the signal on to all there are now, including those that left the group; kill what is left later."""
        if not self._asked_to_end:
            self._asked_to_end = asked
            self._deadline_s = time.monotonic() + self._pace.grace_s
        self._tree.signal(number)

    def _reap(self, options: int) -> None:
        while self._ended is None:
            pid, status = os.waitpid(self._pid, options)
            if pid == 0:
                return
            if os.WIFSTOPPED(status):
                self._on_stopped(os.WSTOPSIG(status))
            elif os.WIFCONTINUED(status):
                self._stopped = 0
            else:
                self._ended = ChildExit.from_status(status)

    def _on_stopped(self, number: int) -> None:
        """The child stopped: give it the terminal if that is all it wants, else stop like it, as one job."""
        self._stopped = number
        terminal = self._terminal
        if self._asked_to_end:
            self._continue()
        elif number in _WANTS_TERMINAL and terminal is not None and (terminal.lent or terminal.is_ours()):
            self._lend_terminal()
            self._continue()
        elif tree.is_orphaned():
            if number == signal.SIGTSTP:
                self._continue()
        elif number != signal.SIGSTOP or (terminal is not None and terminal.lent):
            whole_group = terminal is not None and terminal.lent
            if terminal is not None:
                terminal.take_back()
                self._guard.tell(**terminal.facts())
            self._inbox.stop(signal.SIGTSTP if number == signal.SIGSTOP else number, whole_group=whole_group)

    def _resume(self) -> None:
        """We were continued, in the foreground or in the background."""
        if self._terminal is not None:
            self._terminal.notice_others(self._pid)
            if self._terminal.is_ours() and self._terminal.interactive:
                self._lend_terminal()
        self._continue()

    def _lend_terminal(self) -> None:
        if self._terminal is not None:
            self._terminal.lend(self._pid)
            self._guard.tell(**self._terminal.facts())

    def _continue(self) -> None:
        self._stopped = 0
        self._signal_group(signal.SIGCONT)

    def _signal_group(self, number: int) -> None:
        if self._ended is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._pid, number)
