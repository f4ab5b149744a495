"""The memory in every agent's plan: notes where its prompt begins, tools allowed, the user's own settings kept."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from headroom_wrap.agents import AGENTS, MEMORY_TOOLS, Agent, Context, Plan, Route, Shared
from headroom_wrap.agents.codex import CODEX
from headroom_wrap.agents.copilot import COPILOT
from headroom_wrap.agents.openclaw_config import read
from headroom_wrap.memory.brief import BEGIN, END
from tests.agents.test_codex import overrides

BRIEF = f'{BEGIN}\n{{"id": "m1", "note": "Use pnpm, never npm"}}\n{END}'
KEYS = {"COPILOT_PROVIDER_API_KEY": "k", "COPILOT_MODEL": "m"}
ID = "01234567-89ab-cdef-0123-456789abcdef"
AT, AT_S = "1970-01-01T00:16:45.500Z", 1005.5


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "work").mkdir()
    return tmp_path


def context(home: Path, *args: str, **env: str) -> Context:
    return Context(args, {**KEYS, **env}, home / "work", home)


def planned(agent: Agent, given: Context, brief: str = BRIEF, *, is_shared: bool = True) -> Plan:
    folder = given.home / "data" / "briefs" / "0123"
    shared = Shared(given.cwd, agent.name, brief, folder, ((1.0, brief),) if brief else (), "/model")
    route = Route(
        "http://127.0.0.1:9", "k" * 64, "s1", given.home / "files", given.home / "data", ("/python", "/mcp.py"),
        agent.upstreams(given), shared if is_shared else None,
    )  # fmt: skip
    return agent.plan(given, route)


def held(plan: Plan) -> str:
    """All that a plan says."""
    texts = [*plan.args, *plan.env.values(), *plan.files.values(), *(data.decode() for data in plan.edits.values())]
    return "\n".join(texts).replace("\\n", "\n").replace('\\"', '"').replace('\\"', '"')


@pytest.mark.parametrize("agent", AGENTS.values(), ids=AGENTS)
def test_every_agent_is_given_the_notes_and_says_so(agent: Agent, home: Path) -> None:
    args = ("agent", "--local") if agent.name == "openclaw" else ()
    plan = planned(agent, context(home, *args))
    assert "Use pnpm, never npm" in held(plan)
    assert plan.brief == BRIEF
    assert plan.has_memory_tools is (agent.name != "aider")


@pytest.mark.parametrize("agent", AGENTS.values(), ids=AGENTS)
def test_without_the_memory_a_plan_speaks_of_none(agent: Agent, home: Path) -> None:
    args = ("agent", "--local") if agent.name == "openclaw" else ()
    plan = planned(agent, context(home, *args), is_shared=False)
    assert (plan.brief, plan.has_memory_tools) == ("", False)
    for word in (BEGIN, *MEMORY_TOOLS, "HEADROOM_MEMORY", "HEADROOM_AGENT", "HEADROOM_EMBEDDINGS", "briefs"):
        assert word not in held(plan)


@pytest.mark.parametrize("name", ["claude", "codex", "copilot", "opencode", "cursor", "openclaw"])
def test_the_server_is_told_whose_memory_it_is_and_every_tool_is_allowed(name: str, home: Path) -> None:
    args = ("agent", "--local") if name == "openclaw" else ()
    plan = planned(AGENTS[name], context(home, *args), brief="")
    text = held(plan)
    for value in ("HEADROOM_MEMORY", str(home / "work"), "HEADROOM_AGENT", name, "HEADROOM_EMBEDDINGS", "/model"):
        assert value in text
    if name in ("claude", "copilot", "opencode", "openclaw"):
        assert all(tool in text for tool in MEMORY_TOOLS)
    assert BEGIN not in text


@pytest.mark.parametrize(
    ("args", "left"),
    [
        (("--append-system-prompt", "Be terse.", "-p", "x"), ("-p", "x")),
        (("-p", "x", "--append-system-prompt=Be terse."), ("-p", "x")),
        (("--append-system-prompt-file", "own.md", "-p", "x"), ("-p", "x")),
        (("-p", "x", "--", "--append-system-prompt"), ("-p", "x", "--", "--append-system-prompt")),
    ],
)
def test_what_claudes_user_appends_to_the_system_prompt_stands_before_the_notes(
    args: tuple[str, ...], left: tuple[str, ...], home: Path
) -> None:
    (home / "work" / "own.md").write_text("Be terse.", encoding="utf-8")
    plan = planned(AGENTS["claude"], context(home, *args))
    place = plan.args.index("--append-system-prompt-file")
    own = "" if "--" in args else "Be terse.\n\n"
    assert plan.files[Path(plan.args[place + 1])] == f"{own}{BRIEF}"
    assert plan.args[-len(left) :] == left
    assert plan.args.count("--append-system-prompt-file") == 1
    assert not any("pnpm" in word for word in plan.args)


@pytest.mark.parametrize(
    "args",
    [
        ("--append-system-prompt", "a", "--append-system-prompt-file", "own.md"),
        ("--append-system-prompt-file", "missing.md"),
    ],
)
def test_arguments_that_claude_refuses_are_left_to_it(args: tuple[str, ...], home: Path) -> None:
    plan = planned(AGENTS["claude"], context(home, *args))
    assert plan.args[-len(args) :] == args
    assert plan.brief == ""


def test_codexs_own_developer_instructions_stand_before_the_notes(home: Path) -> None:
    (home / ".codex").mkdir()
    (home / ".codex" / "config.toml").write_text('developer_instructions = "Be \\"terse\\"."\n', encoding="utf-8")
    plan = planned(CODEX, context(home, "exec", "x"))
    assert overrides(plan)["developer_instructions"] == f'Be "terse".\n\n{BRIEF}'


def test_copilots_own_folders_of_instructions_are_kept(home: Path) -> None:
    plan = planned(COPILOT, context(home, COPILOT_CUSTOM_INSTRUCTIONS_DIRS="/mine,/ours"))
    folders = plan.env["COPILOT_CUSTOM_INSTRUCTIONS_DIRS"].split(",")
    assert folders[:2] == ["/mine", "/ours"]
    (file,) = (file for file in plan.files if file.is_relative_to(folders[2]))
    assert file.name.endswith(".instructions.md")


@pytest.mark.parametrize(
    ("args", "env", "conf", "read"),
    [
        ((), {}, "", []),
        (("--read", "a.md"), {}, "read: b.md\n", ["a.md"]),
        ((), {"AIDER_READ": '["c.md"]'}, "read: b.md\n", ["c.md"]),
        ((), {}, "read: [b.md, d.md]\n", ["b.md", "d.md"]),
    ],
)
def test_aider_reads_what_it_read_and_the_notes(
    args: tuple[str, ...], env: Mapping[str, str], conf: str, read: list[str], home: Path
) -> None:
    (home / "work" / ".aider.conf.yml").write_text(conf, encoding="utf-8")
    plan = planned(AGENTS["aider"], context(home, *args, **env))
    given = [word for before, word in zip(plan.args, plan.args[1:], strict=False) if before == "--read"]
    notes = str(home / "data" / "briefs" / "0123" / "headroom-notes.md")
    assert sorted(given) == sorted([*read, notes])
    assert plan.files[Path(notes)] == f"{BRIEF}\n"


def test_opencodes_own_instructions_of_the_variable_are_kept(home: Path) -> None:
    own = {"OPENCODE_CONFIG_CONTENT": json.dumps({"instructions": ["mine.md"]})}
    plan = planned(AGENTS["opencode"], context(home, **own))
    content = json.loads(plan.env["OPENCODE_CONFIG_CONTENT"])
    assert content["instructions"] == ["mine.md", str(home / "data" / "briefs" / "0123" / "headroom-notes.md")]


def test_openclaws_overlay_has_the_notes_for_the_plugin_and_is_read_as_one(home: Path) -> None:
    given = context(home, "agent", "--local")
    plan = planned(AGENTS["openclaw"], given)
    (text,) = plan.files.values()
    overlay = json.loads(text)
    assert overlay["plugins"]["entries"]["headroom"]["config"]["briefs"] == [{"at": 1.0, "text": BRIEF}]
    assert overlay["mcp"]["servers"]["headroom"]["toolFilter"] == {"include": list(MEMORY_TOOLS)}
    assert read(given).problem == ""


def written(file: Path, text: str, at: float = 1.0) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    os.utime(file, (at, at))


def line(**values: Any) -> str:
    return json.dumps(values, separators=(",", ":")) + "\n"


@pytest.mark.parametrize(
    ("args", "at"),
    [
        (("resume", ID), AT_S),
        (("exec", "resume", ID, "go on"), AT_S),
        (("exec", "resume", "--last", "go on"), 1100.0),
        (("resume", "--last"), AT_S),
        (("fork", "--last", "--include-non-interactive"), 1100.0),
        (("resume", "--last", "--all"), 1200.0),
        (("resume",), None),
        (("resume", "a name"), None),
        (("exec", "hello"), None),
        (("--", "resume", "--last"), None),
    ],
)
def test_which_thread_of_codexs_is_taken_up_again(args: tuple[str, ...], at: float | None, home: Path) -> None:
    folder, cwd = home / ".codex" / "sessions" / "2026" / "11" / "28", str(home / "work")
    for name, stamp, where, source, mtime in (
        (ID, AT, cwd, "cli", 10.0),
        (ID.replace("0", "1"), "1970-01-01T00:18:20Z", cwd, "exec", 20.0),
        (ID.replace("0", "2"), "1970-01-01T00:20:00Z", "/else", "cli", 30.0),
    ):
        meta = line(timestamp=stamp, type="session_meta", payload={"cwd": where, "source": source})
        written(folder / f"rollout-2026-11-28T00-00-00-{name}.jsonl", meta, mtime)
    assert CODEX.began(context(home, *args)) == at


@pytest.mark.parametrize(
    ("args", "at"),
    [
        (("--continue",), AT_S),
        (("--resume", ID), AT_S),
        ((f"--resume={ID[:8]}",), AT_S),
        (("--session-id", ID), AT_S),
        (("--session-id", ID.replace("0", "9")), None),
        (("--resume",), None),
        (("-p", "hello"), None),
    ],
)
def test_which_session_of_copilots_is_taken_up_again(args: tuple[str, ...], at: float | None, home: Path) -> None:
    folder = home / ".copilot" / "session-state"
    for name, stamp, where, mtime in (
        (ID, AT, home / "work", 10.0),
        ("ff" + ID[2:], "1970-01-01T00:20:00Z", "/else", 20.0),
    ):
        written(folder / name / "events.jsonl", line(type="session.start", timestamp=stamp), mtime)
        written(folder / name / "workspace.yaml", f"id: {name}\ncwd: {where}\nname: x\n")
    assert COPILOT.began(context(home, *args)) == at


@pytest.mark.parametrize(
    ("args", "at"),
    [
        (("run", "-c", "x"), 30.0),
        (("--continue",), 30.0),
        (("-s", "ses_1"), 20.0),
        (("--session=ses_1",), 20.0),
        (("-s", "ses_9"), None),
        (("run", "x"), None),
    ],
)
def test_which_session_of_opencodes_is_taken_up_again(args: tuple[str, ...], at: float | None, home: Path) -> None:
    file = home / ".local" / "share" / "opencode" / "opencode.db"
    file.parent.mkdir(parents=True)
    assert AGENTS["opencode"].began(context(home, *args)) is None
    database = sqlite3.connect(file)
    database.execute("CREATE TABLE session (id, parent_id, directory, time_created, time_updated)")
    cwd = str(home / "work")
    rows = [("ses_1", None, cwd, 20_000, 1), ("ses_2", None, cwd, 30_000, 2), ("ses_3", "ses_2", cwd, 40_000, 3)]
    database.executemany("INSERT INTO session VALUES (?, ?, ?, ?, ?)", [*rows, ("ses_4", None, "/else", 50_000, 4)])
    database.commit()
    database.close()
    assert AGENTS["opencode"].began(context(home, *args)) == at


def test_a_transcript_that_cannot_be_read_is_a_new_conversation(home: Path) -> None:
    written(home / ".copilot" / "session-state" / ID / "events.jsonl", "no json, no time")
    assert COPILOT.began(context(home, "--continue")) is None
