"""The operating system's keyring: one that does not answer costs its time limit, and no more."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import keyring
import pytest

from headroom_wrap.auth.keyrings import TIMEOUT_S, KeyringLockedError, SystemKeyring
from headroom_wrap.auth.storage import SignIn, Vault
from headroom_wrap.errors import Code, HeadroomError
from tests.auth.keyring_backends import Hanging

LIMIT_S = 0.1


@pytest.fixture
def hanging() -> SystemKeyring:
    return SystemKeyring(LIMIT_S)


@pytest.fixture(autouse=True)
def backend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyring.core, "_keyring_backend", Hanging())  # type: ignore[no-untyped-call]


@pytest.mark.parametrize(
    "ask",
    [
        lambda ring: ring.get("s", "a"),
        lambda ring: ring.find("s"),
        lambda ring: ring.set("s", "a", "ghu_canary"),
        lambda ring: ring.delete("s", "a"),
    ],
    ids=["get", "find", "set", "delete"],
)
def test_a_keyring_that_does_not_answer_counts_as_locked(
    ask: Callable[[SystemKeyring], object], hanging: SystemKeyring
) -> None:
    with pytest.raises(KeyringLockedError, match="did not answer within") as caught:
        ask(hanging)
    assert "canary" not in str(caught.value)


def test_a_sign_in_is_not_written_to_a_file_behind_the_back_of_a_keyring_that_does_not_answer(
    hanging: SystemKeyring, tmp_path: Path
) -> None:
    vault = Vault(tmp_path / "auth", hanging)
    for action in (
        lambda: vault.place("github.com"),
        lambda: vault.load("github.com"),
        lambda: vault.save("github.com", SignIn("ghu_canary")),
        lambda: vault.remove("github.com"),
    ):
        with pytest.raises(HeadroomError) as caught:
            action()
        assert caught.value.code is Code.AUTH_FAILED
        assert "login --file" in caught.value.hint
        assert "canary" not in str(caught.value)
    assert not (tmp_path / "auth").exists()


def test_a_person_has_half_a_minute_to_unlock_it() -> None:
    assert TIMEOUT_S == 30
    assert SystemKeyring()._timeout_s == TIMEOUT_S  # noqa: SLF001


def test_a_process_ends_although_its_keyring_still_hangs(tmp_path: Path) -> None:
    script = (
        "import os\nfrom pathlib import Path\n"
        "from headroom_wrap.auth.copilot import CopilotCredential, Effects\n"
        "from headroom_wrap.auth.keyrings import SystemKeyring\n"
        f"effects = Effects(keyring=SystemKeyring({LIMIT_S}))\n"
        "print(CopilotCredential(os.environ, Path('home'), Path('data'), effects=effects).status().passed_over)\n"
    )
    env = {
        "PYTHON_KEYRING_BACKEND": "tests.auth.keyring_backends.Hanging",
        "PYTHONPATH": ":".join(filter(None, sys.path)),
    }
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=20, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("did not answer within") == 2
