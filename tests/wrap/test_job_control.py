"""Ctrl-Z, fg, bg and Ctrl-C in an interactive shell, as if the agent had been started without us."""

from __future__ import annotations

import os
import signal
import termios

import psutil

from tests.wrap.running import IN_OWN_GROUP, Scene, Shell, bare_terminal, modes_of, shell, until, without_terminal


def is_raw(bash: Shell) -> bool:
    return not modes_of(bash.tty)[3] & termios.ICANON


def test_ctrl_z_fg_bg_fg_with_a_full_screen(scene: Scene) -> None:
    with shell(scene) as bash:
        before = bash.modes()
        bash.start(scene.line("full_screen", 4))
        bash.tty.expect_exact("DRAWN")
        scene.ready()
        assert is_raw(bash)

        bash.tty.send("\x1a")
        assert "Stopped" in bash.prompt()
        assert bash.modes() == before

        bash.start("fg")
        bash.tty.expect_exact("DRAWN")
        assert is_raw(bash)

        bash.tty.send("\x1a")
        assert "Stopped" in bash.prompt()
        bash.run("bg")
        # In the background it wants the terminal (tcsetattr, read), so the whole job stops again.
        until(lambda: "Stopped" in bash.run("jobs"), "the job stopped in the background")
        assert bash.modes() == before

        bash.start("fg")
        bash.tty.expect_exact("DRAWN")
        assert is_raw(bash)
        bash.tty.send("q")
        bash.prompt()
        assert bash.status() == 4
        assert bash.modes() == before


def test_a_job_that_runs_in_the_background_comes_back_with_fg(scene: Scene) -> None:
    with shell(scene) as bash:
        bash.start(scene.line("counts_signals"))
        scene.ready()
        bash.tty.send("\x1a")
        assert "Stopped" in bash.prompt()
        bash.run("bg")
        assert "Running" in bash.run("jobs")
        bash.start("fg")
        # Only the child's group in the foreground gets these; we pass on nothing.
        until(lambda: os.tcgetpgrp(bash.tty.child_fd) == scene.pid("child"), "the child in the foreground")
        bash.tty.send("\x03")
        assert scene.said("signals") == "SIGINT"
        os.kill(scene.pid("child"), signal.SIGTERM)
        bash.prompt()
        assert bash.status() == 128 + signal.SIGTERM


def test_a_job_started_in_the_background_stops_when_it_reads(scene: Scene) -> None:
    with shell(scene) as bash:
        bash.run(scene.line("reads_lines") + " &")
        until(lambda: "Stopped" in bash.run("jobs"), "the job stopped")
        bash.start("fg")
        bash.tty.sendline("hello")
        bash.tty.expect_exact("got <hello>")
        bash.tty.sendline("bye")
        bash.prompt()
        assert bash.status() == 5


def test_ctrl_c_reaches_the_child_once(scene: Scene) -> None:
    with shell(scene) as bash:
        bash.start(scene.line("counts_signals"))
        scene.ready()
        bash.tty.send("\x03")
        assert scene.said("signals") == "SIGINT"
        bash.tty.send("\x1c")
        until(lambda: scene.said("signals") == "SIGINT SIGQUIT", "one more signal, and no other")
        os.kill(scene.wrapper, signal.SIGTERM)
        bash.prompt()
        assert bash.status() == 128 + signal.SIGTERM


def test_ctrl_c_in_a_pipeline_reaches_the_child_once(scene: Scene) -> None:
    with shell(scene) as bash:
        bash.start(scene.line("counts_signals") + " | (trap '' INT; cat); echo done")
        scene.ready()
        bash.tty.send("\x03")
        assert scene.said("signals") == "SIGINT"
        os.kill(scene.wrapper, signal.SIGTERM)
        bash.tty.expect_exact("done")


def test_ctrl_z_in_a_pipeline_stops_and_continues_it(scene: Scene) -> None:
    with shell(scene) as bash:
        bash.start(scene.line("sleeps") + " | cat")
        scene.ready()
        bash.tty.send("\x1a")
        assert "Stopped" in bash.prompt()
        assert psutil.Process(scene.pid("child")).status() == psutil.STATUS_STOPPED
        bash.start("fg")
        until(lambda: psutil.Process(scene.pid("child")).status() == psutil.STATUS_SLEEPING, "the child continued")
        bash.tty.send("\x03")
        bash.prompt()


