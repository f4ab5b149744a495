"""Cursor: what a session edits in its project, what it leaves alone, and what a public address asks for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from headroom_wrap.agents import Context, Plan, Route
from headroom_wrap.agents.cursor import CURSOR, RULE
from headroom_wrap.edits import jsonc
from headroom_wrap.errors import Code, HeadroomError

ROUTE = Route("http://127.0.0.1:8787", "k", "s1", Path("/files"), Path("/data"), ("/python", "/headroom_wrap/mcp/m.py"))
OF_OTHERS = """\
{
  // of the team
  "mcpServers": {
    "docs": {"command": "docs-mcp"}, // keep
  },
}
"""
_URL = "https://name.example.com"


@pytest.fixture
def user(tmp_path: Path) -> Context:
    for folder in ("home", "project"):
        (tmp_path / folder).mkdir()
    return Context((), {}, tmp_path / "project", tmp_path / "home")


def write(folder: Path, text: str) -> Path:
    file = folder / ".cursor" / "mcp.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def planned(context: Context) -> Plan:
    return CURSOR.plan(context, ROUTE)


def test_server_and_rule_are_set_up_in_the_project_and_no_savings_are_claimed(user: Context) -> None:
    plan = planned(user)
    mcp, rule = user.cwd / ".cursor/mcp.json", user.cwd / ".cursor/rules/headroom.mdc"
    assert set(plan.edits) == {mcp, rule}
    server = json.loads(plan.edits[mcp])["mcpServers"]["headroom"]
    assert (server["command"], server["args"]) == ("/python", ["/headroom_wrap/mcp/m.py"])
    assert server["env"] == {"HEADROOM_HOME": "/data", "HEADROOM_SESSION": "s1"}
    assert "alwaysApply: true\n" in plan.edits[rule].decode()
    assert any("nothing is saved" in note for note in plan.notes)


def test_the_users_servers_and_comments_stay(user: Context) -> None:
    file = write(user.cwd, OF_OTHERS)
    edited = planned(user).edits[file].decode()
    assert "// of the team" in edited
    assert "// keep" in edited
    assert list(jsonc.load(edited)["mcpServers"]) == ["docs", "headroom"]


@pytest.mark.parametrize("where", ["project", "home"])
@pytest.mark.parametrize(
    ("server", "words"),
    [
        ({"command": "headroom", "args": ["mcp"]}, "has Headroom's MCP server already"),
        ({"command": "other"}, "has another MCP server with the name headroom"),
    ],
)
def test_a_server_is_never_added_twice(user: Context, where: str, server: dict[str, object], words: str) -> None:
    write(user.cwd if where == "project" else user.home, json.dumps({"mcpServers": {"headroom": server}}))
    plan = planned(user)
    assert user.cwd / ".cursor/mcp.json" not in plan.edits
    assert any(words in note for note in plan.notes)


def test_a_rule_of_the_users_own_stays(user: Context) -> None:
    rule = user.cwd / ".cursor/rules/headroom.mdc"
    rule.parent.mkdir(parents=True)
    rule.write_text("mine", encoding="utf-8")
    plan = planned(user)
    assert rule not in plan.edits
    assert any("stays as it is" in note for note in plan.notes)
    rule.write_text(RULE, encoding="utf-8")
    assert planned(user).edits[rule] == RULE.encode()


@pytest.mark.parametrize("text", ['{"mcpServers": ', "\ufeff<<<<<<< HEAD\n{}\n", '{"mcpServers": []}'])
def test_a_file_that_cannot_be_edited_stops_the_start(user: Context, text: str) -> None:
    write(user.cwd, text)
    with pytest.raises(HeadroomError) as caught:
        planned(user)
    assert caught.value.code is Code.JOURNAL_CONFLICT
    assert "was not edited, and nothing was started" in caught.value.message


def test_a_public_address_needs_a_key_and_prints_what_to_paste(user: Context) -> None:
    asked = Context((), {}, user.cwd, user.home, {"--public-url": _URL})
    with pytest.raises(HeadroomError, match="need an API key of yours"):
        planned(asked)
    plan = planned(Context((), {"OPENAI_API_KEY": "sk-own"}, user.cwd, user.home, {"--public-url": f"{_URL}/v1"}))
    assert plan.public is not None
    assert (plan.public.host, plan.public.authorization) == ("name.example.com", "Bearer sk-own")
    said = "\n".join(plan.notes)
    assert f"Override OpenAI Base URL: {_URL}/v1" in said
    assert "sk-own" not in said + repr(plan)


@pytest.mark.parametrize("url", ["http://name.example.com", "https://localhost", "https://n.example.com/x", "n.com"])
def test_an_address_that_cursors_backend_could_not_call_is_refused(user: Context, url: str) -> None:
    with pytest.raises(HeadroomError, match="is no public URL"):
        planned(Context((), {"OPENAI_API_KEY": "sk"}, user.cwd, user.home, {"--public-url": url}))


def test_transcripts_lie_below_the_project_by_its_path(user: Context) -> None:
    context = Context((), {}, Path("/home/u/My_proj"), user.home)
    assert CURSOR.transcripts(context)[0] == user.home / ".cursor/projects/home-u-My-proj/agent-transcripts"
    elsewhere = Context((), {"CURSOR_DATA_DIR": "/c"}, Path("/p"), user.home)
    assert CURSOR.transcripts(elsewhere)[0] == Path("/c/projects/p/agent-transcripts")
