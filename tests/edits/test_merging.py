"""Our edit goes, the user's later ones stay; what cannot be told apart is not guessed."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_wrap.edits import jsonc, lines, markdown, toml, yaml
from headroom_wrap.edits.merging import merge

FILES = Path(__file__).parent / "files"
SERVER = {"command": "headroom", "args": ["mcp"]}
ORIGINALS: list[tuple[str, Any, tuple[str, ...]]] = [
    ("cursor-mcp.json", jsonc, ("mcpServers", "headroom")),
    ("vscode-settings.jsonc", jsonc, ("headroom.server",)),
    ("openclaw.json5", jsonc, ("plugins",)),
    ("codex-config.toml", toml, ("mcp_servers", "headroom")),
    ("aider.conf.yml", yaml, ("headroom",)),
]


def read(name: str) -> str:
    return (FILES / name).read_text(encoding="utf-8")


@pytest.mark.parametrize(("name", "form", "path"), ORIGINALS)
def test_a_comment_and_a_key_that_came_later_stay(name: str, form: Any, path: tuple[str, ...]) -> None:
    ours = read(name)
    base = form.set_value(ours, path, SERVER)
    mark = "#" if form is not jsonc else "//"
    theirs = f"{mark} written later\n" + form.set_value(base, (*path[:-1], "theirs"), {"command": "x"})
    merged = merge(name, base.encode(), theirs.encode(), ours.encode())
    assert merged is not None
    expected = f"{mark} written later\n" + form.set_value(ours, (*path[:-1], "theirs"), {"command": "x"})
    assert form.load(merged.decode()) == form.load(expected)
    assert merged.decode() == expected


@pytest.mark.parametrize(("name", "form", "path"), ORIGINALS)
def test_a_value_of_ours_that_the_user_changed_is_not_touched(name: str, form: Any, path: tuple[str, ...]) -> None:
    ours = read(name)
    base = form.set_value(ours, path, SERVER)
    theirs = form.set_value(base, (*path, "command"), "something else")
    assert merge(name, base.encode(), theirs.encode(), ours.encode()) is None


@pytest.mark.parametrize(("name", "form", "path"), ORIGINALS)
def test_what_the_user_took_out_already_is_no_conflict(name: str, form: Any, path: tuple[str, ...]) -> None:
    ours = read(name)
    base = form.set_value(ours, path, SERVER)
    assert merge(name, base.encode(), ours.encode(), ours.encode()) == ours.encode()


def test_a_value_that_we_replaced_comes_back_as_it_was_written() -> None:
    ours = read("codex-config.toml")
    base = toml.set_value(ours, ("approval_policy",), "never")
    theirs = base + "\n[more]\na = 1\n"
    merged = merge("config.toml", base.encode(), theirs.encode(), ours.encode())
    assert merged == (ours + "\n[more]\na = 1\n").encode()


def test_a_file_of_ours_in_which_the_user_put_something_keeps_that_alone() -> None:
    base = jsonc.set_value("", ("mcpServers", "headroom"), SERVER)
    theirs = jsonc.set_value(base, ("mcpServers", "theirs"), {"url": "x"})
    merged = merge("mcp.json", base.encode(), theirs.encode(), None)
    assert merged is not None
    assert json.loads(merged) == {"mcpServers": {"theirs": {"url": "x"}}}


def test_a_file_of_ours_that_was_only_formatted_anew_goes() -> None:
    base = jsonc.set_value("", ("mcpServers", "headroom"), SERVER)
    theirs = json.dumps(json.loads(base), indent="\t")
    assert merge("mcp.json", base.encode(), theirs.encode(), None) == b""


def test_a_section_goes_where_the_lines_next_to_it_changed() -> None:
    ours = read("AGENTS.md")
    base = markdown.set_section(ours, "memory", "- a fact")
    theirs = base.replace("make test", "just test") + "More of mine.\n"
    merged = merge("AGENTS.md", base.encode(), theirs.encode(), ours.encode())
    assert merged == (ours.replace("make test", "just test") + "More of mine.\n").encode()


def test_a_section_in_which_the_user_wrote_is_left() -> None:
    ours = read("AGENTS.md")
    base = markdown.set_section(ours, "memory", "- a fact")
    theirs = base.replace("a fact", "a better fact")
    assert merge("AGENTS.md", base.encode(), theirs.encode(), ours.encode()) is None


@pytest.mark.parametrize("name", ["mcp.json", "rule.mdc", "notes.txt"])
def test_what_is_broken_or_no_text_is_left(name: str) -> None:
    assert merge(name, b'{"a": 1}\n', b"\xff\xfe", b"{}") is None
    assert merge(name, b'{"a": 1}\n', b"{{{", b"{}") is None


LINES = st.lists(st.sampled_from("abcd"), max_size=6).map(lambda found: "".join(f"{line}\n" for line in found))


@given(LINES, LINES, LINES)
def test_a_merge_by_lines_is_even_handed(base: str, theirs: str, ours: str) -> None:
    assert lines.merge(base, theirs, base) == theirs
    assert lines.merge(base, base, ours) == ours
    assert lines.merge(base, theirs, theirs) == theirs
    merged = lines.merge(base, theirs, ours)
    if merged is not None:
        assert set(merged.split()) <= set(theirs.split()) | set(ours.split())


def test_edits_with_a_line_between_them_never_conflict() -> None:
    base = "1\n2\n3\n4\n5\n"
    for one, other in product(("1\n", ""), ("5\nsix\n", "five\n", "")):
        theirs, ours = base.replace("1\n", one), base.replace("5\n", other)
        assert lines.merge(base, theirs, ours) == theirs.replace("5\n", other)


def test_neighbouring_edits_conflict() -> None:
    assert lines.merge("1\n2\n", "one\n2\n", "1\ntwo\n") is None
