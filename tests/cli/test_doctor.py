"""`headroom doctor`: each subject, and what it says where something is wrong."""

from __future__ import annotations

import importlib.metadata
import json
import os
from pathlib import Path

import pytest

from headroom_wrap import paths
from headroom_wrap.cli.main import main
from headroom_wrap.compression import kompress_model
from headroom_wrap.store import Store


def findings(capfd: pytest.CaptureFixture[str], exit_code: int = 0) -> dict[str, dict[str, str]]:
    """The last finding on each subject."""
    assert main(["doctor", "--json"]) == exit_code
    return {finding["about"]: finding for finding in json.loads(capfd.readouterr().out)}


def program(folder: Path, name: str, body: str) -> None:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    file.chmod(0o755)


def test_a_new_user_is_told_what_is_not_there_yet(capfd: pytest.CaptureFixture[str]) -> None:
    found = findings(capfd)
    assert found["settings"]["says"] == "level balanced; set: nothing"
    assert found["store"]["says"].startswith("none yet")
    assert found["sessions"]["says"] == "none running, none left behind"
    assert main(["doctor"]) == 0
    assert "none running, none left behind" in capfd.readouterr().out


def test_a_setting_that_cannot_be_used_is_a_problem(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADROOM_LEVEL", "extreme")
    found = findings(capfd, 1)["settings"]
    assert found["state"] == "problem"
    assert "'extreme'" in found["says"]
    assert "balanced" in found["fix"]


def test_it_says_which_backend_for_prose_runs_and_why(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert findings(capfd)["prose"]["says"].startswith("bm25 runs")
    monkeypatch.setenv("HEADROOM_KOMPRESS_DIR", str(tmp_path))
    assert f"there is no {kompress_model.MODEL_FILE} in {tmp_path}" in findings(capfd)["prose"]["says"]
    (tmp_path / "onnx").mkdir()
    (tmp_path / kompress_model.MODEL_FILE).touch()
    (tmp_path / kompress_model.TOKENIZER_FILE).touch()
    assert findings(capfd)["prose"]["says"].startswith("kompress runs")


def test_agents_say_their_version_or_why_they_do_not_start(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program(tmp_path, "claude", "echo 2.1.197 '(Claude Code)'")
    program(tmp_path, "codex", "echo no such model >&2; exit 3")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    found = findings(capfd, 1)
    assert (found["claude"]["state"], found["codex"]["state"]) == ("ok", "problem")
    assert found["claude"]["says"] == f"2.1.197 (Claude Code), {tmp_path / 'claude'}"
    assert "exit code 3: no such model" in found["codex"]["says"]
    assert "npm install" in found["codex"]["fix"]


def test_an_agent_that_is_not_there_comes_with_how_to_get_it(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    found = findings(capfd)["claude"]
    assert (found["state"], found["says"]) == ("note", "Claude Code is not installed")
    assert "npm install" in found["fix"]


def test_a_session_that_ended_without_clearing_up_is_cleared_away(capfd: pytest.CaptureFixture[str]) -> None:
    left = paths.sessions_dir(paths.home(os.environ)) / "0123456789abcdef"
    left.mkdir(parents=True)
    assert main(["doctor"]) == 0
    assert "cleared away session 0123456789abcdef" in " ".join(capfd.readouterr().out.split())
    assert not left.exists()


def test_a_store_that_is_no_store_is_a_problem(capfd: pytest.CaptureFixture[str]) -> None:
    file = paths.store_file(paths.make_private_dir(paths.home(os.environ)))
    Store(file).close()
    assert findings(capfd)["store"]["says"] == f"0 originals in {file}"
    file.write_bytes(b"no database, " * 1000)
    assert findings(capfd, 1)["store"]["state"] == "problem"


def test_two_distributions_with_one_package_are_a_problem(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.metadata, "version", lambda _name: "0.42.0")
    found = findings(capfd, 1)["environment"]
    assert found["fix"] == "Keep one of them: pip uninstall headroom-ai"
