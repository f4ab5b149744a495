"""The guard: what it holds, what it survives, and what it does when the wrapper is killed."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time

import psutil
import pytest

from headroom_wrap.wrap.guard import Guard
from tests.wrap.running import LIMIT_S, Scene, is_alive, shell, until, without_terminal


def test_it_holds_nothing_but_its_pipe_and_lives_in_a_session_of_its_own(scene: Scene) -> None:
    inherited, kept = os.pipe()
    try:
        with without_terminal(scene, "sleeps", pass_fds=(inherited,)):
            scene.ready()
            guard = psutil.Process(scene.guard())
            assert guard.num_fds() == 3
            assert guard.net_connections() == []
            assert os.getsid(guard.pid) == guard.pid
            os.kill(scene.wrapper, signal.SIGTERM)
    finally:
        os.close(inherited)
        os.close(kept)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP, signal.SIGTERM])
def test_signals_do_not_end_it(scene: Scene, number: signal.Signals) -> None:
    with without_terminal(scene, "sleeps") as process:
        scene.ready()
        os.kill(scene.guard(), number)
        os.kill(scene.wrapper, signal.SIGKILL)
        scene.assert_nothing_is_left(time.monotonic())
        assert process.wait(timeout=1) == -signal.SIGKILL


def test_a_killed_guard_is_replaced_and_the_session_goes_on(scene: Scene) -> None:
    with without_terminal(scene, "stubborn"):
        scene.ready("child", "grandchild")
        first = scene.guard()
        os.kill(first, signal.SIGKILL)
        until(lambda: not is_alive(first), "the first guard gone")
        scene.ready("child", "grandchild")
        assert scene.guard() != first
        since_s = time.monotonic()
        os.kill(scene.wrapper, signal.SIGKILL)
        scene.assert_nothing_is_left(since_s)


def test_a_stopped_guard_does_not_delay_the_end(scene: Scene) -> None:
    with without_terminal(scene, "sleeps") as process:
        scene.ready()
        os.kill(scene.guard(), signal.SIGSTOP)
        since_s = time.monotonic()
        os.kill(scene.pid("child"), signal.SIGTERM)
        assert process.wait(timeout=1) == -signal.SIGTERM
        scene.assert_nothing_is_left(since_s)


def test_a_wrapper_killed_while_the_child_is_stopped_leaves_nothing(scene: Scene) -> None:
    with without_terminal(scene, "stops_itself"):
        scene.ready()
        since_s = time.monotonic()
        os.kill(scene.wrapper, signal.SIGKILL)
        scene.assert_nothing_is_left(since_s)


def test_a_wrapper_killed_before_it_told_of_its_child_leaves_nothing(scene: Scene) -> None:
    scene.options = ("--dies-untold",)
    with without_terminal(scene, "sleeps") as process:
        scene.pid("child")
        assert process.wait(timeout=10) == -signal.SIGKILL
        since_s = time.monotonic()
        until(lambda: not list((scene.home / "sessions").iterdir()), "the guard is done", LIMIT_S)
        scene.assert_nothing_is_left(since_s)


def test_the_terminal_of_a_job_in_the_background_is_not_touched(scene: Scene) -> None:
    with shell(scene) as bash:
        before = bash.modes()
        bash.start(scene.line("counts_signals"))
        scene.ready()
        bash.tty.send("\x1a")
        bash.prompt()
        bash.run("bg")
        since_s = time.monotonic()
        os.kill(scene.wrapper, signal.SIGKILL)
        scene.assert_nothing_is_left(since_s)
        bash.run("wait")
        assert bash.modes() == before
        assert not bash.was_reset()


def test_a_guard_that_cannot_start_does_not_stop_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    before = psutil.Process().num_fds()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "executable", "/no/such/python")
        guard = Guard({}, None)
        guard.tell(child=[1, 1.0])
        guard.keep_up()
    guard.keep_up()
    (started,) = psutil.Process().children()
    guard.dismiss()
    assert not is_alive(started.pid)
    assert psutil.Process().num_fds() == before


def test_the_port_is_free_for_the_next_session(scene: Scene) -> None:
    with without_terminal(scene, "sleeps"):
        scene.ready()
        port = scene.state["port"]
        os.kill(scene.wrapper, signal.SIGKILL)
        scene.assert_nothing_is_left(time.monotonic())
        socket.create_server(("127.0.0.1", port)).close()
