"""`headroom explain`: what was dropped and why, also of texts that would play with a terminal."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from headroom_wrap import paths
from headroom_wrap.cli.main import main
from headroom_wrap.compression.engine import Engine
from headroom_wrap.compression.model import Level, Profile, Slot, SlotKind, WayBack
from headroom_wrap.store import Store

LOG = "".join(
    f"2026-03-01T02:{i // 60:02d}:{i % 60:02d}Z INFO worker finished batch {i} in {i * 7 % 90} ms\n" for i in range(400)
).replace("finished batch 200 in", "\x1b[31mfailed\x1b[0m with ERROR in batch 200 after")
PROFILE = Profile(Level.BALANCED, way_back=WayBack.MCP)
NOTE = "customer {0} wrote on day {1} about order {2} in words of their own, and got answer {3} at once"
ROWS = json.dumps([{"id": i, "note": NOTE.format(i * 31, i % 28, i * 7919, i * 13)} for i in range(400)])


def slot(text: str, call_id: str) -> Slot:
    command = "cat app.log" if text == LOG else "curl localhost/items"
    return Slot(SlotKind.TOOL_RESULT, text, 0, call_id, "Bash", {"command": command})


def decided(*texts: str, profile: Profile = PROFILE) -> list[str]:
    """The ids of originals that a conversation's tool results were replaced by."""
    store = Store(paths.store_file(paths.home(os.environ)))
    slots = [slot(text, f"c{number}") for number, text in enumerate(texts)]
    verdicts = Engine(store).process(slots, "anthropic", profile)
    store.close()
    assert all(verdict.original_id for verdict in verdicts)
    return [verdict.original_id or "" for verdict in verdicts]


def told(capfd: pytest.CaptureFixture[str]) -> list[str]:
    return [" ".join(line.split()) for line in capfd.readouterr().out.splitlines()]


def test_it_says_what_the_text_was_what_was_done_and_what_each_marker_stands_for(
    capfd: pytest.CaptureFixture[str],
) -> None:
    (id_,) = decided(LOG)
    assert main(["explain", id_]) == 0
    lines = told(capfd)
    assert f"original {id_}" in lines
    assert "tool Bash" in lines
    assert f"size 400 lines, {len(LOG):,} characters" in lines
    assert f"to read headroom retrieve {id_}" in lines
    assert "done by logs, level balanced" in lines
    assert "way back the tool headroom_retrieve" in lines
    assert any(line.startswith("tokens ") and "fewer (o200k_base)" in line for line in lines)
    table = lines[next(number for number, line in enumerate(lines) if line.startswith("elided lines")) + 1 :]
    # Long descriptions wrap; a row begins with its range.
    rows = [line for line in table if line[:1].isdigit()]
    firsts = [int(line.partition(" ")[0].partition("-")[0]) for line in rows]
    assert firsts
    assert firsts == sorted(firsts)
    for first, line in zip(firsts, rows, strict=True):
        assert LOG.split("\n")[first - 1][:24] in line


def test_as_json_every_elided_stretch_has_its_range(capfd: pytest.CaptureFixture[str]) -> None:
    (id_,) = decided(LOG)
    assert main(["explain", id_, "--json"]) == 0
    document: dict[str, Any] = json.loads(capfd.readouterr().out)
    (decision,) = document["decisions"]
    lines = LOG.split("\n")
    elided = decision["elided"]
    assert document["n_lines"] == 400
    assert f"{sum(one['last'] - one['first'] + 1 for one in elided)} of 400 lines elided" in decision["rendered"]
    assert all(one["starts"] == lines[one["first"] - 1] for one in elided)


def test_a_reference_names_what_it_refers_to(capfd: pytest.CaptureFixture[str]) -> None:
    (id_, same) = decided(LOG, LOG)
    assert id_ == same
    assert main(["explain", id_]) == 0
    said = " ".join(told(capfd))
    assert "Decision 2 of 2" in said
    assert "A reference to an earlier, equal result of the same conversation" in said
    assert "the same 400 lines as the earlier result of Bash (cat app.log)" in said


def test_rows_of_json_are_shown_as_rows(capfd: pytest.CaptureFixture[str]) -> None:
    (id_,) = decided(ROWS)
    assert main(["explain", id_, "--json"]) == 0
    (decision,) = json.loads(capfd.readouterr().out)["decisions"]
    assert decision["compressor"] == "json_rows"
    assert decision["elided"]
    for one in decision["elided"]:
        assert f'"id":{one["first"] - 1},' in one["starts"]


@pytest.mark.parametrize("width", [30, 80, 120])
@pytest.mark.parametrize("options", [[], ["--diff"]])
def test_it_fits_the_terminal_and_shows_no_codes_of_the_text(
    width: int, options: list[str], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    (id_,) = decided(LOG)
    assert main(["explain", id_, *options]) == 0
    out = capfd.readouterr().out
    assert "\x1b" not in out
    assert max(map(len, out.splitlines())) <= max(width, 39)


def test_the_diff_has_each_line_of_the_rendered_text_beside_its_original(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    (id_,) = decided(LOG)
    assert main(["explain", id_, "--diff"]) == 0
    out = capfd.readouterr().out.splitlines()
    store = Store(paths.store_file(paths.home(os.environ)))
    (dated,) = store.decisions_on(id_)
    store.close()
    right = [row.partition(" | ")[2] or row for row in out]
    for line in (dated.decision.rendered or "").rstrip("\n").split("\n"):
        shown = line.replace("\x1b[31m", "").replace("\x1b[0m", "")
        assert any(shown in row for row in right)
    kept = [row for row in out if "│" in row]
    assert kept
    for row in kept:
        number, _, rest = row.strip().partition(" ")
        left, _, other = rest.partition("│")
        assert left.strip() == other.strip()
        assert left.strip()[:24] == LOG.split("\n")[int(number) - 1][:24]


@pytest.mark.parametrize("words", [["h000000000000"], ["x", "--json"]])
def test_what_is_not_there_is_said_with_what_to_do(words: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    decided(LOG)
    assert main(["explain", *words]) == 2
    said = capfd.readouterr()
    assert said.out == ""
    assert "There is no original" in said.err
    assert "headroom store stats" in said.err


def test_an_original_without_a_decision_is_told_too(capfd: pytest.CaptureFixture[str]) -> None:
    store = Store(paths.store_file(paths.home(os.environ)))
    id_ = store.put_original("text")
    store.close()
    assert main(["explain", id_]) == 0
    assert "No decision refers to it" in capfd.readouterr().out
    assert main(["explain", id_, "--diff"]) == 2
    assert f"headroom retrieve {id_}" in capfd.readouterr().err


def test_without_a_store_none_is_made(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "h1"]) == 2
    assert "There is no store at" in capfd.readouterr().err
    assert not Path(paths.store_file(paths.home(os.environ))).exists()
