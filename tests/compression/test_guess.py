"""What Magika makes of a text, and where its word counts."""

from __future__ import annotations

import inspect

import pytest

from headroom_wrap.compression import code, engine, guess, markers, router
from headroom_wrap.compression.model import Hints

SOURCE = inspect.getsource(engine)


def test_a_source_without_a_name_is_known_by_its_look() -> None:
    assert guess.label_of(SOURCE) == "python"
    assert guess.label_of(
        "# A heading\n\n- a [link](https://example.com)\n\n```python\nx = 1\n```\n\nSome *words*.\n" * 40
    ) == ("markdown")


def test_a_short_text_is_not_guessed_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guess, "_model", lambda: pytest.fail("the model was loaded"))
    assert guess.label_of("def f():\n    return 1\n") == ""


def test_a_text_is_guessed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    text = SOURCE + "\n# asked once"
    label = guess.label_of(text)
    monkeypatch.setattr(guess, "_model", lambda: pytest.fail("the model was asked again"))
    assert guess.label_of(text) == label


def test_the_result_of_an_unknown_tool_that_is_a_source_loses_bodies_like_one_that_was_read() -> None:
    text = SOURCE + inspect.getsource(code) + SOURCE
    outcome = router.compress(
        text, Hints("mcp__forge__contents", {"ref": "main"}, "what is frozen?", marker=markers.elision)
    )
    assert outcome is not None
    assert outcome[0] == "code"
    assert "def _frozen_profile(self" in outcome[1].text


def test_lone_surrogates_and_binary_are_guessed_at_without_an_error() -> None:
    assert isinstance(guess.label_of("\ud800\0" * 2000), str)
