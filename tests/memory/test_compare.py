"""No distinct fact is lost: the table of a hundred pairs, read in both directions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_wrap.memory.compare import relation
from headroom_wrap.store import Relation
from tests.memory import pairs

APART = {Relation.LINKED, Relation.DISTINCT}


@pytest.mark.parametrize(("old", "new"), pairs.SAME)
def test_two_spellings_of_a_fact_are_one(old: str, new: str) -> None:
    assert relation(new, old) is Relation.SAME
    assert relation(old, new) is Relation.SAME


@pytest.mark.parametrize(("old", "new"), pairs.EXTENDED)
def test_a_fact_that_goes_on_replaces_the_shorter_one(old: str, new: str) -> None:
    assert relation(new, old) is Relation.EXTENDS
    assert relation(old, new) is Relation.CONTAINED


@pytest.mark.parametrize(("old", "new"), pairs.CONTRADICTING)
def test_a_fact_that_says_what_changed_replaces_the_old_one(old: str, new: str) -> None:
    assert relation(new, old) is Relation.CONTRADICTS
    assert relation(old, new) in APART


@pytest.mark.parametrize(("old", "new"), [*pairs.NUMBER, *pairs.NAME, *pairs.NEGATION])
def test_facts_that_differ_in_a_number_a_name_or_a_negation_both_stay(old: str, new: str) -> None:
    assert relation(new, old) in APART
    assert relation(old, new) in APART


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Use plan A", "Use plan"),
        ("The area is 10\u00b2 m", "The area is 102 m"),
        ("Wait \u00bd second", "Wait 1/2 second"),
        ("Use the US team", "Use the us team"),
        ("Run it in .", "Run it in .."),
        ("Load > 5 is bad", "Load < 5 is bad"),
        ("Set x=1", "Set x=-1"),
    ],
)
def test_spellings_that_only_look_alike_stay_two(old: str, new: str) -> None:
    assert relation(new, old) in APART
    assert relation(old, new) in APART


@given(st.sampled_from([pair[0] for pair in (*pairs.SAME, *pairs.EXTENDED, *pairs.NUMBER)]), st.data())
def test_a_fact_with_another_digit_or_word_or_a_negation_never_merges(fact: str, data: st.DataObject) -> None:
    said = fact.split()
    place = data.draw(st.integers(0, len(said) - 1))
    change = data.draw(st.sampled_from(["not", "never", "77", "Zeta", "--force"]))
    other = data.draw(
        st.sampled_from([[*said[:place], change, *said[place:]], [*said[:place], change, *said[place + 1 :]]])
    )
    assert relation(" ".join(other), fact) not in (Relation.SAME, Relation.CONTAINED)


def test_the_table_has_a_hundred_pairs() -> None:
    names = ("SAME", "EXTENDED", "CONTRADICTING", "NUMBER", "NAME", "NEGATION")
    rows = [pair for name in names for pair in getattr(pairs, name)]
    assert len(rows) == len(set(rows)) == 100
