"""The command: what one folder remembers is shown, changed, carried and taken back by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from headroom_wrap.cli.main import EXIT_ERROR, main

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(capsys: Capture, *words: str) -> tuple[int, str, str]:
    code = main(["memory", *words])
    out, err = capsys.readouterr()
    return code, out, err


def test_a_fact_is_added_once_found_replaced_and_brought_back(capsys: Capture) -> None:
    assert run(capsys, "add", "The port is 80")[2] == "headroom: remembered as m1.\n"
    assert "m1 says that already" in run(capsys, "add", "the port is 80.")[2]
    assert (
        run(capsys, "add", "The port is now 81", "--kind", "decision")[2]
        == "headroom: remembered as m2, in place of m1.\n"
    )
    assert "near to m2" in run(capsys, "add", "The port is not 81")[2]
    out = run(capsys, "search", "port")[1]
    assert "m2" in out
    assert "The port is now 81" in out
    assert "m1" not in out
    run(capsys, "undo")
    assert "undid supersede of m1" in run(capsys, "undo")[2]
    assert [fact["id"] for fact in json.loads(run(capsys, "list", "--json")[1])] == ["m1"]


def test_facts_are_edited_forgotten_and_erased(capsys: Capture) -> None:
    run(capsys, "add", "Use tabs")
    assert (
        run(capsys, "edit", "m1", "Use spaces", "--kind", "preference")[2] == "headroom: m1 (preference): Use spaces\n"
    )
    assert run(capsys, "forget", "m1")[2] == "headroom: forgot m1: Use spaces\n"
    assert "no facts" in run(capsys, "list")[2]
    assert "undid forget" in run(capsys, "undo")[2]
    assert run(capsys, "forget", "--erase", "m1")[2] == "headroom: erased m1.\n"
    assert "nothing to undo" in run(capsys, "undo")[2]


def test_facts_are_carried_from_one_project_to_another(capsys: Capture, folder: Path) -> None:
    other = folder / "other"
    other.mkdir()
    run(capsys, "add", "Use tabs")
    run(capsys, "export", "facts.jsonl")
    assert (folder / "facts.jsonl").stat().st_mode & 0o777 == 0o600
    assert run(capsys, "list", "--project", "other", "--json")[1] == "[]\n"
    assert run(capsys, "import", "facts.jsonl", "--project", "other")[2] == "headroom: 1 new fact, 0 known already.\n"
    assert run(capsys, "import", "facts.jsonl", "--project", "other")[2] == "headroom: 0 new facts, 1 known already.\n"
    stats = json.loads(run(capsys, "stats", "--json")[1])
    assert [(each["project"], each["active"]) for each in stats["projects"]] == [(str(folder), 1), (str(other), 1)]
    assert "kind convention" in run(capsys, "stats")[1]


def test_a_fact_cannot_move_the_cursor(capsys: Capture) -> None:
    run(capsys, "add", "Use \x1b[2J tabs")
    for words in (("list",), ("search", "tabs"), ("add", "use \x1b[2J tabs")):
        _, out, err = run(capsys, *words)
        assert "\x1b" not in out + err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("forget", "m9"), "There is no fact 'm9'"),
        (("edit", "m9", "x"), "There is no fact"),
        (("edit", "m1"), "nothing to change"),
        (("add", " "), "needs words"),
        (("list", "--project", "nowhere"), "is no folder"),
        (("import", "nowhere"), "cannot be read"),
        (("export", "nowhere/file"), "could not be written"),
    ],
)
def test_what_cannot_be_done_is_said(capsys: Capture, words: tuple[str, ...], said: str) -> None:
    code, _, err = run(capsys, *words)
    assert code == EXIT_ERROR
    assert said in err
