"""How the child is started, and how its end becomes ours."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.wrap.child import ChildExit, ChildSpec, require_posix, reraise, spawn
from tests.wrap.running import ENVIRONMENT, HERE, Scene


def run(spec: ChildSpec) -> ChildExit:
    pid = spawn(spec, (signal.SIGTTOU,))
    return ChildExit.from_status(os.waitpid(pid, 0)[1])


def spec_for(scene: Scene, cwd: Path | None = None, **env: str) -> ChildSpec:
    argv = (sys.executable, "-I", "-S", str(HERE / "bad_children.py"), "shows_dispositions", str(scene.folder))
    return ChildSpec(argv, {"PATH": "/usr/bin:/bin", **env}, cwd)


def test_the_child_leads_a_group_of_its_own_in_our_directory(scene: Scene) -> None:
    assert run(spec_for(scene)) == ChildExit(code=0)
    pid, group, directory = scene.said("child").split()
    assert pid == group
    assert directory == str(Path.cwd())


def test_the_child_starts_in_another_directory_and_ours_stays(scene: Scene) -> None:
    before = Path.cwd()
    assert run(spec_for(scene, scene.folder)) == ChildExit(code=0)
    pid, group, directory = scene.said("child").split()
    assert pid == group
    assert Path(directory) == scene.folder.resolve()
    assert scene.said("dispositions").split() == ["SIGPIPE", "SIGXFSZ"]
    assert Path.cwd() == before


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("cwd", [None, Path("/")])
@pytest.mark.parametrize("env", [{}, {"LC_CTYPE": "C"}, {"A-B": "odd name", "LC_ALL": "C"}])
def test_the_child_gets_the_environment_that_was_asked_for(
    tmp_path: Path, cwd: Path | None, env: dict[str, str]
) -> None:
    script = tmp_path / "show"
    script.write_text(f"#!/bin/sh\ntr '\\0' '\\n' < /proc/$$/environ > {tmp_path}/seen\n", encoding="utf-8")
    script.chmod(0o700)
    wanted = {"PATH": f"{tmp_path}:/usr/bin:/bin", **env}
    assert run(ChildSpec(("show",), wanted, cwd)) == ChildExit(code=0)
    seen = dict(line.split("=", 1) for line in (tmp_path / "seen").read_text(encoding="utf-8").splitlines())
    assert seen == wanted


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("cwd", [None, Path("/")])
def test_no_signal_is_ignored_or_blocked_in_the_child(tmp_path: Path, cwd: Path | None) -> None:
    command = f"grep -E '^Sig(Ign|Blk)' /proc/self/status > {tmp_path}/seen"
    assert run(ChildSpec(("sh", "-c", command), {"PATH": "/usr/bin:/bin"}, cwd)) == ChildExit(code=0)
    lines = (tmp_path / "seen").read_text(encoding="utf-8").splitlines()
    standard = [int(line.split()[1], 16) & 0x7FFF_FFFF for line in lines]
    assert standard == [0, 0]


def test_a_program_that_is_not_there_is_an_error_with_a_hint() -> None:
    with pytest.raises(HeadroomError) as caught:
        spawn(ChildSpec(("no-such-agent",), {"PATH": "/usr/bin"}), ())
    assert caught.value.code == Code.AGENT_NOT_FOUND
    assert caught.value.hint


def test_a_program_that_cannot_run_is_an_error(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_bytes(b"\x7fELF but not really")
    broken.chmod(0o700)
    with pytest.raises(HeadroomError, match="could not be started"):
        spawn(ChildSpec((str(broken),), {}), ())


def test_a_directory_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(HeadroomError, match="is not a directory"):
        spawn(ChildSpec(("true",), {"PATH": "/usr/bin:/bin"}, tmp_path / "gone"), ())


def test_windows_is_refused_with_a_way_out() -> None:
    with pytest.raises(HeadroomError) as caught:
        require_posix("win32")
    assert caught.value.code == Code.PLATFORM
    assert "headroom proxy" in caught.value.hint
    require_posix("linux")
    require_posix("darwin")


def test_an_exit_code_is_returned() -> None:
    assert reraise(ChildExit(code=42)) == 42


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV, signal.SIGPIPE, signal.SIGINT])
def test_a_signal_kills_us_too_after_our_output_is_out_and_without_a_core(
    tmp_path: Path, number: signal.Signals
) -> None:
    code = (
        "import sys; from headroom_wrap.wrap.child import *; sys.stdout.write('said');"
        f"reraise(ChildExit(signal={int(number)}))"
    )

    def allow_cores() -> None:
        hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
        resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))

    command = [sys.executable, "-c", code]
    with subprocess.Popen(
        command,
        env=ENVIRONMENT,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        preexec_fn=allow_cores,  # noqa: PLW1509
    ) as process:
        _, status = os.waitpid(process.pid, 0)
        process.returncode = 0
        assert os.WTERMSIG(status) == number
        assert not os.WCOREDUMP(status)
        assert process.stdout is not None
        assert process.stdout.read() == b"said"


@pytest.mark.parametrize(
    ("ended", "crashed"),
    [
        (ChildExit(code=0), False),
        (ChildExit(code=1), False),
        (ChildExit(code=128), False),
        (ChildExit(code=137), True),
        (ChildExit(signal=signal.SIGTERM), True),
    ],
)
def test_a_signal_or_a_launchers_report_of_one_is_a_crash(ended: ChildExit, *, crashed: bool) -> None:
    assert ended.crashed is crashed
