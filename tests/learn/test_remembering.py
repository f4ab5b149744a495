"""Findings as facts: saved once, changed with the finding, and a person's word on them holds."""

from __future__ import annotations

import pytest

from headroom_wrap.learn.remembering import pending, remember, take_back
from headroom_wrap.memory import Memory, compare
from headroom_wrap.memory.documents import said_in
from headroom_wrap.store import Kind, Scope
from tests.learn.making import DAY, NOW, PYTHON, TESTS, Project, finding


@pytest.fixture
def memory(project: Project) -> Memory:
    return Memory(project.store, Scope(str(project.root), "me"))


def texts(memory: Memory) -> list[str]:
    return sorted(fact.text for fact in memory.facts())


def test_a_finding_is_saved_once_with_where_it_comes_from(project: Project, memory: Memory) -> None:
    found = [finding(PYTHON, n=2, agent="codex"), finding(TESTS)]
    assert pending(memory, found, project.lines) == 2
    assert len(remember(memory, found, project.lines, NOW)) == 2
    assert remember(memory, found, project.lines, NOW) == ()
    assert texts(memory) == [PYTHON, TESTS]
    (fact,) = [fact for fact in memory.facts() if fact.text == PYTHON]
    assert (fact.kind, fact.agent, fact.session, fact.uses) == (Kind.CORRECTION, "codex", "s1", 0)
    assert fact.evidence.startswith(
        "seen in 2 sessions, last 2026-11-28; ~2,800 tokens lost: python: command not found"
    )
    assert len([change for change in memory.history() if change.what == "add"]) == 2


def test_another_text_of_a_finding_changes_its_fact(project: Project, memory: Memory) -> None:
    remember(memory, [finding(PYTHON, subject="s")], project.lines, NOW)
    remember(memory, [finding("Run `python3.12`.", subject="s")], project.lines, NOW)
    assert texts(memory) == ["Run `python3.12`."]


def test_what_a_person_changed_or_forgot_is_left_so(project: Project, memory: Memory) -> None:
    remember(memory, [finding(PYTHON, subject="a"), finding(TESTS, subject="b")], project.lines, NOW)
    memory.edit("m1", "Run python3 here, always.")
    memory.forget("m2")
    remember(memory, [finding("Run `python3.12`.", subject="a"), finding(TESTS, subject="b")], project.lines, NOW)
    assert texts(memory) == ["Run python3 here, always."]
    remember(memory, [], project.lines, NOW + 99 * DAY)
    assert texts(memory) == ["Run python3 here, always."]


def test_what_expired_is_forgotten_and_what_somebody_else_said_stays(project: Project, memory: Memory) -> None:
    memory.save(TESTS, Kind.CONVENTION)
    remember(memory, [finding(PYTHON), finding(TESTS)], project.lines, NOW)
    remember(memory, [], project.lines, NOW + 99 * DAY)
    assert texts(memory) == [TESTS]


def test_a_run_that_is_taken_back_forgets_what_it_saved(project: Project, memory: Memory) -> None:
    memory.save(TESTS, Kind.CONVENTION)
    new = remember(memory, [finding(PYTHON), finding(TESTS)], project.lines, NOW)
    assert take_back(memory, new, project.lines) == 1
    assert texts(memory) == [TESTS]
    assert len(remember(memory, [finding(PYTHON)], project.lines, NOW)) == 1


def test_a_finding_with_a_secret_is_no_fact(project: Project, memory: Memory) -> None:
    remember(memory, [finding("Log in with ghp_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789.")], project.lines, NOW)
    assert texts(memory) == []


def test_what_stands_in_a_file_is_known_there(project: Project) -> None:
    project.write(finding(PYTHON), finding("Use `rg`", n=3))
    said = said_in([project.file()])
    assert {compare.normal(PYTHON), compare.normal("Use `rg`.")} <= said
