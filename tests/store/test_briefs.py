"""Briefs: what conversations were given, by when they began."""

from __future__ import annotations

from headroom_wrap.memory import Memory
from headroom_wrap.store import Brief, Scope, Store
from headroom_wrap.store.briefs import KEPT_S

SCOPE = Scope("/p", "me")


def given(at: float, text: str, *, has_tools: bool = True) -> Brief:
    return Brief(at, has_tools, text)


def test_a_conversation_gets_what_held_when_it_began(store: Store) -> None:
    for at, text in ((10.0, "one"), (20.0, "two"), (30.0, "two"), (40.0, "three")):
        store.briefs.give(SCOPE, "claude", given(at, text))
    assert [brief.at for brief in store.briefs.every(SCOPE, "claude")] == [10.0, 20.0, 40.0]
    assert store.briefs.given(SCOPE, "claude", 9.0) is None
    assert store.briefs.given(SCOPE, "claude", 35.0) == given(20.0, "two")
    assert store.briefs.given(SCOPE, "claude", 99.0) == given(40.0, "three")


def test_projects_users_and_agents_do_not_see_each_others(store: Store) -> None:
    store.briefs.give(SCOPE, "claude", given(1.0, "one"))
    for scope, agent in ((SCOPE, "codex"), (Scope("/q", "me"), "claude"), (Scope("/p", "you"), "claude")):
        assert store.briefs.given(scope, agent, 5.0) is None


def test_nothing_is_noted_before_the_first_brief_and_something_after_it(store: Store) -> None:
    store.briefs.give(SCOPE, "claude", given(1.0, "", has_tools=False))
    assert store.briefs.every(SCOPE, "claude") == []
    store.briefs.give(SCOPE, "claude", given(2.0, "one"))
    store.briefs.give(SCOPE, "claude", given(3.0, "", has_tools=False))
    found = store.briefs.given(SCOPE, "claude", 4.0)
    assert found is not None
    assert (found.has_tools, found.text) == (False, "")


def test_old_briefs_go_but_for_the_one_that_still_held(store: Store) -> None:
    for at in (1.0, 2.0, KEPT_S + 10.0):
        store.briefs.give(SCOPE, "claude", given(at, f"at {at}"))
    assert [brief.at for brief in store.briefs.every(SCOPE, "claude")] == [2.0, KEPT_S + 10.0]


def test_erasing_a_fact_empties_the_briefs_that_told_it(store: Store) -> None:
    memory = Memory(store, SCOPE)
    first, second = (memory.save(text).fact for text in ("Use pnpm, never npm", "The port is 8080"))
    store.briefs.give(SCOPE, "claude", given(1.0, memory.brief()))
    memory.forget(second.id)
    store.briefs.give(SCOPE, "claude", given(2.0, memory.brief()))
    memory.erase(second.id)
    old, new = store.briefs.every(SCOPE, "claude")
    assert old.text == ""
    assert first.text in new.text
    assert store.briefs.texts() == {new.text}
