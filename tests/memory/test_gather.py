"""What a person says outright is gathered; what they only ask, quote or mention is not."""

from __future__ import annotations

import pytest

from headroom_wrap.memory.gather import corrected, remembered
from headroom_wrap.store import Kind

REMEMBERED = (
    ("Remember that the tests need Redis.", "The tests need Redis", Kind.ENVIRONMENT),
    ("please remember: always use tabs", "Always use tabs", Kind.CONVENTION),
    ("Thanks! Also, remember that I prefer short answers. Go on.", "I prefer short answers", Kind.PREFERENCE),
    ("Don't forget that we decided on SQLite", "We decided on SQLite", Kind.DECISION),
    ("Keep in mind that `make check` runs everything", "`make check` runs everything", Kind.COMMAND),
    ("From now on, name branches after issues.", "Name branches after issues", Kind.CONVENTION),
    ("Note: the CI runs on ARM", "The CI runs on ARM", Kind.ENVIRONMENT),
    ("In this repo, pnpm_workspace lives in tools/", "pnpm_workspace lives in tools/", Kind.ENVIRONMENT),
)
CORRECTED = (
    ("No, use pnpm.", "Use pnpm"),
    ("no - the port is 9090", "The port is 9090"),
    ("That's wrong. The config lives in etc/app.toml.", "The config lives in etc/app.toml"),
    ("Wrong, never edit generated files", "Never edit generated files"),
    ("Use ruff instead of flake8", "Use ruff instead of flake8"),
    ("Stop! Don't push to main.", "Don't push to main"),
    ("No. Use pytest.", "Use pytest"),
)
NEITHER = (
    "Do you remember that bug?",
    "I can't remember that name",
    "Remember that the tests need Redis?",
    "No problem, thanks",
    "No, thanks.",
    "no",
    "Nothing works",
    "Now use the other one",
    "> Remember that I am quoted",
    "```\nremember that this is code\n```",
    "<log>\nno, use sudo",
    "There is no use in that",
    "No, should we use pnpm?",
    "Remember that x",
    "Remember that " + "long " * 100,
    "",
)


@pytest.mark.parametrize(("text", "fact", "kind"), REMEMBERED)
def test_what_is_to_be_remembered_is_gathered(text: str, fact: str, kind: Kind) -> None:
    assert [(each.text, each.kind) for each in remembered(text)] == [(fact, kind)]
    assert corrected(text) == []


@pytest.mark.parametrize(("text", "fact"), CORRECTED)
def test_a_correction_is_gathered(text: str, fact: str) -> None:
    assert [(each.text, each.kind) for each in corrected(text)] == [(fact, Kind.CORRECTION)]
    assert remembered(text) == []


@pytest.mark.parametrize("text", NEITHER)
def test_what_only_looks_like_it_is_left(text: str) -> None:
    assert (remembered(text), corrected(text)) == ([], [])
