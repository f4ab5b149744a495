"""Recorded sessions: read from each format, sent as an agent would, and what the replay says of them."""

from __future__ import annotations

import itertools
import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from headroom_wrap import tokens
from headroom_wrap.emulator.messages_api import complaint
from headroom_wrap.evals import sessions
from headroom_wrap.evals.clients import PREFIX_TOKENS, Prefix, agent_prefix, chat_turns, continues, messages_turns
from headroom_wrap.evals.sessions import Setup
from headroom_wrap.evals.trajectories import Trajectory, read

FOLDER = os.environ.get("HEADROOM_TEST_DATA", Path(__file__).parents[3] / "shared" / "data" / "dev")
DATA = Path(FOLDER) / "trajectories"
WORDS = "cache index worker queue token shard replica lease router batch".split()


def log(seed: int, n_lines: int = 400) -> str:
    rng = random.Random(seed)  # noqa: S311 - the same log each time
    return "\n".join(
        f"2026-11-20 10:{n // 60 % 60:02d}:{n % 60:02d} INFO {rng.choice(WORDS)} {rng.choice(WORDS)} took 12 ms"
        for n in range(n_lines)
    )


def call(id_: str, command: str) -> dict[str, Any]:
    return {"id": id_, "name": "bash", "arguments": json.dumps({"command": command})}


def write_openai(folder: Path, n_steps: int = 6) -> None:
    said: list[dict[str, Any]] = [{"role": "user", "content": "Why is it slow?"}]
    for n in range(n_steps):
        said += [
            {"role": "assistant", "content": "I look.", "tool_calls": [call(f"c{n}", f"cat log.{n}")]},
            {"role": "tool", "tool_call_id": f"c{n}", "name": "bash", "content": log(n)},
        ]
    said.append({"role": "assistant", "content": "Because of the cache."})
    folder.mkdir(exist_ok=True)
    (folder / "slow.json").write_text(json.dumps({"messages": said}), "utf-8")


def only(folder: Path) -> Trajectory:
    (found,) = read(folder).trajectories
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_openai(tmp_path / "agent")
    return tmp_path


def test_a_result_far_behind_its_call_moves_it_and_a_call_without_result_goes(tmp_path: Path) -> None:
    said = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "go"},
        {"role": "assistant", "content": "one", "tool_calls": [call("late", "a"), call("never", "b")]},
        {"role": "assistant", "content": "", "tool_calls": [call("soon", "c")]},
        {"role": "tool", "tool_call_id": "soon", "content": "C"},
        {"role": "assistant", "content": "two"},
        {"role": "tool", "tool_call_id": "late", "content": "A"},
        {"role": "tool", "name": "grep", "arguments": {"pattern": "x"}, "content": "B"},
        {"role": "assistant", "content": "three"},
    ]
    (tmp_path / "x.json").write_text(json.dumps({"messages": said}), "utf-8")
    session = only(tmp_path)
    assert session.system == "Be brief."
    assert [(step.said, [one.text for one in step.results], step.spoken) for step in session.steps] == [
        (["go"], [], ["one"]),
        ([], ["C"], ["two"]),
        ([], ["A", "B"], ["three"]),
    ]
    assert [[(one.name, dict(one.input)) for one in step.calls] for step in session.steps] == [
        [("bash", {"command": "c"})],
        [("bash", {"command": "a"}), ("grep", {"pattern": "x"})],
        [],
    ]


def test_swe_agents_actions_are_calls(tmp_path: Path) -> None:
    history = [
        {"role": "system", "content": "Rules."},
        {"role": "user", "content": "The issue."},
        {"role": "assistant", "content": "Look.\nls", "thought": "Look.", "action": "ls"},
        {"role": "user", "content": "a.py"},
        {"role": "assistant", "content": "Done.", "thought": "Done.", "action": ""},
        {"role": "user", "content": "Thanks."},
        {"role": "assistant", "content": "Bye."},
    ]
    (tmp_path / "it.traj.json").write_text(json.dumps({"history": history}), "utf-8")
    first, second, third = only(tmp_path).steps
    assert (first.spoken, first.calls[0].input) == (["Look."], {"command": "ls"})
    assert (second.results[0].text, second.results[0].call_id) == ("a.py", first.calls[0].id)
    assert (third.said, third.results) == (["Thanks."], [])


