"""Decide when the embedded proxy must be restarted."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from headroom_wrap.errors import HeadroomError

PROBE_EVERY_S = 5.0
PROBE_LIMIT_S = 2.0
PROBES_UNTIL_RESTART = 2
MAX_ATTEMPTS = 8
MAX_PAUSE_S = 30.0
HEALTHY_AGAIN_S = 60.0


class WatchKind(Enum):
    """What the watch reports."""

    RESTARTED = "restarted"
    RESTART_FAILED = "restart failed"
    GAVE_UP = "gave up"


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """One report: what was done, why, and how many attempts there were since the proxy was last healthy."""

    kind: WatchKind
    reason: str
    attempt: int


def _in_thread(work: Callable[[], None]) -> None:
    threading.Thread(target=work, name="proxy-probe", daemon=True).start()


class _Probe:
    """One question to the proxy, asked elsewhere so that the asker never waits."""

    def __init__(self, probe: Callable[[], bool], launch: Callable[[Callable[[], None]], None], now_s: float) -> None:
        self.asked_s = now_s
        self.answer: bool | None = None
        self._probe = probe
        launch(self._run)

    def _run(self) -> None:
        try:
            self.answer = self._probe()
        except OSError:
            self.answer = False


class ProxyWatch:
    """Call `tick` about once a second from the main loop; it never waits for the proxy.

    A dead proxy is restarted at once, one that fails two probes in a row as well; repeated restarts pause 1, 2, 4
    seconds and so on, and stop after eight attempts without a healthy minute between.

    Args:
        probe: asks the proxy and says whether it answered; may block (it runs in a thread), may raise OSError.
        restart: starts the proxy again on its port; may raise OSError or HeadroomError.
        is_alive: whether the proxy's thread runs; must not block.
        report: told of every restart, failure and of giving up.
        launch: runs a probe in the background.
    """

    def __init__(  # noqa: PLR0913  (every effect is a parameter)
        self,
        probe: Callable[[], bool],
        restart: Callable[[], None],
        is_alive: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
        *,
        report: Callable[[WatchEvent], None] = lambda _event: None,
        launch: Callable[[Callable[[], None]], None] = _in_thread,
    ) -> None:
        self._probe = probe
        self._restart = restart
        self._is_alive = is_alive
        self._clock = clock
        self._report = report
        self._launch = launch
        self._asked: _Probe | None = None
        self._next_probe_s = clock() + PROBE_EVERY_S
        self._failed_probes = 0
        self._attempts = 0
        self._next_attempt_s = 0.0
        self._last_attempt_s = 0.0

    def tick(self) -> None:
        """Look once: at the thread, at the answer of the last probe, at whether a new one is due."""
        now_s = self._clock()
        if self._attempts > MAX_ATTEMPTS:
            return
        if not self._is_alive():
            self._try_restart("the proxy ended", now_s)
            return
        self._read_answer(now_s)
        if self._failed_probes >= PROBES_UNTIL_RESTART:
            self._try_restart("the proxy does not answer", now_s)
        elif self._asked is None and now_s >= self._next_probe_s:
            self._next_probe_s = now_s + PROBE_EVERY_S
            self._asked = _Probe(self._probe, self._launch, now_s)

    def _read_answer(self, now_s: float) -> None:
        if self._asked is None:
            return
        if self._asked.answer:
            self._failed_probes = 0
            if now_s - self._last_attempt_s >= HEALTHY_AGAIN_S:
                self._attempts = 0
        elif self._asked.answer is False or now_s - self._asked.asked_s > PROBE_LIMIT_S:
            self._failed_probes += 1
            self._next_probe_s = now_s
        else:
            return
        self._asked = None

    def _try_restart(self, reason: str, now_s: float) -> None:
        if now_s < self._next_attempt_s:
            return
        if self._attempts == MAX_ATTEMPTS:
            self._attempts += 1
            self._report(WatchEvent(WatchKind.GAVE_UP, reason, MAX_ATTEMPTS))
            return
        self._attempts += 1
        self._last_attempt_s = now_s
        self._next_attempt_s = now_s + min(2.0 ** (self._attempts - 1), MAX_PAUSE_S)
        self._failed_probes = 0
        self._asked = None
        self._next_probe_s = now_s + PROBE_EVERY_S
        try:
            self._restart()
        except (OSError, HeadroomError) as error:
            self._report(WatchEvent(WatchKind.RESTART_FAILED, f"{reason}: {error}", self._attempts))
        else:
            self._report(WatchEvent(WatchKind.RESTARTED, reason, self._attempts))
