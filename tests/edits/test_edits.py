"""Edits of realistic files and of arbitrary ones: what was set is there, and every other byte is as it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import tomli
from hypothesis import example, given, settings
from hypothesis import strategies as st

from headroom_wrap.edits import jsonc, markdown, toml, yaml
from headroom_wrap.edits.text import MISSING, EditError, taken_apart, value_at

FILES = Path(__file__).parent / "files"
SERVER = {"command": "headroom", "args": ["mcp"], "env": {"HOME": "/home/a b", "ON": "yes"}, "n": 3, "on": True}

NEW = [
    ("vscode-settings.jsonc", jsonc, ("headroom.url",), "http://127.0.0.1:8787"),
    ("vscode-settings.jsonc", jsonc, ("files.exclude", "**/.headroom"), True),
    ("vscode-settings.jsonc", jsonc, ("[python]", "headroom"), SERVER),
    ("vscode-settings.jsonc", jsonc, ("terminal.integrated.env.linux", "A"), "b"),
    ("vscode-settings.jsonc", jsonc, ("workbench.colorCustomizations", "a"), [1, {"b": None}]),
    ("cursor-mcp.json", jsonc, ("mcpServers", "headroom"), SERVER),
    ("openclaw.json5", jsonc, ("models", "providers", "anthropic"), SERVER),
    ("openclaw.json5", jsonc, ("agents", "defaults", "workspace"), "/home/u"),
    ("openclaw.json5", jsonc, ("plugins",), {"load": {"paths": ["/p"]}}),
    ("codex-config.toml", toml, ("mcp_servers", "headroom"), SERVER),
    ("codex-config.toml", toml, ("model_provider",), "headroom"),
    ("codex-config.toml", toml, ("tui", "theme"), "dark"),
    ("codex-config.toml", toml, ("shell", "env", "A"), "b"),
    ("aider.conf.yml", yaml, ("env-file",), "/home/u/.env"),
    ("aider.conf.yml", yaml, ("headroom", "deep"), SERVER),
]
"""File, format, a path that is not in it, a value."""

KNOWN = [
    ("vscode-settings.jsonc", jsonc, ("editor.formatOnSave",), False),
    ("vscode-settings.jsonc", jsonc, ("editor.rulers",), [100]),
    ("cursor-mcp.json", jsonc, ("mcpServers", "docs", "url"), "https://other.example.com"),
    ("openclaw.json5", jsonc, ("gateway", "port"), 1),
    ("codex-config.toml", toml, ("model",), "gpt-5"),
    ("codex-config.toml", toml, ("mcp_servers", "github", "args"), ["x"]),
    ("aider.conf.yml", yaml, ("commit-prompt",), "one line"),
    ("aider.conf.yml", yaml, ("read",), ["a.md", "b c.md"]),
]
"""File, format, a path that is in it, another value."""

SHAPES: dict[str, Callable[[str], str]] = {
    "as it is": lambda text: text,
    "CRLF": lambda text: text.replace("\n", "\r\n"),
    "BOM": lambda text: "\ufeff" + text,
    "no final newline": lambda text: text.removesuffix("\n"),
}


def read(name: str, shape: str = "as it is") -> str:
    return SHAPES[shape]((FILES / name).read_text(encoding="utf-8"))


def first_new(document: Any, path: tuple[str, ...]) -> tuple[str, ...]:
    """The path up to its first key that is not in the document."""
    return next(path[:n] for n in range(1, len(path) + 1) if value_at(document, path[:n]) is MISSING)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("name", "form", "path", "value"), NEW)
def test_a_new_value_is_added_and_taken_away_to_the_byte(
    name: str, form: ModuleType, path: tuple[str, ...], value: Any, shape: str
) -> None:
    text = read(name, shape)
    edited = form.set_value(text, path, value)
    assert value_at(form.load(edited), path) == value
    assert form.remove(edited, first_new(form.load(text), path)) == text


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("name", "form", "path", "value"), NEW)
def test_a_new_value_leaves_every_line_that_was_there_and_the_shape_of_the_file(
    name: str, form: ModuleType, path: tuple[str, ...], value: Any, shape: str
) -> None:
    text = read(name, shape)
    edited = form.set_value(text, path, value)
    left = {line.rstrip(",{}") for line in edited.splitlines()}
    missing = [line for line in text.splitlines() if line.strip() and line.rstrip(",{}") not in left]
    # The one line that an object or array on one line is part of gets longer.
    assert len(missing) <= (1 if path[0] == "models" else 0)
    assert edited.startswith("\ufeff") == text.startswith("\ufeff")
    assert edited.endswith("\n") == text.endswith("\n")
    assert edited.count("\r\n") == (edited.count("\n") if shape == "CRLF" else 0)


@pytest.mark.parametrize(("name", "form", "path", "value"), KNOWN)
def test_another_value_changes_its_own_lines_alone(
    name: str, form: ModuleType, path: tuple[str, ...], value: Any
) -> None:
    text = read(name)
    edited = form.set_value(text, path, value)
    assert value_at(form.load(edited), path) == value
    comments = [line for line in text.splitlines() if line.lstrip().startswith(("#", "//"))]
    if path != ("commit-prompt",):
        assert [line for line in edited.splitlines() if line.lstrip().startswith(("#", "//"))] == comments
    assert list(form.load(edited)) == list(form.load(text))
    assert form.set_value(text, path, value_at(form.load(text), path)) == text


@pytest.mark.parametrize(("name", "form", "path", "value"), KNOWN)
def test_a_value_that_goes_takes_no_other_with_it(
    name: str, form: ModuleType, path: tuple[str, ...], value: Any
) -> None:
    del value
    text = read(name)
    edited = form.remove(text, path)
    assert value_at(form.load(edited), path) is MISSING
    restored = form.set_value(edited, path, value_at(form.load(text), path))
    assert form.load(restored) == form.load(text)
    assert form.remove(edited, path) == edited


def test_the_result_is_what_a_strict_reader_expects() -> None:
    edited = jsonc.set_value(read("cursor-mcp.json"), ("mcpServers", "headroom"), SERVER)
    assert json.loads(edited)["mcpServers"]["headroom"] == SERVER
    assert edited.endswith(
        '    },\n    "headroom": {\n      "command": "headroom",\n      "args": [\n        "mcp"\n      ],\n'
        '      "env": {\n        "HOME": "/home/a b",\n        "ON": "yes"\n      },\n      "n": 3,\n'
        '      "on": true\n    }\n  }\n}\n'
    )
    edited = toml.set_value(read("codex-config.toml"), ("mcp_servers", "headroom"), SERVER)
    assert tomli.loads(edited)["mcp_servers"]["headroom"] == SERVER


def test_json5_says_what_it_says() -> None:
    found = jsonc.load(read("openclaw.json5"))
    assert found["agents"]["defaults"]["timeoutSeconds"] == 600
    assert found["gateway"] == {"port": 18789, "auth": {"mode": "token", "token": "placeholder"}}


def test_a_string_that_old_readers_take_for_a_switch_is_quoted() -> None:
    assert yaml.set_value("", ("on",), "no") == '"on": "no"\n'


@pytest.mark.parametrize("form", [jsonc, toml, yaml])
@pytest.mark.parametrize("name", ["conflicted.md", "AGENTS.md"])
def test_what_is_of_another_format_is_refused(form: ModuleType, name: str) -> None:
    with pytest.raises(EditError):
        form.set_value(read(name), ("a",), 1)


@pytest.mark.parametrize(
    ("form", "text", "path"),
    [
        (jsonc, '{"a": 1, "a": 2}', ("a",)),
        (jsonc, '{"a": [1]}', ("a", "b")),
        (jsonc, "[1]", ("a",)),
        (jsonc, '{"a": 1} x', ("b",)),
        (jsonc, "{" * 3000, ("b",)),
        (jsonc, '{"a": nul}', ("b",)),
        (jsonc, '{"a" 1}', ("b",)),
        (jsonc, '{"a": "x', ("b",)),
        (jsonc, '{"a": 1', ("b",)),
        (toml, "a = 1\n", ("a", "b")),
        (yaml, "a: 1\n---\nb: 2\n", ("c",)),
        (yaml, "- a\n", ("c",)),
        (yaml, "a: 1\n", ("a", "b")),
        (yaml, "{a: 1}\n", ("c",)),
        (yaml, "a: {\n", ("c",)),
    ],
)
def test_what_cannot_be_edited_safely_is_refused(form: ModuleType, text: str, path: tuple[str, ...]) -> None:
    with pytest.raises(EditError):
        form.set_value(text, path, 5)


@pytest.mark.parametrize("form", [jsonc, toml, yaml, markdown])
def test_markers_of_an_unresolved_merge_are_refused(form: ModuleType) -> None:
    text = read("conflicted.md")
    edit = form.set_section if form is markdown else form.set_value
    with pytest.raises(EditError, match="unresolved merge"):
        edit(text, "memory" if form is markdown else ("a",), "x")


@pytest.mark.parametrize("shape", SHAPES)
def test_a_section_is_added_changed_and_taken_away_to_the_byte(shape: str) -> None:
    text = read("AGENTS.md", shape)
    edited = markdown.set_section(text, "memory", "Facts:\n- one\n")
    assert taken_apart(edited)[1].startswith(taken_apart(text)[1])
    assert markdown.sections(edited) == {"memory": "Facts:\n- one\n"}
    changed = markdown.set_section(edited, "memory", "none")
    both = markdown.set_section(changed, "learned", "- x")
    assert markdown.sections(both) == {"memory": "none\n", "learned": "- x\n"}
    assert markdown.remove_section(both, "learned") == changed
    assert markdown.set_section(changed, "memory", "Facts:\n- one\n") == edited
    assert markdown.remove_section(edited, "memory") == text
    assert markdown.remove_section(text, "memory") == text


@pytest.mark.parametrize("text", ["", "\n", "# a", "a\n\n\n"])
def test_a_section_is_taken_away_to_the_byte_from_any_end_of_a_file(text: str) -> None:
    assert markdown.remove_section(markdown.set_section(text, "memory", "x"), "memory") == text


@pytest.mark.parametrize(
    "text",
    [
        "<!-- headroom:memory:start -->\nx\n",
        "<!-- headroom:memory:end -->\n<!-- headroom:memory:start -->\n",
        "<!-- headroom:a:start -->\n<!-- headroom:b:end -->\n",
        "<!-- headroom:a:start -->\n<!-- headroom:a:end -->\n" * 2,
    ],
)
def test_marks_that_do_not_fit_together_are_refused(text: str) -> None:
    with pytest.raises(EditError, match=r"no end|not open there|second time"):
        markdown.set_section(text, "memory", "y")


KEYS = st.sampled_from(["a", "b", "a b", "ü", "mcpServers"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab \"\\\n'#:{}[],/*ü", max_size=6),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
GAPS = st.sampled_from(["", " ", "\n", "\n  ", " // c\n", "/* c */", "\n\n\t", " // a, b: {\n  ", "\n/* x\ny */\n"])


@st.composite
def jsonc_texts(draw: st.DrawFn, depth: int = 0) -> str:
    """Objects with gaps of all kinds between their tokens."""

    def gap() -> str:
        return draw(GAPS)

    members = []
    for key in draw(st.lists(KEYS, unique=True, max_size=3, min_size=1)):
        is_deep = depth < 2 and draw(st.booleans())
        value = (
            draw(jsonc_texts(depth + 1))
            if is_deep
            else json.dumps(draw(VALUES), indent=draw(st.sampled_from([None, 2])))
        )
        members.append(f"{gap()}{json.dumps(key, ensure_ascii=draw(st.booleans()))}{gap()}:{gap()}{value}{gap()}")
    tail = ("," + gap()) if draw(st.booleans()) else ""
    return "{" + ",".join(members) + tail + "}"


PATHS = st.lists(KEYS, min_size=1, max_size=3).map(tuple)


@settings(max_examples=300)
@given(jsonc_texts(), PATHS, VALUES, st.sampled_from(["\n", "\r\n"]))
def test_any_json_is_edited_or_refused_and_given_back(
    text: str, path: tuple[str, ...], value: Any, newline: str
) -> None:
    text = text.replace("\n", newline)
    document = jsonc.load(text)
    try:
        edited = jsonc.set_value(text, path, value)
    except EditError:
        above = [value_at(document, path[:n]) for n in range(1, len(path))]
        assert any(value is not MISSING and not isinstance(value, dict) for value in above)
        return
    assert value_at(jsonc.load(edited), path) == value
    if value_at(document, path) is MISSING:
        assert [part for part in comments(text) if part not in edited] == []
        assert jsonc.remove(edited, first_new(document, path)) == text


@example('{ // c\n  "a":null}', ("a",))
@example('{ // c\n  "a":null, // d\n "b": 1}', ("a",))
@settings(max_examples=300)
@given(jsonc_texts(), PATHS)
def test_any_member_of_any_json_can_go(text: str, path: tuple[str, ...]) -> None:
    edited = jsonc.remove(text, path)
    assert value_at(jsonc.load(edited), path) is MISSING


def comments(text: str) -> list[str]:
    return [part for part in ("// c", "/* c */", "// a, b: {", "/* x") if part in text]


WORDS = st.text("ab #:'\"-{}[]", max_size=8)
TABLES = st.dictionaries(
    st.sampled_from(["a", "b", "c d"]),
    st.integers() | WORDS | st.lists(WORDS, max_size=2) | st.dictionaries(st.sampled_from("xyz"), WORDS, min_size=1),
    max_size=3,
)


@given(TABLES, TABLES, st.booleans())
def test_what_is_set_in_yaml_and_toml_is_there_and_goes_again(
    before: dict[str, Any],
    added: dict[str, Any],
    is_closed: bool,  # noqa: FBT001 - hypothesis gives it
) -> None:
    for form in (yaml, toml):
        text = "# first\n"
        for key, value in before.items():
            text = form.set_value(text, (key,), value)
        text = text + "# last\n" if form is yaml else text
        text = text if is_closed else text.removesuffix("\n")
        assert form.load(text) == before
        edited = form.set_value(text, ("new",), added)
        assert form.load(edited) == {**before, "new": added}
        assert form.remove(edited, ("new",)) == text
