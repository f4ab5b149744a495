"""One memory for all agents: what is saved is found, by its project alone, and every change can be undone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.memory import Memory
from headroom_wrap.memory.minilm import MiniLM
from headroom_wrap.memory.vectors import fused
from headroom_wrap.store import Cut, Kind, Relation, Scope, Store
from tests.memory import pairs

SCOPE = Scope("/project", "anna")


@pytest.fixture
def memory(store: Store) -> Memory:
    return Memory(store, SCOPE)


def texts(memory: Memory) -> list[str]:
    return [fact.text for fact in reversed(memory.facts())]


def test_what_one_agent_saves_another_finds(store: Store, memory: Memory) -> None:
    saved = memory.save("The tests need Redis", Kind.ENVIRONMENT, agent="claude", session="s1", evidence="it failed")
    (found,) = Memory(store, SCOPE).search("how do I run a test?")
    assert (found.text, found.kind, found.agent, found.session) == (
        "The tests need Redis", Kind.ENVIRONMENT, "claude", "s1",
    )  # fmt: skip
    store.flush()
    assert memory.get(saved.fact.id).uses == 1


@pytest.mark.parametrize("other", [Scope("/other", "anna"), Scope("/project", "bob"), Scope("/project/sub", "anna")])
def test_another_project_or_user_sees_and_changes_nothing(store: Store, memory: Memory, other: Scope) -> None:
    id_ = memory.save("The tests need Redis").fact.id
    stranger = Memory(store, other)
    assert (stranger.facts(), stranger.search("tests Redis"), stranger.undo(), stranger.brief()) == ([], [], [], "")
    for act in (stranger.get, stranger.forget, stranger.erase, stranger.edit):
        with pytest.raises(HeadroomError) as caught:
            act(id_)
        assert caught.value.code is Code.FACT_NOT_FOUND
    assert stranger.save("The tests need Redis").relation is Relation.DISTINCT
    assert texts(memory) == ["The tests need Redis"]


@pytest.mark.parametrize(("old", "new"), pairs.SAME)
def test_a_fact_saved_in_two_spellings_is_kept_once_with_both_evidences(memory: Memory, old: str, new: str) -> None:
    first = memory.save(old, evidence="one").fact
    second = memory.save(new, evidence="two")
    assert (second.relation, second.fact.id, second.fact.evidence, second.fact.uses) == (
        Relation.SAME, first.id, "one\ntwo", 1,
    )  # fmt: skip
    assert texts(memory) == [old]


@pytest.mark.parametrize(("old", "new"), [*pairs.EXTENDED, *pairs.CONTRADICTING])
def test_a_replaced_fact_stays_in_the_history_and_comes_back_by_undo(memory: Memory, old: str, new: str) -> None:
    first = memory.save(old).fact
    saved = memory.save(new)
    assert saved.replaced == (first.id,)
    assert texts(memory) == [new]
    assert memory.get(first.id).superseded_by == saved.fact.id
    assert [found.id for found in memory.search(f"{old} {new}")] == [saved.fact.id]
    memory.undo()
    assert texts(memory) == [old]
    assert [found.text for found in memory.search(old)] == [old]


def test_no_distinct_fact_of_the_table_is_lost_when_all_are_saved_together(memory: Memory) -> None:
    apart = [*pairs.NUMBER, *pairs.NAME, *pairs.NEGATION]
    said = list(dict.fromkeys(text for pair in apart for text in pair))
    for text in said:
        memory.save(text)
    assert set(texts(memory)) == set(said)


def test_every_change_can_be_undone_to_the_beginning(memory: Memory) -> None:
    seen = [texts(memory)]
    id_ = memory.save("Use tabs").fact.id
    seen.append(texts(memory))
    memory.save("use tabs.", evidence="again")
    seen.append(texts(memory))
    memory.edit(id_, "Use four spaces", Kind.PREFERENCE)
    seen.append(texts(memory))
    memory.save("Use four spaces, and never tabs in Python")
    seen.append(texts(memory))
    memory.forget(id_)
    for before in reversed(seen):
        assert memory.undo()
        assert texts(memory) == before
        if not before:
            break
    assert memory.undo() == []
    assert {change.is_undone for change in memory.history()} == {True}


def test_an_edited_fact_is_found_by_its_new_words_only(memory: Memory) -> None:
    id_ = memory.save("Deploys go to Heroku").fact.id
    memory.edit(id_, "Releases go to Fly")
    assert memory.search("Heroku") == []
    assert [fact.id for fact in memory.search("Fly")] == [id_]


def test_an_edit_that_would_make_two_equal_facts_is_refused(memory: Memory) -> None:
    memory.save("Use tabs")
    other = memory.save("Deploys go to Fly").fact.id
    with pytest.raises(HeadroomError, match="says the same"):
        memory.edit(other, "use tabs.")


def test_an_erased_fact_is_nowhere_in_the_files(store: Store, memory: Memory) -> None:
    id_ = memory.save("The word is xylophonist").fact.id
    memory.edit(id_, "The word is xylophonists")
    memory.erase(id_)
    assert memory.history() == []
    assert memory.search("xylophonist") == []
    store.purge(Cut(0.0, 0.0))
    assert b"xylophonist" not in store.path.read_bytes()


def test_a_sweep_that_removes_everything_leaves_the_facts(store: Store, memory: Memory) -> None:
    store.put_original("old", "Bash")
    memory.save("Use tabs")
    store.purge(Cut(float("inf"), float("inf"), max_bytes=1, spared_since=float("inf")))
    assert store.stats().originals.rows == 0
    assert [fact.text for fact in memory.search("tabs")] == ["Use tabs"]


@pytest.mark.parametrize(
    "text",
    ["", " \n", "x" * 2001, "password=hunter2hunter2", "Use key sk-ant-api03-abcdefghijklmnopqrstuvwx",
     "git clone https://anna:s3cr3t@example.com/x", "-----BEGIN RSA PRIVATE KEY-----"],
)  # fmt: skip
def test_a_text_that_is_no_fact_or_holds_a_secret_is_refused_and_not_repeated(memory: Memory, text: str) -> None:
    with pytest.raises(HeadroomError) as caught:
        memory.save(text)
    assert caught.value.code is Code.BAD_REQUEST
    assert not text.strip() or text not in str(caught.value)
    assert memory.facts() == []


@pytest.mark.parametrize(
    "query", ["", '"', "a AND (", "NEAR(x", "col:x", "*", "\ud800", "\0", "the of", "x" * 9999, "w " * 9999]
)
def test_any_query_is_words(memory: Memory, query: str) -> None:
    memory.save("Use tabs \ud800 and NEAR misses")
    memory.search(query)
    assert [fact.id for fact in memory.search(f"{query} tabs")] in (["m1"], [])
    assert memory.search("tabs")


def test_names_in_camel_case_are_found_by_their_parts(memory: Memory) -> None:
    memory.save("parseRowStrict raises on blanks")
    assert memory.search("strict row parser")


def test_what_is_exported_can_be_imported_into_another_project(store: Store, memory: Memory) -> None:
    memory.save("Use tabs", Kind.PREFERENCE, agent="codex", evidence="said so")
    memory.save("Run make")
    rows = memory.exported()
    assert "/project" not in str(rows)
    other = Memory(store, Scope("/other", "anna"))
    assert [saved.relation for saved in other.imported(rows)] == [Relation.DISTINCT] * 2
    assert [saved.relation for saved in other.imported(rows)] == [Relation.SAME] * 2
    assert [{**row, "created": 0} for row in other.exported()] != []
    assert [(fact.text, fact.kind, fact.agent) for fact in other.facts()][1] == ("Use tabs", Kind.PREFERENCE, "codex")


@pytest.mark.parametrize("row", [{}, {"text": 1}, {"text": "x", "kind": "no"}, [], None, "text", {"text": ""}])
def test_an_import_with_a_bad_row_imports_nothing(memory: Memory, row: Any) -> None:
    with pytest.raises(HeadroomError) as caught:
        memory.imported([{"text": "Use tabs"}, row])
    assert caught.value.code is Code.BAD_REQUEST
    assert memory.facts() == []


class Letters:
    """Vectors by the letters of a text; counts what it embeds."""

    model = "letters"

    def __init__(self) -> None:
        self.embedded: list[str] = []

    def embed(self, texts: Sequence[str]) -> Any:
        self.embedded += texts
        counts = np.array([[text.lower().count(chr(97 + n)) + 0.01 for n in range(26)] for text in texts])
        return counts / np.linalg.norm(counts, axis=1, keepdims=True)


def test_a_search_by_meaning_finds_what_shares_no_word_and_embeds_each_text_once(store: Store) -> None:
    letters = Letters()
    memory = Memory(store, SCOPE, letters)
    memory.save("zzyzx")
    id_ = memory.save("abcabc").fact.id
    assert memory.search("cab bac")[0].text == "abcabc"
    memory.edit(id_, "qqqq")
    assert memory.search("cab bac", 1)[0].text == "zzyzx" or memory.facts()[0].text == "qqqq"
    memory.search("zzz")
    assert sorted(letters.embedded) == ["abcabc", "cab bac", "cab bac", "qqqq", "zzyzx", "zzz"]


def test_ranks_are_fused() -> None:
    assert fused(["a", "b", "c"], ["b", "d"]) == ["b", "a", "c", "d"]
    assert fused([], ["x"]) == ["x"]


def test_a_model_with_other_weights_is_not_loaded(tmp_path: Path) -> None:
    with pytest.raises(HeadroomError, match="cannot be read"):
        MiniLM(tmp_path)
    (tmp_path / "model.onnx").write_bytes(b"other")
    with pytest.raises(HeadroomError, match="another file"):
        MiniLM(tmp_path)
