"""Where tokens are found, and in which order."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from headroom_wrap.auth.discovery import Places, discover, missing
from headroom_wrap.auth.storage import SignIn, Vault
from headroom_wrap.errors import Code
from tests.auth.github import MemoryKeyring, no_program

VARIABLES = ("GITHUB_COPILOT_TOKEN", "GITHUB_COPILOT_GITHUB_TOKEN", "COPILOT_GITHUB_TOKEN", "GH_TOKEN", "GITHUB_TOKEN")


class Machine:
    """A machine on which every place has a token."""

    def __init__(self, root: Path) -> None:
        self.keyring = MemoryKeyring()
        self.vault = Vault(root / "auth", self.keyring)
        self.home = root
        self.env = {name: f"gho_{name}" for name in VARIABLES}
        self.vault.save("github.com", SignIn("ghu_own", "octo"))
        self.keyring.secrets["copilot-cli", "https://github.com:octo"] = "gho_cli"
        self.editor = root / ".config" / "github-copilot"
        self.editor.mkdir(parents=True)
        entry = {"user": "octo", "oauth_token": "ghu_apps"}
        (self.editor / "apps.json").write_text(json.dumps({"github.com:Iv1.0": entry}), encoding="utf-8")

    def places(self, domain: str = "github.com") -> Places:
        return Places(self.env, self.home, domain, self.vault, self.keyring, self.run)

    @staticmethod
    def run(words: Sequence[str], _env: Mapping[str, str]) -> str:
        return f"gho_gh_{words[-1]}"

    def source(self, domain: str = "github.com") -> str:
        found = discover(self.places(domain)).found
        return found.source if found else ""


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_each_place_is_used_when_those_before_it_have_nothing(machine: Machine) -> None:
    assert machine.source() == "headroom copilot-auth"
    machine.vault.remove("github.com")
    for name in VARIABLES:
        assert machine.source() == name
        del machine.env[name]
    file = machine.editor / "apps.json"
    assert machine.source() == str(file)
    file.unlink()
    assert machine.source() == "keychain of Copilot CLI"
    machine.keyring.secrets.clear()
    assert machine.source() == "gh auth token"


def test_a_classic_token_is_passed_over_and_said(machine: Machine) -> None:
    machine.vault.remove("github.com")
    machine.env = {"GH_TOKEN": "ghp_classic"}
    places = machine.places()
    found = discover(places)
    assert found.found
    assert found.found.source == str(machine.editor / "apps.json")
    assert found.passed_over == ("GH_TOKEN: classic token (ghp_), which Copilot never takes",)


def test_nothing_found_says_what_was_passed_over_and_how_to_sign_in(tmp_path: Path) -> None:
    env = {"GH_TOKEN": "ghp_classic"}
    found = discover(Places(env, tmp_path, "github.com", Vault(tmp_path, None), None, no_program))
    error = missing(found)
    assert error.code is Code.AUTH_REQUIRED
    assert "GH_TOKEN" in error.message
    assert "ghp_classic" not in str(error)
    assert "headroom copilot-auth login" in error.hint


def test_a_token_for_github_is_never_sent_to_an_enterprise(machine: Machine) -> None:
    for name in ("GITHUB_COPILOT_TOKEN", "GITHUB_COPILOT_GITHUB_TOKEN", "COPILOT_GITHUB_TOKEN"):
        del machine.env[name]
    assert machine.source("ghe.example.com") == "gh auth token"
    machine.env |= {"GH_ENTERPRISE_TOKEN": "gho_enterprise"}
    assert machine.source("ghe.example.com") == "GH_ENTERPRISE_TOKEN"
    assert machine.source("acme.ghe.com") == "GH_TOKEN"


def test_a_session_s_key_in_the_agent_s_slot_is_no_token(machine: Machine) -> None:
    machine.vault.remove("github.com")
    machine.env = {"HEADROOM_SESSION_KEY": "0" * 64, "COPILOT_GITHUB_TOKEN": f"gho_{'0' * 64}", "GH_TOKEN": "gho_real"}
    assert machine.source() == "GH_TOKEN"


def test_a_locked_keyring_is_passed_over_where_another_place_has_a_token(machine: Machine) -> None:
    machine.keyring.state = "locked"
    found = discover(machine.places())
    assert found.found
    assert found.found.source == VARIABLES[0]
    assert "it is locked" in found.passed_over[0]
