"""When the proxy is restarted, with a clock that only moves when told."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from headroom_wrap.wrap.watchdog import (
    HEALTHY_AGAIN_S,
    MAX_ATTEMPTS,
    PROBE_EVERY_S,
    PROBE_LIMIT_S,
    ProxyWatch,
    WatchEvent,
    WatchKind,
)


class World:
    """A proxy that can be dead or deaf, and a clock."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.alive = True
        self.answers = True
        self.hangs = False
        self.restart_works = True
        self.restart_error: Exception | None = None
        self.probes = 0
        self.restarts: list[float] = []
        self.events: list[WatchEvent] = []
        self.watch = ProxyWatch(
            self.probe,
            self.restart,
            lambda: self.alive,
            lambda: self.now_s,
            report=self.events.append,
            launch=self.launch,
        )

    def launch(self, work: Callable[[], None]) -> None:
        if self.hangs:
            self.probes += 1
        else:
            work()

    def probe(self) -> bool:
        self.probes += 1
        if not self.answers:
            raise ConnectionRefusedError
        return True

    def restart(self) -> None:
        self.restarts.append(self.now_s)
        if self.restart_error is not None:
            raise self.restart_error
        if self.restart_works:
            self.alive = self.answers = True
            self.hangs = False

    def run(self, seconds: float) -> None:
        for _ in range(int(seconds)):
            self.now_s += 1.0
            self.watch.tick()


@pytest.fixture
def world() -> World:
    return World()


def test_a_healthy_proxy_is_asked_every_five_seconds_and_left_alone(world: World) -> None:
    world.run(60)
    assert world.probes == 60 / PROBE_EVERY_S
    assert world.restarts == []
    assert world.events == []


def test_a_dead_proxy_is_restarted_at_the_next_tick(world: World) -> None:
    world.alive = False
    world.run(1)
    assert world.restarts == [101.0]
    assert world.events == [WatchEvent(WatchKind.RESTARTED, "the proxy ended", 1)]


def test_one_failed_probe_is_not_enough(world: World) -> None:
    world.answers = False
    world.run(PROBE_EVERY_S)
    world.answers = True
    world.run(60)
    assert world.restarts == []


@pytest.mark.parametrize("hangs", [True, False])
def test_two_failed_probes_in_a_row_are(world: World, *, hangs: bool) -> None:
    world.answers, world.hangs = False, hangs
    world.run(PROBE_EVERY_S + 2 * PROBE_LIMIT_S + 5)
    assert len(world.restarts) == 1
    assert world.events[0].reason == "the proxy does not answer"


def test_a_probe_that_hangs_does_not_hold_up_the_tick(world: World) -> None:
    world.hangs = True
    world.run(PROBE_EVERY_S + 1)
    assert world.probes == 1
    assert world.restarts == []


@pytest.mark.parametrize("error", [None, OSError("no socket")])
def test_restarts_pause_longer_each_time_and_then_stop(world: World, error: OSError | None) -> None:
    world.alive, world.restart_works, world.restart_error = False, False, error
    world.run(600)
    pauses = [later - earlier for earlier, later in zip(world.restarts, world.restarts[1:], strict=False)]
    assert pauses == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    assert len(world.restarts) == MAX_ATTEMPTS
    kinds = [event.kind for event in world.events]
    expected = WatchKind.RESTARTED if error is None else WatchKind.RESTART_FAILED
    assert kinds == [expected] * MAX_ATTEMPTS + [WatchKind.GAVE_UP]


def test_a_healthy_minute_forgives_earlier_restarts(world: World) -> None:
    for _ in range(3 * MAX_ATTEMPTS):
        world.alive = False
        world.run(HEALTHY_AGAIN_S + 2 * PROBE_EVERY_S)
    assert len(world.restarts) == 3 * MAX_ATTEMPTS
    assert {event.attempt for event in world.events} == {1}


def test_after_a_long_pause_of_the_whole_process_nothing_is_restarted(world: World) -> None:
    """The wrapper was stopped with Ctrl-Z while a probe was under way."""
    world.hangs = True
    world.run(PROBE_EVERY_S)
    world.hangs = False
    world.now_s += 3600
    world.run(60)
    assert world.restarts == []


def test_a_real_probe_runs_in_a_thread() -> None:
    now_s = [0.0]
    threads: list[str] = []
    asked = threading.Event()

    def probe() -> bool:
        threads.append(threading.current_thread().name)
        asked.set()
        return True

    watch = ProxyWatch(probe, lambda: None, lambda: True, lambda: now_s[0])
    now_s[0] = PROBE_EVERY_S
    watch.tick()
    assert asked.wait(5)
    assert threads != [threading.current_thread().name]
