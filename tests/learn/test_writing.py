"""Corrections in the user's files: written once, and what a person makes of them holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from headroom_wrap.edits import markdown
from headroom_wrap.learn import backups, writing
from headroom_wrap.learn.backups import Outcome
from headroom_wrap.learn.section import INTRO, MAX_LINES
from headroom_wrap.learn.writing import Corrections
from tests.learn.making import DAY, NOW, PYTHON, TESTS, Project, finding

RULES = "# Rules\n\nUse tabs.\n"
LINE = f"- {PYTHON} (seen in 1 session, last 2026-11-28; ~1,400 tokens lost)"


def body(project: Project, name: str = "CLAUDE.md") -> list[str]:
    """The lines of our section, without what all have."""
    lines = markdown.sections(project.file(name).read_text(encoding="utf-8")).get("learn", "").splitlines()
    return [line for line in lines if line not in ("", INTRO)]


def without_id(line: str) -> str:
    return line.rpartition(" <!--")[0]


def test_a_correction_is_one_line_with_its_evidence_and_the_rest_keeps_its_bytes(project: Project) -> None:
    project.write(finding(PYTHON), finding(TESTS, n=3))
    text = project.file().read_text(encoding="utf-8")
    assert text.startswith(f"{RULES}\n<!-- headroom:learn:start -->\n{INTRO}\n\n- ")
    assert text.endswith(" -->\n<!-- headroom:learn:end -->\n")
    assert [without_id(line) for line in body(project)] == [
        f"- {TESTS} (seen in 3 sessions, last 2026-11-28; ~4,200 tokens lost)",
        LINE,
    ]


def test_a_second_run_changes_nothing(project: Project) -> None:
    project.write(finding(PYTHON), finding(TESTS))
    before = project.file().stat()
    assert project.write(finding(TESTS), finding(PYTHON), now=NOW + 60) == ([], [])
    assert project.file().stat() == before


def test_new_evidence_changes_the_line_where_it_stands(project: Project) -> None:
    project.write(finding(PYTHON), finding(TESTS, lost=1000))
    (draft,), _ = project.write(finding(PYTHON), finding(TESTS, n=2, lost=9000))
    assert draft.update.changed == (finding(TESTS).id,)
    assert "seen in 2 sessions" in body(project)[1]
    assert without_id(body(project)[0]) == LINE


def test_what_is_seen_no_longer_leaves_and_the_last_takes_the_section_with_it(project: Project) -> None:
    project.write(finding(PYTHON, days=1), finding(TESTS, days=3))
    project.write(finding(TESTS, days=3), now=NOW + 2 * DAY)
    assert len(body(project)) == 1
    project.write(now=NOW + 4 * DAY)
    assert project.file().read_text(encoding="utf-8") == RULES


def test_what_is_not_among_the_findings_now_stays_until_it_expires(project: Project) -> None:
    project.write(finding(PYTHON), finding(TESTS, n=4))
    project.write(finding(TESTS, n=1), now=NOW + DAY, is_whole=False)
    assert len(body(project)) == 2
    assert "seen in 4 sessions" in body(project)[0]


def test_what_is_contradicted_leaves_when_the_doubt_says(project: Project) -> None:
    project.write(finding(PYTHON), finding(TESTS))
    doubted = finding(PYTHON, confidence=0.3, days=7)

    def n_lines(now: float) -> int:
        said = Corrections(project.root, (finding(TESTS),), now, doubted=(doubted,))
        run = backups.begin(project.home, project.root, now)
        writing.write(writing.plan(said, project.lines), said, project.lines, lambda: run)
        return len(body(project))

    assert n_lines(NOW + 6 * DAY) == 2
    assert n_lines(NOW + 8 * DAY) == 1


def test_a_line_that_a_person_edited_stays_as_they_have_it(project: Project) -> None:
    project.write(finding(PYTHON))
    edited = project.file().read_text(encoding="utf-8").replace("there is no", "there never was a")
    project.file().write_text(edited, encoding="utf-8")
    (draft,) = project.plan(finding(PYTHON, n=5)).drafts
    assert draft.update.kept == (finding(PYTHON).id,)
    assert project.write(finding(PYTHON, n=5)) == ([], [])
    assert project.write(now=NOW + 100 * DAY) == ([], [])
    assert project.file().read_text(encoding="utf-8") == edited


def test_a_line_that_lost_its_id_or_moved_out_of_the_section_is_not_written_twice(project: Project) -> None:
    project.write(finding(PYTHON))
    text = project.file().read_text(encoding="utf-8").replace(f" <!-- {finding(PYTHON).id} -->", "")
    project.file().write_text(text, encoding="utf-8")
    assert project.write(finding(PYTHON, n=2)) == ([], [])
    project.file().write_text(f"{RULES}\n{PYTHON}\n", encoding="utf-8")
    assert project.write(finding(PYTHON, n=3)) == ([], [])


@pytest.mark.parametrize("whole", [False, True])
def test_a_line_that_a_person_deleted_stays_away(project: Project, *, whole: bool) -> None:
    project.write(finding(PYTHON), finding(TESTS))
    text = project.file().read_text(encoding="utf-8")
    kept = [line for line in text.splitlines(keepends=True) if PYTHON not in line]
    project.file().write_text(RULES if whole else "".join(kept), encoding="utf-8")
    assert project.write(finding(PYTHON, n=2), finding(TESTS)) == ([], [])
    project.write(finding(PYTHON, n=2), finding(TESTS), finding("Use `rg`, not `grep -r`."))
    assert PYTHON not in project.file().read_text(encoding="utf-8")


def test_a_line_that_comes_back_with_a_branch_is_ours_again(project: Project) -> None:
    project.write(finding(PYTHON))
    ours = project.file().read_text(encoding="utf-8")
    project.file().write_text(RULES, encoding="utf-8")
    project.write(finding(PYTHON))
    project.file().write_text(ours, encoding="utf-8")
    project.write(finding(PYTHON, n=2))
    assert "seen in 2 sessions" in body(project)[0]


def test_a_line_of_somebody_elses_headroom_is_neither_changed_nor_doubled(project: Project) -> None:
    theirs = f"- {PYTHON} (seen in 9 sessions) <!-- {finding(PYTHON).id} -->"
    project.file().write_text(markdown.set_section(RULES, "learn", f"{theirs}\n- my own note"), encoding="utf-8")
    assert project.write(finding(PYTHON)) == ([], [])
    project.write(finding(PYTHON), finding(TESTS))
    assert body(project)[:2] == [theirs, "- my own note"]
    assert len(body(project)) == 3


def test_a_line_written_before_a_crash_could_be_remembered_is_ours(project: Project) -> None:
    project.write(finding(PYTHON))
    project.lines.replace({str(project.file()): []})
    project.write(finding(PYTHON))
    project.write(finding(PYTHON, n=2))
    assert "seen in 2 sessions" in body(project)[0]


def test_what_a_person_wrote_already_is_not_said_again(project: Project) -> None:
    project.file().write_text(f"{RULES}\n* {PYTHON}\n", encoding="utf-8")
    assert project.write(finding(PYTHON)) == ([], [])


def test_a_formatter_changes_bullets_and_empty_lines_and_nothing_is_written_twice(project: Project) -> None:
    project.write(finding(PYTHON))
    text = project.file().read_text(encoding="utf-8").replace("- Run", "* Run").replace("start -->\n", "start -->\n\n")
    project.file().write_text(text, encoding="utf-8")
    assert project.write(finding(PYTHON)) == ([], [])


def test_the_section_holds_the_best_and_has_an_end(project: Project) -> None:
    many = [finding(f"Use `tool-{n}`, not `tool`.", lost=100 + n) for n in range(60)]
    (draft,), _ = project.write(*many)
    assert len(body(project)) == MAX_LINES
    assert len(draft.update.left_out) == 60 - MAX_LINES
    assert "`tool-59`" in body(project)[0]
    assert project.write(*many) == ([], [])
    project.write(*many, finding(TESTS, lost=9000))
    assert len(body(project)) == MAX_LINES
    assert TESTS in body(project)[-1]


def test_long_lines_count_by_their_tokens(project: Project) -> None:
    project.write(*[finding(f"Use `{'long word ' * 26}{n}`.") for n in range(MAX_LINES)])
    assert 10 < len(body(project)) < MAX_LINES


# -- which files


def names(project: Project, *agents: str) -> list[str]:
    plan = project.plan(*[finding(f"Use `{agent}`.", agent=agent) for agent in agents])
    return [draft.held.path.relative_to(project.root).as_posix() for draft in plan.changes]


def test_each_agent_gets_the_file_that_it_reads(project: Project) -> None:
    project.file().unlink()
    assert names(project, "claude") == ["CLAUDE.md"]
    assert names(project, "codex") == ["AGENTS.md"]
    assert names(project, "copilot") == [".github/copilot-instructions.md"]
    assert names(project, "cursor") == [".cursor/rules/headroom.mdc"]
    assert names(project, "codex", "copilot", "cursor") == ["AGENTS.md"]
    assert names(project, "aider") == []


def test_files_that_exist_get_it_whoever_saw_it(project: Project) -> None:
    project.file("GEMINI.md").write_text("", encoding="utf-8")
    project.file("AGENTS.md").write_text("Hi", encoding="utf-8")
    assert names(project, "aider") == ["CLAUDE.md", "AGENTS.md", "GEMINI.md"]
    project.write(finding(PYTHON))
    assert project.file("AGENTS.md").read_text(encoding="utf-8").startswith("Hi\n\n<!-- headroom")


def test_a_file_that_imports_the_other_says_nothing_twice(project: Project) -> None:
    project.file().write_text("@AGENTS.md\n", encoding="utf-8")
    project.file("AGENTS.md").write_text("", encoding="utf-8")
    assert names(project, "claude") == ["AGENTS.md"]


def test_a_new_rule_of_cursor_has_its_head_and_goes_as_a_whole(project: Project) -> None:
    project.file().unlink()
    project.write(finding(PYTHON, agent="cursor"))
    text = project.file(".cursor/rules/headroom.mdc").read_text(encoding="utf-8")
    assert text.startswith("---\ndescription: ")
    assert "\nalwaysApply: true\n---\n\n<!-- headroom:learn:start -->\n" in text
    assert [outcome for _, outcome in project.undo()] == [Outcome.REMOVED]
    assert not project.file(".cursor").exists()


def test_a_local_file_is_written_when_chosen_and_from_then_on(project: Project) -> None:
    project.write(finding(PYTHON), is_local=True)
    assert project.file().read_text(encoding="utf-8") == RULES
    project.write(finding(PYTHON), finding(TESTS))
    assert project.file().read_text(encoding="utf-8") == RULES
    assert len(body(project, "CLAUDE.local.md")) == 2


def test_a_new_file_has_the_permissions_of_a_file_of_the_users(project: Project) -> None:
    project.file().unlink()
    plain = Path(project.root / "plain")
    plain.touch()
    project.write(finding(PYTHON))
    assert project.file().stat().st_mode == plain.stat().st_mode
