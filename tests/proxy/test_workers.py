"""Threads that cannot hold up the end of the process."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from headroom_wrap.proxy.workers import DaemonExecutor


def test_results_and_errors_arrive_where_they_are_awaited() -> None:
    workers = DaemonExecutor(2, "w")
    assert workers.submit(divmod, 7, 2).result(5) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        workers.submit(divmod, 7, 0).result(5)


def test_calls_run_side_by_side_up_to_the_limit() -> None:
    workers = DaemonExecutor(2, "w")
    meeting = threading.Barrier(2)
    both = [workers.submit(meeting.wait, 5) for _ in range(2)]
    assert sorted(future.result(5) for future in both) == [0, 1]


def test_an_idle_thread_is_used_again() -> None:
    workers = DaemonExecutor(4, "w")
    names = {workers.submit(threading.get_ident).result(5)}
    started = threading.Event()
    assert workers.submit(started.set).result(5) is None
    names.add(workers.submit(threading.get_ident).result(5))
    assert len(names) <= 2


def test_a_stuck_thread_is_replaced() -> None:
    workers, release = DaemonExecutor(1, "w"), threading.Event()
    stuck = workers.submit(release.wait, 30)
    waiting = workers.submit(divmod, 7, 2)
    workers.replace_stuck()
    assert waiting.result(5) == (3, 1)
    release.set()
    assert stuck.result(5)


def test_a_cancelled_call_is_not_made() -> None:
    workers, release, made = DaemonExecutor(1, "w"), threading.Event(), threading.Event()
    workers.submit(release.wait, 30)
    waiting = workers.submit(made.set)
    assert waiting.cancel()
    release.set()
    workers.submit(divmod, 1, 1).result(5)
    assert not made.is_set()


def test_idle_threads_end_with_the_executor() -> None:
    workers = DaemonExecutor(2, "ending")
    meeting = threading.Barrier(2)
    for future in [workers.submit(meeting.wait, 5) for _ in range(2)]:
        future.result(5)
    threads = [thread for thread in threading.enumerate() if thread.name == "ending"]
    workers.shutdown()
    for thread in threads:
        thread.join(5)
    assert [thread.is_alive() for thread in threads] == [False, False]
    with pytest.raises(RuntimeError):
        workers.submit(divmod, 1, 1)


def test_event_loops_take_it_as_their_default_executor() -> None:
    assert isinstance(DaemonExecutor(1, "w"), ThreadPoolExecutor)


def test_a_process_ends_while_a_call_hangs() -> None:
    program = (
        "import threading; from headroom_wrap.proxy.workers import DaemonExecutor\n"
        "begun = threading.Event()\n"
        "DaemonExecutor(1, 'w').submit(lambda: (begun.set(), threading.Event().wait()))\n"
        "assert begun.wait(5); print('end')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=10, check=True)
    assert done.stdout == "end\n"
