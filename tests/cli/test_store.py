"""`headroom store stats` and `headroom store purge`."""

from __future__ import annotations

import json
import os
import re
import sys

import pexpect
import pytest

from headroom_wrap import paths
from headroom_wrap.cli.main import main
from headroom_wrap.store import LedgerRow, Store
from tests.store.test_purge import fill


@pytest.fixture(autouse=True)
def a_store() -> None:
    """Three originals with a decision each, and figures of two models."""
    store = open_store()
    fill(store, range(3))
    row = LedgerRow("s1", "claude", "anthropic", "claude-x", 200, tokens_before=1000, tokens_after=100)
    store.record(row)
    store.record(LedgerRow("s2", "codex", "openai_responses", "gpt-5", 200, tokens_before=500, tokens_after=100))
    store.calibrate("claude-x", 1.2)
    store.close()


def open_store() -> Store:
    return Store(paths.store_file(paths.home(os.environ)))


def n_originals() -> int:
    store = open_store()
    rows = store.stats().originals.rows
    store.close()
    return rows


def said(capfd: pytest.CaptureFixture[str]) -> list[str]:
    return [" ".join(line.split()) for line in capfd.readouterr().out.splitlines()]


def test_stats_say_what_is_there_for_how_long_and_what_was_saved(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADROOM_RETENTION_DAYS", "7")
    assert main(["store", "stats"]) == 0
    lines = said(capfd)
    assert "kept for 7 days after the last use (from: HEADROOM_RETENTION_DAYS)" in lines
    assert "at most 2,048 MB (from: default)" in lines
    assert any(re.fullmatch(r"originals 3 6\.\d kB [-\d]{10} [:\d]{5} [-\d]{10} [:\d]{5}", line) for line in lines)
    assert "claude-x 1 1,080 calibrated estimate (× 1.20, 1 session)" in lines
    assert "gpt-5 1 400 exact" in lines


def test_stats_as_json_hold_the_same_figures(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["store", "stats", "--json"]) == 0
    told = json.loads(capfd.readouterr().out)
    assert told["path"] == str(paths.store_file(paths.home(os.environ)))
    assert told["limits"]["store_max_mb"] == {"value": 2048, "source": "default"}
    assert (told["originals"]["rows"], told["decisions"]["rows"], told["ledger"]["rows"]) == (3, 3, 2)
    assert [(model["model"], model["counted"]) for model in told["models"]] == [
        ("claude-x", "calibrated estimate"),
        ("gpt-5", "exact"),
    ]


@pytest.mark.parametrize("width", [40, 80, 120])
def test_stats_fit_the_terminal(width: int, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    assert main(["store", "stats"]) == 0
    assert max(map(len, capfd.readouterr().out.splitlines())) <= width


@pytest.mark.parametrize(
    ("options", "left"),
    [([], 3), (["--older-than", "7d"], 3), (["--older-than", "0m"], 0), (["--all"], 0)],
)
def test_purge_removes_what_it_is_told_to(options: list[str], left: int, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["store", "purge", "--yes", *options]) == 0
    told = capfd.readouterr().err
    assert n_originals() == left
    if left:
        assert told == "headroom: there was nothing to remove.\n"
    else:
        figures = ", 2 ledger rows" if options == ["--all"] else ""
        assert told.startswith(f"headroom: removed 3 originals, 3 decisions{figures}; ")
        assert re.search(r"; [\d.]+ kB given back to the disk\.\n$", told)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ([], "Nobody is there to ask, and nothing was removed. Add --yes."),
        (["--older-than", "soon", "--yes"], "'soon' is no age. Write it as 30m, 12h, 7d or 2w."),
        (["--older-than", "7d", "--all"], "--all and --older-than exclude each other. Give one of them."),
    ],
)
def test_purge_refuses_with_what_to_type(
    options: list[str], complaint: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    assert main(["store", "purge", *options]) == 2
    assert capfd.readouterr().err == f"headroom: {complaint}\n"
    assert n_originals() == 3


@pytest.mark.parametrize(("answer", "left"), [("n", 3), ("y", 0)])
def test_a_person_is_asked_and_told_what_it_costs(answer: str, left: int) -> None:
    argv = ["-m", "headroom_wrap", "store", "purge", "--all"]
    child = pexpect.spawn(sys.executable, argv, encoding="utf-8", timeout=60, dimensions=(24, 200))
    child.expect(r"This removes everything but the memory: 3 originals \(\d\.\d kB\)")
    child.expect("Markers in conversations that are still going on can then not be followed")
    child.expect("Remove it")
    child.sendline(answer)
    child.expect("Nothing was removed" if left else "removed 3 originals")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == (2 if left else 0)
    assert n_originals() == left


@pytest.mark.parametrize("words", [["stats"], ["purge", "--all", "--yes"]])
def test_without_a_store_none_is_made(words: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    file = paths.store_file(paths.home(os.environ))
    for path in file.parent.iterdir():
        path.unlink()
    assert main(["store", *words]) == 2
    assert f"There is no store at {file} yet." in capfd.readouterr().err
    assert not file.exists()


@pytest.mark.parametrize("verb", ["stats", "purge"])
def test_each_part_has_help_of_its_own(verb: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["store", verb, "--help"]) == 0
    assert f"headroom store {verb}" in capfd.readouterr().out
