"""Every way a session can end, for the wrapper and for the child, with a terminal and without."""

from __future__ import annotations

import os
import signal
import subprocess
import termios
import time
from pathlib import Path

import pexpect
import psutil
import pytest

from headroom_wrap.wrap.terminal import RESET_SEQUENCE
from tests.wrap.running import (
    IGNORING_SIGHUP,
    LIMIT_S,
    Scene,
    bare_terminal,
    hang_up,
    is_alive,
    modes_of,
    shell,
    until,
    without_terminal,
)

ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL)


def end_of(process: subprocess.Popen[bytes]) -> int:
    return process.wait(timeout=LIMIT_S)


@pytest.mark.parametrize("number", ENDS)
def test_a_signal_to_the_wrapper_without_a_terminal_leaves_nothing(scene: Scene, number: signal.Signals) -> None:
    kind = "sleeps" if number == signal.SIGINT else "stubborn"
    with without_terminal(scene, kind) as process:
        scene.ready(*(("child",) if kind == "sleeps" else ("child", "grandchild")))
        since_s = time.monotonic()
        process.send_signal(number)
        assert end_of(process) == -number
        scene.assert_nothing_is_left(since_s)


@pytest.mark.parametrize("number", ENDS)
def test_a_signal_to_the_child_without_a_terminal_is_passed_on(scene: Scene, number: signal.Signals) -> None:
    with without_terminal(scene, "sleeps") as process:
        scene.ready()
        since_s = time.monotonic()
        os.kill(scene.pid("child"), number)
        assert end_of(process) == -number
        scene.assert_nothing_is_left(since_s)


@pytest.mark.parametrize("number", ENDS)
def test_a_signal_to_the_wrapper_of_a_full_screen_leaves_a_sane_terminal(scene: Scene, number: signal.Signals) -> None:
    with shell(scene) as bash:
        before = bash.modes()
        bash.start(scene.line("full_screen"))
        bash.tty.expect_exact("DRAWN")
        scene.ready()
        since_s = time.monotonic()
        os.kill(scene.wrapper, number)
        scene.assert_nothing_is_left(since_s)
        bash.prompt()
        assert bash.status() == 128 + number
        assert bash.modes() == before
        assert bash.was_reset()


@pytest.mark.parametrize("number", ENDS)
def test_a_signal_to_a_full_screen_child_leaves_a_sane_terminal(scene: Scene, number: signal.Signals) -> None:
    with shell(scene) as bash:
        before = bash.modes()
        bash.start(scene.line("full_screen"))
        bash.tty.expect_exact("DRAWN")
        scene.ready()
        since_s = time.monotonic()
        os.kill(scene.pid("child"), number)
        bash.prompt()
        scene.assert_nothing_is_left(since_s)
        assert bash.status() == 128 + number
        assert bash.modes() == before
        assert bash.was_reset()


@pytest.mark.parametrize("number", ENDS)
def test_a_shell_without_job_control_gets_its_modes_back(scene: Scene, number: signal.Signals) -> None:
    with bare_terminal(scene, "full_screen") as tty:
        before = modes_of(tty)
        tty.expect_exact("DRAWN")
        assert modes_of(tty) != before
        scene.ready()
        since_s = time.monotonic()
        os.kill(scene.wrapper, number)
        scene.assert_nothing_is_left(since_s)
        until(lambda: modes_of(tty) == before, "the modes from before")
        tty.expect_exact(RESET_SEQUENCE.decode())


def test_closing_the_terminal_ends_everything(scene: Scene) -> None:
    with shell(scene) as bash:
        bash.start(scene.line("stubborn"))
        scene.ready("child", "grandchild")
        since_s = time.monotonic()
        hang_up(bash.tty)
        scene.assert_nothing_is_left(since_s)


def test_closing_the_terminal_of_which_the_wrapper_is_the_leader_ends_everything(scene: Scene) -> None:
    program, *argv = scene.argv("stubborn")
    tty = pexpect.spawn(program, argv, env={**os.environ, "PYTHONPATH": str(Path.cwd())}, encoding="utf-8")
    try:
        scene.ready("child", "grandchild")
        since_s = time.monotonic()
        hang_up(tty)
        scene.assert_nothing_is_left(since_s)
    finally:
        scene.end_all()


def test_a_terminal_closed_behind_our_back_is_noticed(scene: Scene) -> None:
    """The leader dies of SIGHUP without telling us, and the child does not care about SIGHUP."""
    with bare_terminal(scene, "stubborn") as tty:
        scene.ready("child", "grandchild")
        since_s = time.monotonic()
        hang_up(tty)
        scene.assert_nothing_is_left(since_s)


def test_a_terminal_whose_output_is_stopped_does_not_hold_up_the_end(scene: Scene) -> None:
    with bare_terminal(scene, "full_screen") as tty:
        tty.expect_exact("DRAWN")
        scene.ready()
        slave = os.open(psutil.Process(scene.wrapper).terminal() or "", os.O_RDWR | os.O_NOCTTY)
        termios.tcflow(slave, termios.TCOOFF)
        since_s = time.monotonic()
        os.kill(scene.pid("child"), signal.SIGKILL)
        scene.assert_nothing_is_left(since_s)
        termios.tcflow(slave, termios.TCOON)
        os.close(slave)


