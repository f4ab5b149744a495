"""What is learned from the transcripts of the real agents: planted failures, and sessions in which nothing fails."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from headroom_wrap.agents import Context
from headroom_wrap.emulator.server import EmulatedProvider
from headroom_wrap.learn import miner
from headroom_wrap.learn.findings import Finding
from headroom_wrap.learn.history import sightings
from headroom_wrap.learn.readers import READERS
from headroom_wrap.store import Store
from tests.e2e.learning import aider, aider_messages, user_of
from tests.e2e.planted import CLEAN, DIALECTS, FAILING_EDIT, PLANTS, Plant
from tests.e2e.sandbox import Sandbox

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

N_CLEAN = {"claude": 5, "codex": 4, "codex in code mode": 3, "copilot": 4, "opencode": 2, "openclaw": 2}
"""Sessions in which nothing fails, twenty in all."""


@pytest.fixture
def cached(sandbox: Sandbox, copilot_cache: Path) -> Sandbox:
    """The sandbox, in which Copilot CLI does not unpack itself again."""
    sandbox.env["COPILOT_CACHE_HOME"] = str(copilot_cache)
    return sandbox


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "learned" / "store.db")
    yield store
    store.close()


def learned(context: Context, store: Store) -> list[Finding]:
    """What the user's transcripts teach about the project in which they work."""
    seen = sightings(READERS, context, store, miner.mine, miner=miner.VERSION, project=context.cwd)
    return miner.merge((each.sighting for each in seen), time.time())


def corrections(findings: list[Finding], plant: Plant) -> list[Finding]:
    """The findings that name what would have been right."""
    return [finding for finding in findings if all(word in finding.text for word in plant.words)]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_planted_failure_is_found_with_the_right_correction(
    dialect: str, cached: Sandbox, provider: EmulatedProvider, store: Store
) -> None:
    user = user_of(dialect, cached, provider)
    user.ask(1, *(step for plant in PLANTS for step in plant.steps))
    findings = learned(user.context, store)
    missing = [plant.name for plant in PLANTS if not corrections(findings, plant)]
    assert missing == [], [finding.text for finding in findings]
    right = [finding for plant in PLANTS for finding in corrections(findings, plant)]
    assert [finding.text for finding in findings if finding not in right] == []


@pytest.mark.parametrize("dialect", N_CLEAN)
def test_sessions_in_which_nothing_fails_teach_nothing(
    dialect: str, cached: Sandbox, provider: EmulatedProvider, store: Store
) -> None:
    user = user_of(dialect, cached, provider)
    for number in range(N_CLEAN[dialect]):
        user.ask(number, *CLEAN[number])
    assert len(user.sessions()) == N_CLEAN[dialect]
    assert [finding.text for finding in learned(user.context, store)] == []


def test_an_edit_of_aiders_that_did_not_apply_is_found(
    sandbox: Sandbox, provider: EmulatedProvider, store: Store
) -> None:
    done = aider(sandbox, provider, f"{aider_messages('max_rows = 50', 'max_rows: 50')}/exit\n")
    assert done.returncode == 0, done.stderr
    (finding,) = learned(Context((), sandbox.env, sandbox.work, sandbox.home), store)
    assert corrections([finding], FAILING_EDIT) == [finding]
