"""Files that are not as one would like them: each is handled, and nothing of the user's is lost."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from headroom_wrap.edits import markdown
from headroom_wrap.learn import files
from headroom_wrap.learn.backups import Outcome
from tests.learn.making import PYTHON, TESTS, Project, finding

START, END = "<!-- headroom:learn:start -->", "<!-- headroom:learn:end -->"


def refused(project: Project, text: str) -> str:
    """The reason for which a file with this text is left, as it must be."""
    project.file().write_bytes(text.encode())
    written, refusals = project.write(finding(PYTHON))
    assert written == []
    assert project.file().read_bytes() == text.encode()
    (refusal,) = refusals
    assert refusal.path == project.file()
    assert "headroom learn --apply" in refusal.hint
    return refusal.reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"a\n{START}\n- x\n\n# My chapter\n", "the section learn of line 2 has no end"),
        (f"{START}\n- x\n{START}\n- y\n{END}\n", "the section learn of line 1 has no end before line 3"),
        (f"{START}\n- x\n{END}\n\n{START}\n- y\n{END}\n", "line 5 opens the section learn a second time"),
        (f"- x\n{END}\n", "line 2 ends a section learn that is not open there"),
        (f"{START}\n<!-- headroom:memory:start -->\n<!-- headroom:memory:end -->\n{END}\n", "of line 1 has no end"),
        (f"{START}\n<<<<<<< ours\n- x\n=======\n- y\n>>>>>>> theirs\n{END}\n", "an unresolved merge"),
        ("a\0b", "no UTF-8"),
    ],
    ids=["no end", "nested", "two", "no start", "another inside", "merge conflict", "zero byte"],
)
def test_marks_that_do_not_fit_are_left_with_their_line(text: str, reason: str, project: Project) -> None:
    assert reason in refused(project, text)


def test_a_file_in_utf_16_is_left(project: Project) -> None:
    project.file().write_bytes("\ufeffhello".encode("utf-16-le"))
    _, (refusal,) = project.write(finding(PYTHON))
    assert "no UTF-8" in refusal.reason


@pytest.mark.parametrize(
    "text",
    [
        b"\xef\xbb\xbf# With a mark\r\n\r\nand \r\n",
        b"no end of line",
        b"caf\xe9 in another coding\n",
        b"one\r\ntwo\nthree\r\n",
        b"old\rmac\r",
        b"",
        b"\n\n\n",
        b"  indented\t\n<!-- a comment -->\n\x0b\x0c\n",
    ],
    ids=["BOM and CRLF", "open end", "Latin-1", "mixed", "CR", "empty", "empty lines", "odd white space"],
)
def test_everything_outside_is_byte_identical(text: bytes, project: Project) -> None:
    project.file().write_bytes(text)
    project.write(finding(PYTHON))
    written = project.file().read_bytes()
    assert written.startswith(text)
    assert project.write(finding(PYTHON)) == ([], [])
    newline = b"\r\n" if text.count(b"\r\n") == text.count(b"\n") > 0 else b"\n"
    assert f"{PYTHON} (seen in 1 session".encode() in written
    assert written.count(newline) == written.count(b"\n") or newline == b"\n"
    project.write(finding(PYTHON, n=2))
    assert project.file().read_bytes().startswith(text)
    assert project.file().read_bytes().count(START.encode()) == 1
    project.write(now=finding(PYTHON).expires + 1)
    assert project.file().read_bytes() == text
    assert [project.undo()[0][1] for _ in range(3)] == [Outcome.RESTORED] * 3
    assert project.file().read_bytes() == text


def test_text_below_the_section_stays_below_it(project: Project) -> None:
    project.write(finding(PYTHON))
    with project.file().open("a", encoding="utf-8") as file:
        file.write("\n# Mine\n")
    project.write(finding(PYTHON), finding(TESTS))
    assert project.file().read_text(encoding="utf-8").endswith(f"{END}\n\n# Mine\n")


@pytest.mark.parametrize("mode", [0o640, 0o664, 0o600])
def test_the_mode_stays(mode: int, project: Project) -> None:
    project.file().chmod(mode)
    project.write(finding(PYTHON))
    assert stat.S_IMODE(project.file().stat().st_mode) == mode


def test_a_read_only_file_is_left_and_claudes_local_one_takes_it(project: Project) -> None:
    project.file().chmod(0o444)
    project.file("AGENTS.md").write_text("mine", encoding="utf-8")
    project.file("AGENTS.md").chmod(0o444)
    written, (refusal,) = project.write(finding(PYTHON))
    assert [draft.held.path.name for draft in written] == ["CLAUDE.local.md"]
    assert written[0].note == "CLAUDE.md may not be written, so that CLAUDE.local.md gets what it would."
    assert refusal.reason == "may not be written"
    assert "chmod u+w" in refusal.hint
    assert project.file("AGENTS.md").read_text(encoding="utf-8") == "mine"
    assert PYTHON not in project.file().read_text(encoding="utf-8")


def test_a_disk_that_takes_nothing_is_said(project: Project) -> None:
    def full(_step: str) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    before = project.file().read_bytes()
    written, (refusal,) = project.write_slowly(full, finding(PYTHON))
    assert written == []
    assert refusal.reason == "could not be written: No space left on device"
    assert project.file().read_bytes() == before
    assert len(project.write(finding(PYTHON))[0]) == 1


def test_a_link_is_followed_and_one_file_under_two_names_is_written_once(project: Project) -> None:
    project.file().rename(project.file("AGENTS.md"))
    project.file().symlink_to("AGENTS.md")
    written, refusals = project.write(finding(PYTHON))
    assert len(written) == 1
    assert refusals == []
    assert project.file().is_symlink()
    assert project.file("AGENTS.md").read_text(encoding="utf-8").count(START) == 1


def test_a_link_to_nothing_makes_the_file_it_names(project: Project) -> None:
    project.file().unlink()
    project.file().symlink_to("docs/agents.md")
    project.write(finding(PYTHON))
    assert PYTHON in project.file("docs/agents.md").read_text(encoding="utf-8")
    project.undo()
    assert project.file().is_symlink()
    assert not project.file("docs").exists()


@pytest.mark.parametrize("is_there", [False, True])
def test_a_link_out_of_the_project_is_not_followed(project: Project, tmp_path: Path, *, is_there: bool) -> None:
    others = tmp_path / "others.md"
    if is_there:
        others.write_text("not this project's", encoding="utf-8")
    project.file("AGENTS.md").symlink_to(others)
    project.file().unlink()
    project.file().symlink_to(others)
    written, (refusal,) = project.write(finding(PYTHON))
    assert [draft.held.path.name for draft in written] == ["CLAUDE.local.md"]
    assert "not this project's own" in refusal.reason
    assert (others.read_text(encoding="utf-8") == "not this project's") if is_there else not others.exists()


def test_a_link_into_gits_own_folder_is_not_followed(project: Project) -> None:
    project.file(".git").mkdir()
    project.file(".git/config").write_text("[core]\n", encoding="utf-8")
    project.file("AGENTS.md").symlink_to(".git/config")
    _, (refusal,) = project.write(finding(PYTHON))
    assert "not this project's own" in refusal.reason
    assert project.file(".git/config").read_text(encoding="utf-8") == "[core]\n"


@pytest.mark.parametrize("name", ["app.py", "Makefile", "hooks/pre-commit"])
def test_a_link_to_a_program_is_not_followed(name: str, project: Project) -> None:
    project.file(name).parent.mkdir(exist_ok=True)
    project.file(name).write_text("true\n", encoding="utf-8")
    project.file("AGENTS.md").symlink_to(name)
    _, (refusal,) = project.write(finding(PYTHON))
    assert "no text for agents" in refusal.reason
    assert project.file(name).read_text(encoding="utf-8") == "true\n"


def test_links_in_a_circle_folders_and_pipes_are_left(project: Project) -> None:
    project.file("AGENTS.md").symlink_to("GEMINI.md")
    project.file("GEMINI.md").symlink_to("AGENTS.md")
    project.file(".github").mkdir()
    os.mkfifo(project.file(".github/copilot-instructions.md"))
    project.file(".cursor/rules/headroom.mdc").mkdir(parents=True)
    written, refusals = project.write(finding(PYTHON))
    assert [draft.held.path.name for draft in written] == ["CLAUDE.md"]
    assert len(refusals) == 4


def test_a_file_that_changes_during_the_run_is_read_again_and_both_changes_stand(project: Project) -> None:
    n = 0

    def user_writes(step: str) -> None:
        nonlocal n
        if step == "rename" and n == 0:
            n += 1
            project.file().write_text("# Other rules\n", encoding="utf-8")

    written, refusals = project.write_slowly(user_writes, finding(PYTHON))
    assert (len(written), refusals) == (1, [])
    text = project.file().read_text(encoding="utf-8")
    assert text.startswith("# Other rules\n\n<!--")
    assert PYTHON in text
    assert project.write(finding(PYTHON)) == ([], [])
    project.undo()
    assert project.file().read_text(encoding="utf-8") == "# Other rules\n"


def test_a_file_that_changes_all_the_time_is_left_to_whoever_changes_it(project: Project) -> None:
    n = 0

    def user_writes(step: str) -> None:
        nonlocal n
        if step == "rename":
            n += 1
            project.file().write_text(f"version {n}", encoding="utf-8")

    written, (refusal,) = project.write_slowly(user_writes, finding(PYTHON))
    assert written == []
    assert "being changed by somebody else" in refusal.reason
    assert project.file().read_text(encoding="utf-8") == f"version {n}"
    assert sorted(path.name for path in project.root.iterdir()) == ["CLAUDE.md"]
    assert len(project.write(finding(PYTHON))[0]) == 1


def test_a_file_that_appears_during_the_run_is_not_written_over(project: Project) -> None:
    project.file().unlink()

    def user_writes(step: str) -> None:
        if step == "rename" and not project.file().exists():
            project.file().write_text("mine", encoding="utf-8")

    project.write_slowly(user_writes, finding(PYTHON))
    assert project.file().read_text(encoding="utf-8").startswith("mine\n\n<!--")


@pytest.mark.parametrize("step", ["write neighbour", "rename"])
def test_a_crash_at_any_step_leaves_the_file_whole(step: str, project: Project) -> None:
    def crash(name: str) -> None:
        if name == step:
            raise KeyboardInterrupt

    before = project.file().read_bytes()
    with pytest.raises(KeyboardInterrupt):
        project.write_slowly(crash, finding(PYTHON))
    assert project.file().read_bytes() == before
    assert list(project.root.iterdir()) == [project.file()]
    assert len(project.write(finding(PYTHON))[0]) == 1


def test_what_a_killed_run_left_is_taken_for_nothing(project: Project) -> None:
    left = project.file(".CLAUDE.md.headroom-learn")
    left.write_text("half", encoding="utf-8")
    project.write(finding(PYTHON))
    assert not left.exists()
    assert "half" not in project.file().read_text(encoding="utf-8")


def test_a_huge_file_is_left(project: Project) -> None:
    project.file().write_bytes(b"x" * 2_000_001)
    _, (refusal,) = project.write(finding(PYTHON))
    assert "too long" in refusal.reason


def test_bytes_that_are_no_utf_8_go_through_unchanged() -> None:
    data = bytes(range(1, 256))
    held = files.Held(Path("x"), Path("x"), data)
    assert files.bytes_of(held.text) == data
    assert files.bytes_of(markdown.set_section(held.text, "learn", "- x")).startswith(data)
