"""Where no secret of a sign-in ever is: arguments of processes, what is printed, logs, files but two of ours."""

from __future__ import annotations

import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from headroom_wrap.emulator.github import Account, EmulatedGitHub
from tests.cli.test_copilot_auth import NO_BACKEND, TIMEOUT_S, Machine

OTHER = f"gho_canary{'7' * 30}"
"""A token of another program's in the environment."""
WATCH = """\
import logging, os, sys
from pathlib import Path

folder = Path(os.environ["WATCH_FOLDER"])
logging.basicConfig(level=logging.DEBUG, filename=folder / f"log-{os.getpid()}")

def note(what):
    with (folder / f"argv-{os.getpid()}").open("a", encoding="utf-8") as file:
        file.write(repr(what) + chr(10))

def hook(event, args):
    # Behind the program and its arguments come the environment and file descriptors.
    if event in ("subprocess.Popen", "os.exec", "os.posix_spawn", "os.system"):
        note((event, *args[:2]))

note(sys.orig_argv)
sys.addaudithook(hook)
"""
AGENT = """\
#!{python}
import os, sys, urllib.request
from pathlib import Path

if "--version" in sys.argv:
    print("1.0.102")
    sys.exit()
request = urllib.request.Request(os.environ["COPILOT_API_URL"] + "/models")
request.add_header("Authorization", "Bearer " + os.environ["COPILOT_GITHUB_TOKEN"])
print(urllib.request.urlopen(request, timeout=20).status)
running = Path(os.environ["WATCH_FOLDER"], "argv-of-all").open("wb")
for file in Path("/proc").glob("[0-9]*/cmdline"):
    try:
        running.write(file.read_bytes().replace(b"\\0", b" ") + b"\\n")
    except OSError:
        pass
"""


@pytest.fixture
def github() -> Iterator[EmulatedGitHub]:
    with EmulatedGitHub(Account(approves_at_poll=1, interval_s=1)) as running:
        yield running


@pytest.fixture
def machine(tmp_path: Path, github: EmulatedGitHub) -> Machine:
    """A machine where every Python process notes what it starts, logs all it can, and `copilot` makes one call."""
    machine = Machine(tmp_path, github, NO_BACKEND)
    watch, programs = tmp_path / "watch", tmp_path / "bin"
    for folder in (watch, programs):
        folder.mkdir()
    (watch / "sitecustomize.py").write_text(WATCH, encoding="utf-8")
    for name, text in (("copilot", AGENT.format(python=sys.executable)), ("gh", "#!/bin/sh\nexit 1\n")):
        (programs / name).write_text(text, encoding="utf-8")
        (programs / name).chmod(0o755)
    machine.env.update(
        WATCH_FOLDER=str(watch),
        PYTHONPATH=f"{watch}:{machine.env['PYTHONPATH']}",
        PATH=f"{programs}:{machine.env['PATH']}",
        GH_TOKEN=OTHER,
    )
    return machine


def test_the_secrets_of_a_sign_in_are_nowhere_but_in_private_files_of_ours(
    machine: Machine, github: EmulatedGitHub
) -> None:
    said = [run(machine, "copilot-auth", "login")]
    github.revoke()  # so that the session renews it
    said += [run(machine, "copilot-auth", "status"), run(machine, "copilot-auth", "status", "--json")]
    said += [run(machine, "wrap", "-v", "copilot", "--subscription"), run(machine, "doctor", "--no-probe", "copilot")]
    assert "Kept in:" in said[0]
    assert "\n200\n" in f"\n{said[3]}"
    (device,) = github.devices
    (sign_in,) = github.sign_ins
    exchanged = [call for call in github.exchanges if call.headers["Authorization"] == f"token {sign_in}"]
    assert len(exchanged) == 2
    canaries = [device.device_code, sign_in, *github.tokens, OTHER]
    assert len(canaries) == 4
    watch = machine.root / "watch"
    arguments = "".join(file.read_text(encoding="utf-8") for file in watch.glob("argv-*"))
    assert "copilot-auth" in arguments
    assert "--subscription" in arguments
    logged = list(watch.glob("log-*"))
    assert any(file.stat().st_size for file in logged)
    holding = {file for file in machine.root.rglob("*") if file.is_file() and held(file, canaries)}
    assert not [text for text in said if any(canary in text for canary in canaries)]
    own = machine.root / "data" / "auth"
    assert {file.parent for file in holding} == {own}
    assert {file.name.partition("-")[0] for file in holding} == {"sign", "copilot"}
    assert not [file for file in holding if held(file, [device.device_code, OTHER])]
    assert {stat.S_IMODE(file.stat().st_mode) for file in holding} == {0o600}
    assert stat.S_IMODE(own.stat().st_mode) == 0o700
    run(machine, "copilot-auth", "logout")
    assert not [file for file in machine.root.rglob("*") if file.is_file() and held(file, canaries)]


def run(machine: Machine, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "headroom_wrap", *words],
        cwd=machine.root, env=machine.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, timeout=TIMEOUT_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return done.stdout


def held(file: Path, canaries: list[str]) -> bool:
    content = file.read_bytes()
    return any(canary.encode() in content for canary in canaries)