@pytest.mark.parametrize("code", [0, 3, 255])
def test_the_exit_code_is_passed_on(scene: Scene, code: int) -> None:
    with without_terminal(scene, "exits", code) as process:
        assert end_of(process) == code
        scene.pids.add(scene.wrapper)
        scene.assert_nothing_is_left(time.monotonic())


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGQUIT, signal.SIGPIPE])
def test_a_crash_of_the_child_is_passed_on_without_a_core_of_ours(scene: Scene, number: signal.Signals) -> None:
    with without_terminal(scene, "dies", int(number), cwd=scene.folder) as process:
        _, status = os.waitpid(process.pid, 0)
        process.returncode = 0
        assert os.WTERMSIG(status) == number
        assert not os.WCOREDUMP(status)


def test_a_child_that_ends_by_itself_on_sigterm_decides_the_exit_code(scene: Scene) -> None:
    with without_terminal(scene, "polite") as process:
        scene.ready()
        process.terminate()
        assert end_of(process) == 7


def test_descendants_in_other_sessions_are_asked_to_end_before_they_are_killed(scene: Scene) -> None:
    with without_terminal(scene, "polite_family") as process:
        scene.ready("child", "grandchild")
        process.terminate()
        assert end_of(process) == 0
        assert scene.said("child-tidied")
        assert scene.said("grandchild-tidied")


def test_a_stopped_child_is_continued_so_that_it_can_end_in_order(scene: Scene) -> None:
    with without_terminal(scene, "polite") as process:
        child = psutil.Process(scene.pid("child"))
        child.suspend()
        until(lambda: child.status() == psutil.STATUS_STOPPED, "the child stopped")
        scene.ready()
        process.terminate()
        assert end_of(process) == 7


def test_each_signal_reaches_the_child_once(scene: Scene) -> None:
    sent = [signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH]
    with without_terminal(scene, "counts_signals") as process:
        scene.ready()
        names: list[str] = []
        for number in sent:
            process.send_signal(number)
            names.append(number.name)
            until(lambda: (scene.folder / "signals").exists() and scene.said("signals").split() == names, str(names))
        process.terminate()
        assert end_of(process) == -signal.SIGTERM


def test_two_interrupts_leave_the_child_alone_and_a_third_ends_it(scene: Scene) -> None:
    with without_terminal(scene, "counts_signals") as process:
        scene.ready()
        for turn in (1, 2):
            process.send_signal(signal.SIGINT)
            until(lambda n=turn: scene.said("signals").split() == ["SIGINT"] * n, "an interrupt")  # type: ignore[misc]
        process.send_signal(signal.SIGINT)
        assert end_of(process) == -signal.SIGTERM
        assert scene.said("signals").split() == ["SIGINT"] * 2


def test_the_wrapper_reacts_to_the_end_of_the_child_at_once(scene: Scene) -> None:
    scene.options = ("--tick", "30")
    with without_terminal(scene, "sleeps") as process:
        scene.ready()
        since_s = time.monotonic()
        os.kill(scene.pid("child"), signal.SIGKILL)
        end_of(process)
        assert time.monotonic() - since_s < 0.5


def test_a_stopped_child_without_a_terminal_leaves_the_wrapper_running(scene: Scene) -> None:
    with without_terminal(scene, "stops_itself") as process:
        scene.ready()
        os.kill(scene.pid("child"), signal.SIGCONT)
        assert end_of(process) == 9


def test_a_stopped_child_is_ended_with_the_wrapper(scene: Scene) -> None:
    with without_terminal(scene, "stops_itself") as process:
        scene.ready()
        since_s = time.monotonic()
        process.terminate()
        assert end_of(process) == -signal.SIGTERM
        scene.assert_nothing_is_left(since_s)


def test_a_daemon_that_the_agent_left_on_purpose_lives_on(scene: Scene) -> None:
    with without_terminal(scene, "leaves_daemon") as process:
        daemon = scene.pid("daemon")
        assert end_of(process) == 0
        scene.pids = {scene.wrapper}
        scene.assert_nothing_is_left(time.monotonic())
        assert is_alive(daemon)


def test_a_detached_process_of_ours_does_not(scene: Scene) -> None:
    with without_terminal(scene, "leaves_helper") as process:
        helper = scene.pid("helper")
        assert end_of(process) == 0
        assert not is_alive(helper)


def test_a_bug_of_ours_ends_the_child_and_restores_everything(scene: Scene) -> None:
    scene.options = ("--fail-at-tick", "5")
    with without_terminal(scene, "stubborn") as process:
        scene.pids |= {scene.pid("child"), scene.pid("grandchild")}
        assert end_of(process) == 1
        scene.assert_nothing_is_left(time.monotonic())


def test_signals_that_were_ignored_stay_so_and_ours_do_not_reach_the_child(scene: Scene) -> None:
    with without_terminal(scene, "shows_dispositions", launcher=IGNORING_SIGHUP):
        # The child is Python, which ignores the last two itself.
        assert scene.said("dispositions").split() == ["SIGHUP", "SIGPIPE", "SIGXFSZ"]


def test_nohup_is_respected(scene: Scene) -> None:
    with without_terminal(scene, "counts_signals", launcher=IGNORING_SIGHUP) as process:
        scene.ready()
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGUSR1)
        assert scene.said("signals") == "SIGUSR1"
        process.terminate()
        assert end_of(process) == -signal.SIGTERM
