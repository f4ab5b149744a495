"""Faults on demand: what goes wrong with the next model requests, as plain data."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any


class Kind(str, Enum):
    """What goes wrong."""

    STATUS = "status"
    RESET = "reset"
    TRUNCATE = "truncate"
    STALL = "stall"
    SLOW = "slow"
    HOLD = "hold"


class Hold:
    """A stream that waits for the test: `reached` is set when it stands still, `release()` lets it go on."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self._released = threading.Event()
        self._waiters: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    def release(self) -> None:
        """Let the stream go on, now and at every later time."""
        self._released.set()
        for loop, waiter in tuple(self._waiters):
            loop.call_soon_threadsafe(waiter.set)

    async def wait(self) -> None:
        """Stand still until released."""
        waiter = asyncio.Event()
        self._waiters.append((asyncio.get_running_loop(), waiter))
        self.reached.set()
        if not self._released.is_set():
            await waiter.wait()


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong with one response. Build it with the functions below.

    Attributes:
        kind: what goes wrong.
        at_event: where: None before the headers, 0 after the headers, k after k events of the stream.
        seconds: how long a stall lasts, or the delay before each event of a slow stream.
        status, headers, body: the answer that stands in for the model's; an empty body means the
            provider's own error for that status.
        hold: what a held stream waits for.
    """

    kind: Kind
    at_event: int | None = None
    seconds: float = 0.0
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    hold: Hold | None = None


def status(code: int, headers: Mapping[str, str] | None = None, body: str = "") -> Fault:
    """Answer with this status instead of the model's answer."""
    return Fault(Kind.STATUS, status=code, headers=headers or {}, body=body)


def reset(at_event: int | None = None) -> Fault:
    """Reset the connection (RST)."""
    return Fault(Kind.RESET, at_event=at_event)


def truncate(at_event: int = 1) -> Fault:
    """End the stream cleanly after `at_event` events, without its closing ones."""
    return Fault(Kind.TRUNCATE, at_event=at_event)


def stall(seconds: float, at_event: int | None = None) -> Fault:
    """Send nothing for a while, then go on."""
    return Fault(Kind.STALL, at_event=at_event, seconds=seconds)


def slow(seconds: float) -> Fault:
    """Wait before each event."""
    return Fault(Kind.SLOW, seconds=seconds)


def hold(at_event: int | None = None) -> Fault:
    """Stand still until the test calls `fault.hold.release()`; `fault.hold.reached` tells when it does."""
    return Fault(Kind.HOLD, at_event=at_event, hold=Hold())


@dataclass(slots=True)
class _Planned:
    faults: tuple[Fault, ...]
    after: int
    times: int | None


class Faults:
    """A queue over the model requests, in the order of their arrival. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._planned: deque[_Planned] = deque()

    def add(self, *faults: Fault, after: int = 0, times: int | None = 1) -> Fault:
        """Plan `faults`, all on one response, behind what is planned already.

        Args:
            faults: one or more; a stall and a status go well together.
            after: how many model requests are answered well before.
            times: on how many requests they happen; None means on all from then on.

        Returns:
            The first fault, whose `hold` a test may want.
        """
        with self._lock:
            self._planned.append(_Planned(faults, after, times))
        return faults[0]

    def take(self) -> tuple[Fault, ...]:
        """The faults of the model request that has just arrived."""
        with self._lock:
            if not self._planned:
                return ()
            plan = self._planned[0]
            if plan.after > 0:
                plan.after -= 1
                return ()
            if plan.times is not None:
                plan.times -= 1
                if plan.times <= 0:
                    self._planned.popleft()
            return plan.faults

    def clear(self) -> None:
        """Forget all plans; streams that stand still go on."""
        with self._lock:
            planned, self._planned = self._planned, deque()
        for plan in planned:
            for fault in plan.faults:
                if fault.hold:
                    fault.hold.release()


def to_json(fault: Fault) -> dict[str, Any]:
    """A fault for the control endpoint of another process; holds cannot travel."""
    data = asdict(Fault(fault.kind, fault.at_event, fault.seconds, fault.status, fault.headers, fault.body))
    del data["hold"]
    return data


def from_json(data: Mapping[str, Any]) -> Fault:
    """The inverse of `to_json`.

    Raises:
        ValueError: an unknown kind. TypeError: an unknown field.
    """
    return Fault(**{**data, "kind": Kind(data["kind"])})
