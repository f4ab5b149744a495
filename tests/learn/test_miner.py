"""What is found in sessions with planted failures, and that nothing is found in others."""

from __future__ import annotations

from pathlib import Path

import pytest

from headroom_wrap.learn.findings import FindingKind, Sighting
from headroom_wrap.learn.miner import merge, mine
from tests.learn.cases import Case, cases

HERE = Path(__file__).parent
PLANTED = list(cases(HERE / "planted.txt"))
CLEAN = list(cases(HERE / "clean.txt"))
DAY_S = 86_400.0


def found(case: Case) -> list[Sighting]:
    return [each for each in mine(case.session) if each.weight]


@pytest.mark.parametrize("case", PLANTED, ids=lambda case: case.name)
def test_a_failure_that_was_corrected_is_found_with_what_worked(case: Case) -> None:
    sightings = found(case)
    assert any(all(word in each.text for word in case.words) for each in sightings), sightings
    assert len(sightings) == 1, sightings


@pytest.mark.parametrize("case", CLEAN, ids=lambda case: case.name)
def test_a_session_that_teaches_nothing_has_no_finding(case: Case) -> None:
    assert found(case) == []


@pytest.mark.parametrize("case", PLANTED, ids=lambda case: case.name)
def test_a_sighting_has_its_evidence_in_one_line(case: Case) -> None:
    (sighting,) = found(case)
    assert sighting.tokens_lost > 0
    assert 0 < sighting.weight <= 1
    assert 0 < len(sighting.quote) <= 200
    assert "\n" not in sighting.quote + sighting.text + sighting.subject
    assert sighting.text.endswith(".")
    assert len(sighting.text) <= 300


def test_the_same_session_gives_the_same_sightings() -> None:
    for case in (*PLANTED, *CLEAN):
        assert mine(case.session) == mine(case.session)


def test_one_planted_session_is_sure_enough_to_be_written_down() -> None:
    for case in PLANTED:
        findings = merge(found(case), case.session.started + DAY_S)
        assert findings[0].confidence >= 0.5, findings


def sighting(day: int, session: str = "s", weight: float = 0.9, text: str = "Run `a` instead of `b`.") -> Sighting:
    return Sighting(FindingKind.COMMAND, "program b", text, "claude", session, day * DAY_S, "b: no", 10, weight)


def test_a_finding_grows_surer_and_lives_longer_with_each_session() -> None:
    (one,) = merge([sighting(1, "s1")], 2 * DAY_S)
    (two,) = merge([sighting(1, "s1"), sighting(1, "s2")], 2 * DAY_S)
    assert one.confidence < two.confidence < 1
    assert (one.expires, two.expires) == (31 * DAY_S, 61 * DAY_S)


def test_two_sightings_of_one_session_are_no_surer_than_one() -> None:
    (once,) = merge([sighting(1)], 2 * DAY_S)
    (twice,) = merge([sighting(1), sighting(1)], 2 * DAY_S)
    assert twice.confidence == once.confidence


def test_what_works_later_makes_a_finding_doubtful_and_short_lived() -> None:
    (finding,) = merge([sighting(1, "s1"), sighting(5, "s2", 0.0)], 6 * DAY_S)
    assert finding.confidence < 0.5
    assert finding.expires == 12 * DAY_S
    assert len(finding.sightings) == 1


def test_what_worked_before_it_failed_is_no_contradiction() -> None:
    (finding,) = merge([sighting(1, "s1", 0.0), sighting(5, "s2")], 6 * DAY_S)
    assert finding.confidence >= 0.5


def test_contradictions_alone_are_no_finding() -> None:
    assert merge([sighting(1, weight=0.0)], 2 * DAY_S) == []


def test_the_newest_sighting_words_the_finding() -> None:
    (finding,) = merge([sighting(9, "s2", text="Run `new`."), sighting(1, "s1", text="Run `old`.")], 10 * DAY_S)
    assert finding.text == "Run `new`."


def test_findings_do_not_depend_on_the_order_of_sightings() -> None:
    sightings = [each for case in PLANTED for each in mine(case.session)]
    assert merge(sightings, DAY_S) == merge(reversed(sightings), DAY_S)


def test_most_of_what_the_miner_was_not_fitted_to_is_found() -> None:
    aside = list(cases(HERE / "aside.txt"))
    hits = [case for case in aside if any(all(word in each.text for word in case.words) for each in found(case))]
    assert len(hits) >= 17, sorted({case.name for case in aside} - {case.name for case in hits})
