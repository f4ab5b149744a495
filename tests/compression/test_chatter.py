"""The routine of builds and CI jobs: told from what they are about, and never kept as if it were rare."""

from __future__ import annotations

import pytest

from headroom_wrap.compression import chatter, logs, markers
from headroom_wrap.compression.model import Hints

_STAMP = "2026-11-18T03:09:52.1402711Z "
_ROUTINE = (
    "running build_ext",
    "copying src/cart/total.py -> build/lib/cart",
    "Downloading wheel-0.45.1-py3-none-any.whl (62 kB)",
    "Requirement already satisfied: six in ./lib",
    "##[endgroup]",
    "3f2a1b4c5d6e: Pull complete",
    f"{_STAMP}[command]/usr/bin/git version",
)
_NEWS = (
    "error: command 'gcc' failed with exit code 1",
    "copying is not allowed here",
    "Running 12 tests",
    "ERROR: No matching distribution found for six<1.0",
    f"{_STAMP}##[error]Process completed with exit code 2.",
)


def test_routine_is_told_from_news() -> None:
    assert chatter.lines_of([*_ROUTINE, *_NEWS]) == set(range(len(_ROUTINE)))


def test_settings_below_their_heading_are_routine_and_what_follows_is_not() -> None:
    shown = ["shell: /bin/bash -e", "env:", "  CI: true", "  PIP: 24", "building the cart", "  total: 3"]
    assert chatter.lines_of(shown) == {0, 1, 2, 3}


def test_a_few_such_lines_may_be_something_else() -> None:
    assert chatter.lines_of(_ROUTINE[:3]) == set()


@pytest.mark.parametrize("news", _NEWS)
def test_news_between_much_routine_stay(news: str) -> None:
    routine = [f"copying src/cart/part_{number}.py -> build/lib/cart/part" for number in range(120)]
    found = logs.compress("\n".join([*routine[:60], news, *routine[60:]]), Hints("Bash", marker=markers.elision))
    assert found is not None
    assert news.removeprefix(_STAMP) in found.text
    assert len(found.text.splitlines()) < 20
