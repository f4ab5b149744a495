"""`headroom copilot-auth` as a person meets it: real processes, a terminal, and an emulated GitHub."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from headroom_wrap.emulator.github import Account, EmulatedGitHub

TIMEOUT_S = 40
COMMAND = ("-m", "headroom_wrap", "copilot-auth")
NO_BACKEND = "keyring.backends.fail.Keyring"
IN_FILE = "tests.auth.keyring_backends.InFile"
LOCKED = "tests.auth.keyring_backends.Locked"


class Machine:
    """One user of the command."""

    def __init__(self, root: Path, github: EmulatedGitHub, backend: str = IN_FILE) -> None:
        self.root = root
        self.github = github
        self.env = {
            "HOME": str(root),
            "HEADROOM_HOME": str(root / "data"),
            "HEADROOM_EMULATED_GITHUB": github.url,
            "PYTHON_KEYRING_BACKEND": backend,
            "TEST_KEYRING_FILE": str(root / "keyring"),
            "PYTHONPATH": ":".join(filter(None, sys.path)),
            "PATH": "/usr/bin:/bin",
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
        }

    def start(self, *words: str) -> subprocess.Popen[str]:
        argv = [sys.executable, *COMMAND, *words]
        return subprocess.Popen(argv, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def run(self, *words: str) -> tuple[int, str]:
        process = self.start(*words)
        said = process.communicate(timeout=TIMEOUT_S)[0]
        assert not any(token in said for token in (*self.github.sign_ins, *self.github.tokens))
        return process.returncode, said


@pytest.fixture
def github() -> Iterator[EmulatedGitHub]:
    with EmulatedGitHub(Account(approves_at_poll=1, interval_s=1)) as running:
        yield running


@pytest.fixture
def machine(tmp_path: Path, github: EmulatedGitHub) -> Machine:
    return Machine(tmp_path, github)


def test_a_sign_in_is_told_in_plain_lines_and_its_status_as_json_until_it_is_forgotten(machine: Machine) -> None:
    assert machine.run("status")[0] == 1
    code, said = machine.run("login")
    assert code == 0, said
    assert "undocumented" in said
    assert "Open https://github.com/login/device and type in the code WDJB-" in said
    assert "expires in 14:5" in said
    assert "Signed in to github.com as octo. Kept in: keyring." in said
    code, said = machine.run("status", "--json")
    told = json.loads(said)
    assert (code, told["signed_in"], told["login"], told["where"]) == (0, True, "octo", "keyring")
    assert (told["source"], told["way"]) == ("headroom copilot-auth", "exchange")
    assert told["expires_at"].endswith("+00:00")
    assert "ghu_" in machine.run("status")[1]  # the class
    assert machine.run("logout")[0] == 0
    assert json.loads(machine.run("status", "--json")[1])["signed_in"] is False


def test_a_terminal_counts_down_and_ctrl_c_ends_with_130_and_keeps_nothing(
    machine: Machine, github: EmulatedGitHub
) -> None:
    github.account.approves_at_poll = 0
    child = pexpect.spawn(
        sys.executable, [*COMMAND, "login"], env=machine.env, encoding="utf-8", timeout=TIMEOUT_S, dimensions=(24, 100),
        preexec_fn=heed_ctrl_c,
    )  # fmt: skip
    child.expect(r"WDJB-\d+")
    child.expect(r"expires in 14:5\d")
    first = child.after
    child.expect(another_than(first))
    child.sendintr()
    child.expect("the sign-in was stopped, and nothing was kept")
    child.expect(pexpect.EOF)
    said = child.before or ""
    child.close()
    assert child.exitstatus == 130
    assert "Traceback" not in said
    assert list((machine.root / "data").rglob("*.json")) == []
    assert not (machine.root / "keyring").exists()


def heed_ctrl_c() -> None:
    """A shell's background jobs, tests among them, start with SIGINT ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def another_than(shown: object) -> str:
    """A pattern for a countdown that has moved on."""
    last = str(shown)[-1]
    return rf"expires in 14:\d[^{last}\D]"


def test_two_sign_ins_at_once_are_both_told_well_and_one_is_kept(machine: Machine, github: EmulatedGitHub) -> None:
    github.account.approves_at_poll = 0
    processes = [machine.start("login", "--file") for _ in range(2)]
    assert github.wait_for_call(lambda: len(github.devices) == len(processes), TIMEOUT_S)
    github.approve()
    said = [process.communicate(timeout=TIMEOUT_S)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    (file,) = (machine.root / "data" / "auth").glob("sign-in-*.json")
    assert json.loads(file.read_text(encoding="utf-8"))["token"] in github.sign_ins
    assert file.stat().st_mode & 0o777 == 0o600
    assert json.loads(machine.run("status", "--json")[1])["where"] == str(file)


def test_without_a_keyring_it_says_so_before_it_uses_a_file(tmp_path: Path, github: EmulatedGitHub) -> None:
    machine = Machine(tmp_path, github, NO_BACKEND)
    code, said = machine.run("login")
    file = tmp_path / "data" / "auth" / "sign-in-github.com.json"
    assert code == 0, said
    assert said.index("this machine has no keyring") < said.index("type in the code") < said.index("Kept in:")
    assert str(file) in said
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_locked_keyring_is_said_before_anything_is_asked_of_github(tmp_path: Path, github: EmulatedGitHub) -> None:
    code, said = Machine(tmp_path, github, LOCKED).run("login")
    assert (code, github.calls) == (2, [])
    assert "The keyring cannot be used: it is locked" in said
    assert "login --file" in said


def test_a_denied_sign_in_ends_with_words_and_2(machine: Machine, github: EmulatedGitHub) -> None:
    github.account.approves_at_poll = 0
    process = machine.start("login")
    assert github.wait_for_call(lambda: len(github.devices) == 1, TIMEOUT_S)
    github.deny()
    said = process.communicate(timeout=TIMEOUT_S)[0]
    assert process.returncode == 2
    assert "refused on GitHub's page" in said