def test_a_child_that_opens_the_terminal_from_a_pipeline_gets_it(scene: Scene) -> None:
    with shell(scene) as bash:
        before = bash.modes()
        bash.start("echo x | " + scene.line("opens_terminal") + " | cat")
        scene.ready()
        until(lambda: os.tcgetpgrp(bash.tty.child_fd) == scene.pid("child"), "the terminal handed over")
        bash.tty.sendline("secret")
        assert scene.said("answer") == "secret"
        bash.prompt()
        assert bash.modes() == before


def test_the_childs_modes_are_put_back_for_it(scene: Scene) -> None:
    with shell(scene) as bash:
        before = bash.modes()
        bash.start(scene.line("naive"))
        bash.tty.expect_exact("DRAWN")
        bash.tty.send("z")
        assert "Stopped" in bash.prompt()
        assert bash.modes() == before
        bash.start("fg")
        bash.tty.expect_exact("AGAIN")
        bash.tty.send("q")
        bash.prompt()
        assert bash.status() == 6
        assert bash.modes() == before


def test_a_job_that_a_launcher_leads_stops_as_a_whole(scene: Scene) -> None:
    with shell(scene) as bash:
        bash.start(f"(trap : TERM; {scene.line('counts_signals')}; exit $?)")
        scene.ready()
        bash.tty.send("\x1a")
        assert "Stopped" in bash.prompt()
        bash.start("fg")
        until(lambda: os.tcgetpgrp(bash.tty.child_fd) == scene.pid("child"), "the child in the foreground")
        bash.tty.send("\x03")
        assert scene.said("signals") == "SIGINT"
        os.kill(scene.wrapper, signal.SIGTERM)
        bash.prompt()
        assert bash.status() == 128 + signal.SIGTERM


def test_a_wrapper_that_was_stopped_from_outside_does_not_take_the_terminal_from_the_shell(scene: Scene) -> None:
    with shell(scene) as bash:
        before = bash.modes()
        bash.start(scene.line("counts_signals"))
        scene.ready()
        os.kill(scene.wrapper, signal.SIGSTOP)
        assert "Stopped" in bash.prompt()
        bash.run("bg")
        os.kill(scene.wrapper, signal.SIGTERM)
        bash.run("wait")
        assert bash.modes() == before
        assert not bash.was_reset()


def test_a_new_window_size_reaches_the_child(scene: Scene) -> None:
    with shell(scene) as bash:
        bash.start(scene.line("full_screen"))
        bash.tty.expect_exact("DRAWN")
        scene.ready()
        bash.tty.setwinsize(31, 97)
        assert scene.said("size") == "97x31"
        bash.tty.send("q")
        bash.prompt()
        assert bash.status() == 0


def test_a_child_that_stops_itself_stops_the_job(scene: Scene) -> None:
    with shell(scene) as bash:
        bash.start(scene.line("stops_itself"))
        assert "Stopped" in bash.prompt()
        bash.start("fg")
        bash.prompt()
        assert bash.status() == 9


def test_ctrl_z_where_nobody_could_continue_us_does_nothing(scene: Scene) -> None:
    """The system ignores SIGTSTP in an orphaned group: so the child goes on at once."""
    with bare_terminal(scene, "reads_lines") as tty:
        scene.ready()
        tty.send("\x1a")
        tty.sendline("hello")
        tty.expect_exact("got <hello>")
        tty.sendline("bye")
        tty.expect_exact("status=5")


def test_the_wrapper_of_a_stopped_job_can_be_ended(scene: Scene) -> None:
    with shell(scene) as bash:
        bash.start(scene.line("full_screen"))
        bash.tty.expect_exact("DRAWN")
        scene.ready()
        bash.tty.send("\x1a")
        bash.prompt()
        bash.run("kill %1")
        until(lambda: "Terminated" in bash.run("jobs"), "the job ended")


def test_a_stop_signal_without_a_terminal_stops_both(scene: Scene) -> None:
    """As for a job of a shell without a terminal: the wrapper's parent sees it stop, and continues it."""
    with without_terminal(scene, "counts_signals", launcher=IN_OWN_GROUP, start_new_session=False) as process:
        scene.ready()
        process.send_signal(signal.SIGTSTP)
        assert os.WIFSTOPPED(os.waitpid(process.pid, os.WUNTRACED)[1])
        assert psutil.Process(scene.pid("child")).status() == psutil.STATUS_STOPPED
        process.send_signal(signal.SIGCONT)
        process.send_signal(signal.SIGUSR1)
        assert scene.said("signals") == "SIGUSR1"
        process.terminate()
        assert process.wait(timeout=3) == -signal.SIGTERM
