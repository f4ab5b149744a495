"""`headroom learn`: shows, writes when asked, takes back; what a person typed decides."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from headroom_wrap import paths, settings
from headroom_wrap.cli.main import EXIT_ERROR, main
from tests.learn.transcripts import write_claude, wrong_interpreter

Capture = pytest.CaptureFixture[str]
RULES = "# Rules\n"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project in which the agent ran into a wrong interpreter twice."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / ".git").mkdir()
    (folder / ".git" / "HEAD").write_text("ref: refs/heads/main\n", encoding="utf-8")
    (folder / "CLAUDE.md").write_text(RULES, encoding="utf-8")
    for session in ("one", "two"):
        wrong_interpreter(Path.home(), folder, session)
    monkeypatch.chdir(folder)
    return folder


def run(capsys: Capture, *words: str) -> tuple[int, str, str]:
    code = main(["learn", *words])
    out, err = capsys.readouterr()
    return code, out, err


def written(project: Path) -> str:
    return (project / "CLAUDE.md").read_text(encoding="utf-8")


def test_without_apply_it_is_shown_and_nothing_is_written(capsys: Capture, project: Path) -> None:
    code, out, err = run(capsys)
    assert code == 0
    assert "python3" in out.partition("2 sessions read; ~")[0]
    assert "+++ CLAUDE.md" in out
    assert re.search(
        r"^\+- .*python3.*\(seen in 2 sessions, last .*; ~\d+ tokens lost\) <!-- f[0-9a-f]{10} -->$", out, re.MULTILINE
    )
    assert err.splitlines()[-1] == "headroom: nothing was written. headroom learn --apply writes this."
    assert written(project) == RULES
    assert main(["memory", "list"]) == 0
    assert "no facts" in capsys.readouterr().err


def test_apply_writes_and_remembers_a_second_one_does_nothing_and_undo_takes_it_back(
    capsys: Capture, project: Path
) -> None:
    code, _, err = run(capsys, "--apply")
    assert code == 0
    assert "wrote CLAUDE.md (1 new)" in err
    assert "1 correction new in the project's memory" in err
    assert written(project).startswith(f"{RULES}\n<!-- headroom:learn:start -->\n")
    main(["memory", "list", "--json"])
    (fact,) = json.loads(capsys.readouterr().out)
    assert (fact["kind"], fact["agent"], fact["uses"]) == ("correction", "claude", 0)
    before = (project / "CLAUDE.md").stat()
    assert run(capsys, "--apply")[2] == "headroom: all of it is written already.\n"
    assert run(capsys)[2] == "headroom: all of it is written already.\n"
    assert (project / "CLAUDE.md").stat() == before
    main(["memory", "list", "--json"])
    assert json.loads(capsys.readouterr().out) == [fact]
    code, _, err = run(capsys, "--undo")
    assert code == 0
    assert err == (
        "headroom: CLAUDE.md is again what it was\nheadroom: 1 correction forgotten in the project's memory\n"
    )
    assert written(project) == RULES
    code, _, err = run(capsys, "--undo")
    assert code == EXIT_ERROR
    assert "There is nothing to undo" in err


def test_a_fact_that_a_person_forgot_is_not_saved_again(capsys: Capture, project: Path) -> None:
    run(capsys, "--apply")
    main(["memory", "forget", "m1"])
    wrong_interpreter(Path.home(), project, "three")
    run(capsys, "--apply")
    capsys.readouterr()
    main(["memory", "list", "--json"])
    assert json.loads(capsys.readouterr().out) == []


def test_what_was_deleted_stays_away_until_that_is_taken_back(capsys: Capture, project: Path) -> None:
    run(capsys, "--apply")
    (project / "CLAUDE.md").write_text(RULES, encoding="utf-8")
    _, _, err = run(capsys, "--apply")
    assert "1 correction that you edited or deleted by hand: left so" in err
    assert written(project) == RULES
    _, _, err = run(capsys, "--forget-deletions", "--apply")
    assert "may be written again" in err
    assert "python3" in written(project)


def test_a_file_that_is_left_is_said_with_what_to_do_and_ends_with_1(capsys: Capture, project: Path) -> None:
    broken = "<!-- headroom:learn:start -->\n- mine\n"
    (project / "CLAUDE.md").write_text(broken, encoding="utf-8")
    code, _, err = run(capsys, "--apply")
    assert code == 1
    assert "CLAUDE.md was left as it is: the section learn of line 1 has no end. Mend that" in err
    assert written(project) == broken
    assert run(capsys)[0] == 0


def test_json_has_all_of_it(capsys: Capture, project: Path) -> None:
    code, out, _ = run(capsys, "--json", "--apply")
    assert code == 0
    found = json.loads(out)
    assert (found["sessions"], found["transcripts"], found["new_facts"], found["left"]) == (2, 2, 1, [])
    (of_project,) = found["projects"]
    assert of_project["project"] == str(project)
    (finding,) = of_project["findings"]
    assert (finding["sessions"], finding["agents"]) == (2, ["claude"])
    (file,) = of_project["files"]
    assert (file["is_written"], file["added"]) == (True, [finding["id"]])
    assert file["diff"].startswith("--- CLAUDE.md\n+++ CLAUDE.md\n")


def test_all_projects_are_told_apart_and_written_each_in_its_place(
    capsys: Capture, project: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    wrong_interpreter(Path.home(), other, "elsewhere")
    wrong_interpreter(Path.home(), Path.home(), "home")
    wrong_interpreter(Path.home(), tmp_path / "gone", "gone")
    code, out, err = run(capsys, "--all", "--apply")
    assert code == 0
    assert str(other) in out
    assert (other / "CLAUDE.md").exists()
    assert "python3" in written(project)
    assert not (Path.home() / "CLAUDE.md").exists()
    assert "it is no project but holds all of them" in err
    assert "gone: the folder is not there any more" in err
    assert not (tmp_path / "gone").exists()
    assert "headroom learn --undo" in err


def test_another_agents_sessions_and_older_ones_can_be_left_out(capsys: Capture, project: Path) -> None:
    for words in (("--agent", "codex"), ("--agent", "codex", "--apply")):
        assert run(capsys, *words) == (0, "0 sessions read; nothing went wrong that could be learned from.\n", "")
    old = wrong_interpreter(Path.home(), project, "old", at=1_700_000_000.0)
    os.utime(old, (1_700_000_000, 1_700_000_000))
    assert "3 sessions read" in run(capsys)[1]
    assert "2 sessions read" in run(capsys, "--since", "7d")[1]
    err = run(capsys, "--since", "7d", "--agent", "claude")[2]
    assert "headroom learn --agent claude --since 7d --apply writes this" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--since", "soon"), "Give hours, days, weeks or a day"),
        (("--agent", "emacs"), "there is no agent"),
        (("--project", "nowhere"), "is no folder"),
        (("--all", "--project", "."), "not both"),
        (("--watch", "perhaps"), "takes on or off"),
        (("--refine", "emacs"), "Name one of"),
        (("--refine", "--all"), "project by project"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_to_type(words: tuple[str, ...], said: str, capsys: Capture) -> None:
    code, _, err = run(capsys, *words)
    assert code == EXIT_ERROR
    assert said.lower() in err.lower()


def test_watch_is_a_line_of_the_settings_file_and_keeps_the_others(capsys: Capture) -> None:
    file = paths.config_file(os.environ)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text('# mine\nlevel = "safe"\n', encoding="utf-8")
    assert "from now on each wrapped session" in run(capsys, "--watch", "on")[2]
    assert settings.load({}, os.environ).learn is True
    run(capsys, "--watch", "off")
    assert settings.load({}, os.environ).learn is False
    assert file.read_text(encoding="utf-8").startswith('# mine\nlevel = "safe"\n')


def test_what_would_be_sent_is_shown_and_not_sent(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    code, out, _ = run(capsys, "--refine", "--show-sent")
    assert code == 0
    assert '"correction": ' in out
    assert "python: command not found" in out


def test_a_refinement_that_fails_leaves_all_as_it_was_found(
    capsys: Capture, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    code, _, err = run(capsys, "--refine", "claude", "--apply")
    assert code == 0
    assert "not refined: claude is not on your PATH; the corrections stand as they were found" in err
    assert "python3" in written(project)
    assert run(capsys, "--refine")[0] == EXIT_ERROR


def test_two_at_once_write_each_line_once(project: Path) -> None:
    command = [sys.executable, "-m", "headroom_wrap", "learn", "--apply", "--json"]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(2)]
    found = [json.loads(process.communicate(timeout=60)[0]) for process in both]
    assert written(project).count("<!-- f") == 1
    assert [process.returncode for process in both] == [0, 0]
    assert sum(file["is_written"] for each in found for file in each["projects"][0]["files"]) == 1


def test_a_worktree_gets_its_own_file_and_the_memory_is_the_projects(
    capsys: Capture, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private = project / ".git" / "worktrees" / "side"
    private.mkdir(parents=True)
    side = tmp_path / "side"
    side.mkdir()
    (side / ".git").write_text(f"gitdir: {private}\n", encoding="utf-8")
    (private / "gitdir").write_text(f"{side / '.git'}\n", encoding="utf-8")
    (private / "commondir").write_text("../..\n", encoding="utf-8")
    monkeypatch.chdir(side)
    assert run(capsys, "--apply")[0] == 0
    assert "python3" in (side / "CLAUDE.md").read_text(encoding="utf-8")
    assert written(project) == RULES
    main(["memory", "list", "--project", str(project), "--json"])
    assert len(json.loads(capsys.readouterr().out)) == 1


def test_paths_hold_for_everybody_and_name_no_user(capsys: Capture, project: Path) -> None:
    missing = f"/bin/bash: line 1: {project}/.venv/bin/pytest: No such file or directory"
    calls = [
        (f"{project}/.venv/bin/pytest -q {Path.home()}/notes", 127, missing),
        (f"{project}/venv/bin/pytest -q {Path.home()}/notes", 0, "3 passed"),
    ]
    for session in ("four", "five"):
        write_claude(Path.home(), project, session, calls)
    run(capsys, "--apply")
    said = written(project)
    assert "`venv/bin/pytest -q ~/notes`" in said
    assert str(project) not in said
    assert str(Path.home()) not in said


def test_what_has_expired_is_shown_going_and_goes(
    capsys: Capture, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(capsys, "--apply")
    later = time.time() + 400 * 86_400
    monkeypatch.setattr(time, "time", lambda: later)
    _, out, err = run(capsys)
    assert "-<!-- headroom:learn:end -->" in out
    assert "headroom learn --apply writes this" in err
    assert "wrote CLAUDE.md (1 gone)" in run(capsys, "--apply")[2]
    assert written(project) == RULES
    main(["memory", "list", "--json"])
    assert json.loads(capsys.readouterr().out) == []
