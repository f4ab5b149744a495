"""`headroom learn --undo`: the run is taken back, and what the user changed since stays."""

from __future__ import annotations

import stat
from pathlib import Path

from headroom_wrap.learn import backups
from headroom_wrap.learn.backups import Outcome
from tests.learn.making import NOW, PYTHON, TESTS, Project, finding

RULES = "# Rules\n\nUse tabs.\n"


def undone(project: Project) -> list[Outcome]:
    return [outcome for _, outcome in project.undo()]


def test_each_undo_goes_one_run_back_to_the_byte(project: Project) -> None:
    project.write(finding(PYTHON))
    once = project.file().read_bytes()
    project.write(finding(PYTHON), finding(TESTS))
    assert undone(project) == [Outcome.RESTORED]
    assert project.file().read_bytes() == once
    assert undone(project) == [Outcome.RESTORED]
    assert project.file().read_text(encoding="utf-8") == RULES
    assert backups.last(project.home, project.root) is None


def test_after_an_undo_the_same_can_be_written_again(project: Project) -> None:
    project.write(finding(PYTHON))
    project.undo()
    project.write(finding(PYTHON))
    assert PYTHON in project.file().read_text(encoding="utf-8")


def test_a_file_that_was_made_is_gone_and_so_are_its_folders(project: Project) -> None:
    project.file().unlink()
    project.write(finding(PYTHON, agent="copilot"))
    assert undone(project) == [Outcome.REMOVED]
    assert list(project.root.iterdir()) == []


def test_what_the_user_wrote_since_stays(project: Project) -> None:
    project.write(finding(PYTHON))
    text = project.file().read_text(encoding="utf-8")
    project.file().write_text(f"# Rules\n\nUse spaces.\n{text.removeprefix(RULES)}\nMore.\n", encoding="utf-8")
    assert undone(project) == [Outcome.MERGED]
    assert project.file().read_text(encoding="utf-8") == "# Rules\n\nUse spaces.\n\nMore.\n"


def test_a_line_that_the_user_edited_stays_and_the_others_go(project: Project) -> None:
    project.write(finding(PYTHON), finding(TESTS))
    text = project.file().read_text(encoding="utf-8").replace("there is no", "there never was a")
    project.file().write_text(text, encoding="utf-8")
    assert undone(project) == [Outcome.MERGED]
    text = project.file().read_text(encoding="utf-8")
    assert text.startswith(RULES)
    assert "there never was a" in text
    assert TESTS not in text


def test_a_line_that_a_run_changed_is_as_it_was_before_it(project: Project) -> None:
    project.write(finding(PYTHON), finding(TESTS))
    project.write(finding(PYTHON, n=2), finding(TESTS))
    text = project.file().read_text(encoding="utf-8").replace(TESTS, "Run no tests.")
    project.file().write_text(text, encoding="utf-8")
    undone(project)
    text = project.file().read_text(encoding="utf-8")
    assert f"{PYTHON} (seen in 1 session," in text
    assert "Run no tests." in text


def test_a_file_that_the_user_put_back_or_removed_is_no_trouble(project: Project) -> None:
    project.write(finding(PYTHON))
    project.file().write_text(RULES, encoding="utf-8")
    assert undone(project) == [Outcome.SAME]
    project.write(finding(TESTS))
    project.file().unlink()
    assert undone(project) == [Outcome.LEFT]
    (kept,) = (project.home / "learn").rglob("*.left/0.original")
    assert kept.read_text(encoding="utf-8") == RULES


def test_what_is_kept_is_private_and_has_an_end(project: Project) -> None:
    for n in range(25):
        project.write(*[finding(f"Use `tool-{k}`.") for k in range(n + 1)], now=NOW + n)
    runs = [path for path in (project.home / "learn").glob("*/*") if path.name.isdecimal()]
    assert len(runs) == 20
    for path in (project.home / "learn").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)


def test_a_run_whose_record_was_cut_short_does_not_stand_in_the_way(project: Project) -> None:
    project.write(finding(PYTHON))
    broken = backups.begin(project.home, project.root, NOW).folder
    Path(broken / "about.json").write_text("{", encoding="utf-8")
    assert undone(project) == [Outcome.RESTORED]
