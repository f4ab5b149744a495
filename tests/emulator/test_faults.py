from __future__ import annotations

import asyncio

import pytest

from headroom_wrap.emulator import faults
from headroom_wrap.emulator.faults import Faults


def test_faults_come_in_the_order_of_the_requests() -> None:
    plan = Faults()
    plan.add(faults.status(529), times=2)
    plan.add(faults.stall(0.1), faults.reset(3), after=1)
    assert [[fault.kind.value for fault in plan.take()] for _ in range(5)] == [
        ["status"],
        ["status"],
        [],
        ["stall", "reset"],
        [],
    ]


def test_a_fault_without_a_number_of_times_stays() -> None:
    plan = Faults()
    plan.add(faults.status(500), times=None)
    assert all(plan.take() for _ in range(10))
    plan.clear()
    assert plan.take() == ()


@pytest.mark.parametrize(
    "fault",
    [
        faults.status(429, {"Retry-After": "7"}, "{}"),
        faults.reset(),
        faults.reset(0),
        faults.truncate(2),
        faults.stall(2.0, 4),
        faults.slow(0.01),
    ],
    ids=lambda fault: fault.kind.value,
)
def test_a_fault_survives_the_way_to_another_process(fault: faults.Fault) -> None:
    assert faults.from_json(faults.to_json(fault)) == fault


def test_a_hold_that_was_released_before_does_not_hold() -> None:
    held = faults.Hold()
    held.release()
    asyncio.run(asyncio.wait_for(held.wait(), 1))
    assert held.reached.is_set()
