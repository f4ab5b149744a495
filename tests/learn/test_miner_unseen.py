"""Sessions that were written without a look at the miner: what it finds in those of another hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from headroom_wrap.learn.miner import mine
from tests.learn.cases import Case, cases

HERE = Path(__file__).parent
NOT_FOUND = {"nx monorepo": "nothing in the message says that another runner is wanted"}
"""Cases that the miner misses, each with the reason."""


@pytest.mark.parametrize("case", list(cases(HERE / "unseen.txt")), ids=lambda case: case.name)
def test_a_failure_of_another_hand_is_found_with_what_worked(case: Case, request: pytest.FixtureRequest) -> None:
    if case.name in NOT_FOUND:
        request.applymarker(pytest.mark.xfail(reason=NOT_FOUND[case.name], strict=True))
    texts = [each.text for each in mine(case.session) if each.weight]
    assert [text for text in texts if all(word in text for word in case.words)], texts


@pytest.mark.parametrize("case", list(cases(HERE / "unseen_clean.txt")), ids=lambda case: case.name)
def test_a_session_of_another_hand_that_teaches_nothing_has_no_finding(case: Case) -> None:
    assert [each.text for each in mine(case.session) if each.weight] == []
