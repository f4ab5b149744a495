"""`headroom wrap AGENT --install` and `headroom unwrap`: what was set up for good is undone, later edits stay."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from headroom_wrap.cli.main import EXIT_ERROR, main

BEFORE = '{\n  // mine\n  "mcpServers": {"docs": {"command": "docs-mcp"}}\n}\n'


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    (folder / ".cursor").mkdir(parents=True)
    monkeypatch.chdir(folder)
    (folder / ".cursor" / "mcp.json").write_text(BEFORE, encoding="utf-8")
    assert main(["wrap", "cursor", "--install"]) == 0
    assert '"headroom"' in (folder / ".cursor" / "mcp.json").read_text(encoding="utf-8")
    assert (folder / ".cursor" / "rules" / "headroom.mdc").exists()
    return folder


def test_files_are_again_what_they_were(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["unwrap", "cursor"]) == 0
    assert (project / ".cursor" / "mcp.json").read_text(encoding="utf-8") == BEFORE
    assert not (project / ".cursor" / "rules").exists()
    assert "nothing of ours is left for cursor" in capfd.readouterr().err
    assert main(["unwrap", "cursor"]) == 0
    assert "nothing is installed for cursor" in capfd.readouterr().err


def test_edits_of_the_users_since_then_stay(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = project / ".cursor" / "mcp.json"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("// mine", "// mine, and edited").replace("docs-mcp", "docs-mcp2"), encoding="utf-8")
    assert main(["unwrap", "--all"]) == 0
    left = file.read_text(encoding="utf-8")
    assert left == BEFORE.replace("// mine", "// mine, and edited").replace("docs-mcp", "docs-mcp2")
    assert "what you changed since stays" in capfd.readouterr().err


def test_installing_again_changes_nothing(project: Path) -> None:
    text = (project / ".cursor" / "mcp.json").read_text(encoding="utf-8")
    assert main(["wrap", "cursor", "--install"]) == 0
    assert (project / ".cursor" / "mcp.json").read_text(encoding="utf-8") == text
    assert main(["unwrap", "cursor"]) == 0
    assert (project / ".cursor" / "mcp.json").read_text(encoding="utf-8") == BEFORE


def test_doctor_tells_of_what_is_installed(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert project.is_dir()
    main(["doctor", "--no-probe", "--json"])
    said = json.loads(capfd.readouterr().out)
    assert any("headroom unwrap cursor" in finding["says"] + finding["fix"] for finding in said)


@pytest.mark.parametrize("words", [[], ["cursor", "--all"], ["nobody"]])
def test_what_cannot_be_meant_is_refused(words: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["unwrap", *words]) == EXIT_ERROR
    assert capfd.readouterr().err.startswith("headroom: ")