def test_pis_lines_and_tau_benchs_episodes_are_read(tmp_path: Path) -> None:
    texts = [{"type": "text", "text": "ok"}]
    lines: list[dict[str, Any]] = [
        {"type": "session", "id": "x"},
        {"type": "message", "message": {"role": "user", "content": texts}},
        {"type": "message", "message": {"role": "assistant", "content": []}},
        {
            "type": "message",
            "message": {
                "role": "assistant",
                "content": [*texts, {"type": "toolCall", "id": "c", "name": "read", "arguments": {"path": "a"}}],
            },
        },
        {
            "type": "message",
            "message": {"role": "toolResult", "toolCallId": "c", "toolName": "read", "content": texts, "isError": True},
        },
        {"type": "message", "message": {"role": "assistant", "content": texts}},
    ]
    (tmp_path / "pi.jsonl").write_text("\n".join(map(json.dumps, lines)), "utf-8")
    first, second = only(tmp_path).steps
    assert (first.calls[0].name, second.results[0].is_error) == ("read", True)
    (tmp_path / "pi.jsonl").unlink()
    function = {"id": "c", "function": {"name": "look", "arguments": "{}"}}
    episode = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": None, "tool_calls": [function]},
        {"role": "tool", "tool_call_id": "c", "content": "{}"},
        {"role": "assistant", "content": "bye"},
    ]
    (tmp_path / "tau.json").write_text(json.dumps([{"traj": episode}, {"traj": episode[:1]}]), "utf-8")
    found = read(tmp_path)
    assert [one.name for one in found.trajectories] == ["tau-1"]
    assert found.skipped == {"tau.json": "1 of 2 sessions: no tool results in them"}


@pytest.mark.parametrize(("name", "content"), [("a.md", "x"), ("a.json", "{"), ("a.json", "[1]"), ("a.jsonl", "{}")])
def test_what_is_no_session_is_said_with_a_reason(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content, "utf-8")
    found = read(tmp_path)
    assert found.trajectories == ()
    assert found.skipped[name]


def test_requests_are_such_as_the_provider_takes_and_each_continues_the_one_before(folder: Path) -> None:
    session = only(folder)
    for turns in (messages_turns, chat_turns):
        bodies = list(turns(session, "m", agent_prefix(), with_our_tool=True))
        assert len(bodies) == 7
        assert all(itertools.starmap(continues, itertools.pairwise(bodies)))
        assert not continues(bodies[1].replace(b"took 12 ms", b"took 13 ms", 1), bodies[2])
        assert json.loads(bodies[0])["tools"][-1].get("name", "mcp__headroom__headroom_retrieve") == (
            "mcp__headroom__headroom_retrieve"
        )
    for body in messages_turns(session, "m", Prefix(), with_our_tool=False):
        assert complaint(json.loads(body)) is None
        assert body.count(b'"cache_control"') == 1


def test_the_prefix_has_the_size_of_an_agents() -> None:
    prefix = agent_prefix()
    assert prefix.tools is not None
    n_tokens = sum(map(tokens.count, (prefix.system, *prefix.tools.values())))
    assert n_tokens == pytest.approx(PREFIX_TOKENS, rel=0.05)


@pytest.mark.parametrize("setup", [Setup(), Setup(has_prefix=True, restarts=True), Setup("openai_chat")])
def test_a_session_of_logs_is_cheaper_through_the_proxy_and_its_prefix_stands(folder: Path, setup: Setup) -> None:
    row = sessions.replay(only(folder), setup)
    assert (row.n_turns, row.stability) == (7, 1.0)
    assert row.relative_cost < 0.9
    assert row.tokens_sent < row.tokens_direct
    assert row.cost_direct < row.cost_allowed
    assert not row.is_above_allowed


def test_without_compression_the_cost_is_that_of_going_direct_with_our_tool(folder: Path) -> None:
    row = sessions.replay(only(folder), Setup(), level="off")
    assert row.cost_sent == row.cost_allowed > row.cost_direct


@pytest.mark.skipif(not DATA.is_dir(), reason="no folder with real sessions")
def test_real_sessions_keep_their_prefix_and_cost_no_more_than_our_tool() -> None:
    found = sorted(read(DATA).trajectories, key=lambda session: len(session.steps))
    for session in found[:: max(1, len(found) // 4)][:4]:
        for setup in (Setup(restarts=True), Setup("openai_chat", has_prefix=True)):
            row = sessions.replay(session, setup)
            assert (row.stability, row.is_above_allowed) == (1.0, False), row


def test_the_command_prints_a_table_and_writes_rows(folder: Path, tmp_path: Path) -> None:
    (folder / "notes.md").write_text("x", "utf-8")
    rows = tmp_path / "rows.json"
    # In a process of its own: the pool of processes would leave this one a helper.
    command = [
        sys.executable,
        "-m",
        sessions.__name__,
        str(folder),
        "-v",
        "--setup",
        "0",
        "--setup",
        "2",
        "--json",
        str(rows),
    ]
    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout
    assert "anthropic, no prefix, restart" in said
    assert "skipped notes.md: " in said
    plain, restarted = json.loads(rows.read_text("utf-8"))
    assert plain["cost_sent"] == restarted["cost_sent"]


def test_a_request_that_is_refused_ends_the_measure(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wire = sessions.WIRES["anthropic"]
    broken = sessions.Wire(wire.path, wire.model, {}, wire.turns, wire.new_cache)
    monkeypatch.setitem(sessions.WIRES, "anthropic", broken)
    with pytest.raises(sessions.UnansweredError, match="turn 0: status 401"):
        sessions.replay(only(folder), Setup())
