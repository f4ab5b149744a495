"""Twelve canaries in transcripts: none reaches a file, the memory, our data, the screen, or a model."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from headroom_wrap import paths
from headroom_wrap.cli.main import main
from tests.e2e.canaries import opened
from tests.e2e.test_secrets import stored
from tests.learn.transcripts import FAILED, write_claude

_BODY = "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789"
CANARIES = {
    "anthropic": f"sk-ant-api03-{_BODY}",
    "openai": f"sk-proj-{_BODY}",
    "github": f"ghp_{_BODY}",
    "github fine": f"github_pat_11{_BODY}",
    "gitlab": f"glpat-{_BODY[:24]}",
    "slack": "xoxb-123456789012-AbCdEfGhIjKl",
    "aws id": "AKIAIOSFODNN7CANARY1",
    "aws secret": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYCANARYKEY0",
    "google": f"AIzaSy{_BODY[:33]}",
    "url": "hunter2CANARYpw77",
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJlQ0FOQVJZMTIz",
    "assigned": "Corr3ctHorseCANARY9",
}
SPOKEN = {
    "aws secret": "AWS_SECRET_ACCESS_KEY={}",
    "url": "DATABASE_URL=postgres://admin:{}@db.example/app",
    "jwt": "Authorization: Bearer {}",
    "assigned": "DB_PASSWORD={}",
}
"""How those are said that are known by their company alone."""


RUNS = ("--show-sent", "", "--json", "--refine claude", "--apply", "--refine --apply --json", "--apply --all")


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose transcripts hold each canary in commands, in the words of failures, and in what worked."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "CLAUDE.md").write_text("# Rules\n", encoding="utf-8")
    for number, (name, canary) in enumerate(CANARIES.items()):
        said = SPOKEN.get(name, "{}").format(canary)
        script = f"scripts/job_{number}.py"
        commands = [
            (f"python {script} '{said}'", 127, f"{FAILED}\nwas called with {said}"),
            (f"python3 {script} '{said}'", 0, f"done with {said}"),
            (f"python {script} --config conf.ini", 127, f"{said}: {FAILED}"),
            (f"python3 {script} --config conf.ini", 0, "done"),
        ]
        for session in ("one", "two"):
            write_claude(Path.home(), folder, f"{number}-{session}", commands)
    monkeypatch.chdir(folder)
    return folder


def found_in(text: str | bytes) -> list[str]:
    data = text.encode() if isinstance(text, str) else text
    return [name for name, canary in CANARIES.items() if canary.encode() in data]


def test_no_canary_reaches_a_file_the_memory_the_screen_or_a_model(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen = tmp_path / "seen"
    program = tmp_path / "bin" / "claude"
    program.parent.mkdir()
    program.write_text(
        f"#!{sys.executable}\nimport sys\nopen({str(seen)!r}, 'a').write(sys.stdin.read() + ' '.join(sys.argv))\n",
        encoding="utf-8",
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    for words in (
        ("--show-sent",),
        (),
        ("--json",),
        ("--refine", "claude"),
        ("--apply",),
        ("--refine", "--apply", "--json"),
    ):
        assert main(["learn", *words]) == 0
    assert found_in("".join(capsys.readouterr())) == []
    main(["memory", "list", "--json"])
    remembered = capsys.readouterr().out
    assert json.loads(remembered), "something is remembered"
    assert found_in(remembered) == []
    sent = seen.read_text(encoding="utf-8")
    assert "correction" in sent
    assert found_in(sent) == []
    said = (project / "CLAUDE.md").read_text(encoding="utf-8")
    assert "python3" in said
    assert found_in(said) == []
    home = Path.home() / "headroom"
    for file in home.rglob("*"):
        assert found_in(file.read_bytes() if file.is_file() else b"") == [], file
    tables = stored(home)
    assert {"facts", "learned_files", "learned_lines"} <= tables.keys()
    for table, values in tables.items():
        assert found_in(b"\n".join(map(opened, values))) == [], table
    assert paths.store_file(home).exists()
