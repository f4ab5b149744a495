"""Many sessions: one after another, and at once."""

from __future__ import annotations

import json
import os
import signal
import time
from contextlib import ExitStack
from pathlib import Path

import psutil

from tests.wrap.running import Scene, without_terminal


def count_children() -> int:
    return len(psutil.Process().children(recursive=True))


def test_fifty_sessions_of_one_process_leak_nothing(scene: Scene) -> None:
    scene.options = ("--repeat", "50")
    before = count_children()
    with without_terminal(scene, "exits", 0) as process:
        assert process.wait(timeout=60) == 0
        first, last = json.loads(scene.said("leaks"))
        assert first == last
        scene.pids = {scene.wrapper}
        scene.assert_nothing_is_left(time.monotonic())
    assert count_children() == before


def test_fifty_processes_in_a_row_leave_nothing(tmp_path: Path) -> None:
    ends = (signal.SIGTERM, signal.SIGKILL, signal.SIGHUP, signal.SIGINT, None)
    for number in range(50):
        scene = Scene(tmp_path / str(number))
        end = ends[number % len(ends)]
        with without_terminal(scene, "sleeps") as process:
            scene.ready()
            since_s = time.monotonic()
            os.kill(scene.pid("child") if end is None else process.pid, end or signal.SIGKILL)
            assert process.wait(timeout=3) == -(end or signal.SIGKILL)
            scene.assert_nothing_is_left(since_s)


def test_eight_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    scenes = [Scene(tmp_path / str(number)) for number in range(8)]
    with ExitStack() as stack:
        processes = []
        for scene in scenes:
            scene.home = tmp_path / "home"
            processes.append(stack.enter_context(without_terminal(scene, "stubborn")))
        for scene in scenes:
            scene.ready("child", "grandchild")
        half = list(zip(scenes, processes, strict=True))
        for end, chosen in ((signal.SIGKILL, half[:4]), (signal.SIGTERM, half[4:])):
            since_s = time.monotonic()
            for _, process in chosen:
                process.send_signal(end)
            for scene, process in chosen:
                assert process.wait(timeout=3) == -end
                scene.assert_nothing_is_left(since_s)
            if end == signal.SIGKILL:
                for scene, _ in half[4:]:
                    scene.ready("child", "grandchild")
        assert not list((tmp_path / "home" / "sessions").iterdir())
