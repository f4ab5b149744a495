"""Transcripts of the real agents: what the readers see in them, and what is learned from them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from headroom_wrap.agents import Context
from headroom_wrap.emulator.server import EmulatedProvider
from headroom_wrap.learn.events import Call, Outcome, Said, Session, ToolKind
from headroom_wrap.learn.readers import READERS
from tests.e2e.learning import WORDS, aider, aider_messages, calls_of, user_of
from tests.e2e.planted import DIALECTS, INTERPRETER, PLANTS, Edit, Shell
from tests.e2e.sandbox import Sandbox

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

SLOW = {"openclaw": pytest.mark.soak}
"""Each start of OpenClaw takes seconds, and a second turn another one."""

STEPS = tuple(step for plant in PLANTS for step in plant.steps)


@pytest.fixture
def cached(sandbox: Sandbox, copilot_cache: Path) -> Sandbox:
    """The sandbox, in which Copilot CLI does not unpack itself again."""
    sandbox.env["COPILOT_CACHE_HOME"] = str(copilot_cache)
    return sandbox


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_call_is_read_with_what_came_of_it(dialect: str, cached: Sandbox, provider: EmulatedProvider) -> None:
    user = user_of(dialect, cached, provider)
    user.ask(1, *STEPS)
    (session,) = user.sessions()
    assert session.agent == user.agent
    assert session.cwd == str(user.work)
    assert session.project == user.work
    assert session.started > 0
    (said,) = (event for event in session.events if isinstance(event, Said))
    assert said.text.startswith(WORDS)
    assert said.text.endswith("[[say done]]")
    assert_steps(session, user.work)


@pytest.mark.parametrize("dialect", [pytest.param(each, marks=SLOW.get(each, ())) for each in DIALECTS])
def test_what_the_user_says_next_is_the_next_turn_of_the_same_session(
    dialect: str, cached: Sandbox, provider: EmulatedProvider
) -> None:
    user = user_of(dialect, cached, provider)
    user.ask(1, INTERPRETER.steps[0])
    user.ask(1, INTERPRETER.steps[1], words="No, use python3.", again=True)
    assert len({session.id for session in user.sessions()}) == 1
    events = [event for session in user.sessions() for event in session.events]
    assert [type(event) for event in events] == [Said, Call, Said, Call]
    assert [event.turn for event in events] == [1, 1, 2, 2]
    second = events[2]
    assert isinstance(second, Said)
    assert second.text.startswith("No, use python3. [[tool ")


def test_what_a_subagent_did_is_read_from_its_own_transcript(sandbox: Sandbox, provider: EmulatedProvider) -> None:
    user = user_of("claude", sandbox, provider)
    told = {
        "description": "look",
        "prompt": 'Search. [[tool Bash {"command": "ls nowhere"}]] [[say searched]]',
        "subagent_type": "general-purpose",
        "run_in_background": False,
    }
    user.tell(f"Look. [[tool Agent {json.dumps(told)}]] [[say done]]")
    main, side = user.sessions()
    assert (main.id, main.project) == (side.id, side.project)
    assert [call.tool for call in calls_of(main)] == ["Agent"]
    assert len(main.events) == 2
    (event,) = side.events
    assert isinstance(event, Call)
    assert (event.command, event.outcome, event.exit_code) == ("ls nowhere", Outcome.FAILED, 2)


def assert_steps(session: Session, work: Path) -> None:
    """The session's calls are the steps of the plants, with the outcomes that those have."""
    calls = calls_of(session)
    assert len(calls) == len(STEPS)
    for step, call in zip(STEPS, calls, strict=True):
        assert call.turn == 1
        assert call.at >= session.started
        assert call.cwd == str(work)
        if isinstance(step, Shell):
            assert (call.kind, call.command) == (ToolKind.SHELL, step.command)
        elif call.kind is ToolKind.SHELL:
            assert call.command == f"cat {step.path}"
        else:
            assert call.kind is (ToolKind.EDIT if isinstance(step, Edit) else ToolKind.READ)
            assert work / call.path == work / step.path
    at = 0
    for plant in PLANTS:
        failed, worked = calls[at + plant.fails], calls[at + plant.works]
        assert failed.outcome is Outcome.FAILED, plant.name
        assert plant.error in failed.text
        if plant.exit_code is not None:
            assert failed.exit_code == plant.exit_code
        assert worked.outcome is Outcome.OK, plant.name
        others = [each for place, each in enumerate(calls[at : at + len(plant.steps)]) if place != plant.fails]
        assert {each.outcome for each in others} == {Outcome.OK}
        at += len(plant.steps)


def test_aiders_edits_are_read_with_whether_they_applied(sandbox: Sandbox, provider: EmulatedProvider) -> None:
    messages = aider_messages("max_rows = 50", "max_rows: 50")
    done = aider(sandbox, provider, f"{messages}/run python3 scripts/report.py\n/exit\n")
    assert done.returncode == 0, done.stderr
    reader = READERS["aider"]
    (file,) = reader.files(Context((), sandbox.env, sandbox.work, sandbox.home))
    (session,) = reader.read(file)
    assert session.project == sandbox.work
    said = [event.text.partition(". ")[0] for event in session.events if isinstance(event, Said)]
    assert said == ["Raise the rows", "Raise the rows"]
    failed, applied, ran = calls_of(session)
    assert (failed.kind, failed.path, failed.outcome) == (ToolKind.EDIT, "conf/app/limits.ini", Outcome.FAILED)
    assert "failed to exactly match" in failed.text
    assert (applied.path, applied.outcome, applied.turn) == ("conf/app/limits.ini", Outcome.OK, 2)
    assert (ran.kind, ran.command, ran.outcome) == (ToolKind.SHELL, "python3 scripts/report.py", Outcome.UNKNOWN)
