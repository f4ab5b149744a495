"""What is found in sessions with planted failures, and that nothing is found in others."""

from __future__ import annotations

from pathlib import Path

import pytest

from headroom_wrap.learn.findings import Sighting
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
