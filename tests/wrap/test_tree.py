"""Who belongs to a child, and who is ended with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from headroom_wrap.wrap.tree import Member, Tree, end_ours, member_of
from tests.wrap.running import ENVIRONMENT, HERE, IN_OWN_GROUP, Scene, is_alive, until

Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start(scene: Scene) -> Iterator[Start]:
    """Start a bad child as a group of its own."""
    started: list[subprocess.Popen[bytes]] = []

    def starting(kind: str, *argv: str, **env: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-I", "-S", str(HERE / "bad_children.py"), kind, str(scene.folder), *argv]
        started.append(subprocess.Popen([*IN_OWN_GROUP, *command], env={**ENVIRONMENT, **env}))
        return started[-1]

    yield starting
    scene.end_all()
    for process in started:
        process.kill()
        process.wait()


def test_a_descendant_in_another_session_is_ended(scene: Scene, start: Start) -> None:
    child = start("stubborn")
    pids = {scene.pid("child"), scene.pid("grandchild")}
    tree = Tree(member_of(child.pid), os.getsid(0))
    tree.end(0.05)
    until(lambda: not any(map(is_alive, pids)), "both gone")
    assert child.wait() == -signal.SIGKILL


def test_a_descendant_seen_once_is_ended_although_its_parents_are_gone(scene: Scene, start: Start) -> None:
    child = start("leaver")
    orphan = scene.pid("orphan")
    tree = Tree(member_of(child.pid), os.getsid(0))
    assert tree.look()
    assert orphan in {member.pid for member in tree.members}
    (scene.folder / "let-go").touch()
    scene.pid("child")
    assert not tree.look()
    child.kill()
    child.wait()
    tree.end(0.05)
    assert not is_alive(orphan)


def test_a_member_of_the_group_is_found_after_the_child_has_ended(scene: Scene, start: Start) -> None:
    child = start("stubborn")
    scene.pid("grandchild")
    scene.pid("child")
    (scene.folder / "child").unlink()
    sibling = start_in_group(child.pid, scene.folder)
    scene.pid("child")
    tree = Tree(member_of(child.pid), os.getsid(0))
    child.kill()
    child.wait()
    tree.kill()
    assert sibling.wait() == -signal.SIGKILL


def start_in_group(group: int, folder: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-I", "-S", str(HERE / "bad_children.py"), "sleeps", str(folder)]
    joining = [part.replace("setpgid(0, 0)", f"setpgid(0, {group})") for part in IN_OWN_GROUP]
    return subprocess.Popen([*joining, *command])


def test_a_process_that_only_has_the_same_number_is_left_alone(scene: Scene, start: Start) -> None:
    child = start("sleeps")
    scene.pid("child")
    impostor = Member(child.pid, member_of(child.pid).create_time - 60)
    Tree(impostor, session=-1).end(0.05)
    assert is_alive(child.pid)


def test_the_exit_status_of_our_child_stays_ours(scene: Scene, start: Start) -> None:
    child = start("sleeps")
    scene.pid("child")
    Tree(member_of(child.pid), os.getsid(0)).kill()
    assert os.waitpid(child.pid, 0) == (child.pid, signal.SIGKILL)
    child.returncode = -signal.SIGKILL


def test_only_what_carries_the_session_and_the_package_is_ours(scene: Scene, start: Start) -> None:
    processes = []
    for argument, env in (
        ("headroom_wrap.mcp", {"HEADROOM_SESSION": "one"}),
        ("headroom_wrap.mcp", {"HEADROOM_SESSION": "two"}),
        ("headroom_wrap.mcp", {}),
        ("server", {"HEADROOM_SESSION": "one"}),
    ):
        processes.append(start("sleeps", argument, **env))
        scene.pid("child")
        (scene.folder / "child").unlink()
    ours, *others = processes
    end_ours("HEADROOM_SESSION", "one", "headroom_wrap")
    assert ours.wait(timeout=2) == -signal.SIGTERM
    assert all(process.poll() is None for process in others)


@pytest.mark.parametrize(("own_session", "answer"), [(True, b"True\n"), (False, b"False\n")])
def test_an_orphaned_group_is_one_that_nobody_could_continue(own_session: bool, answer: bytes) -> None:  # noqa: FBT001
    code = "from headroom_wrap.wrap.tree import is_orphaned; print(is_orphaned())"
    launcher = () if own_session else IN_OWN_GROUP
    command = [*launcher, sys.executable, "-c", code]
    ran = subprocess.run(command, env=ENVIRONMENT, capture_output=True, check=True, start_new_session=own_session)
    assert ran.stdout == answer
