"""Token counts: the encoding follows the model, and a count says what it is."""

from __future__ import annotations

import pytest

from headroom_wrap import tokens


@pytest.mark.parametrize(
    ("model", "encoding"),
    [
        ("gpt-4o-mini", "o200k_base"),
        ("gpt-4.1", "o200k_base"),
        ("gpt-5.2-codex", "o200k_base"),
        ("openai/gpt-5", "o200k_base"),
        ("ft:gpt-4o:acme::1", "o200k_base"),
        ("o3-mini", "o200k_base"),
        ("codex-mini-latest", "o200k_base"),
        ("gpt-oss-120b", "o200k_base"),
        ("gpt-4", "cl100k_base"),
        ("gpt-4-turbo-2024-04-09", "cl100k_base"),
        ("gpt-3.5-turbo", "cl100k_base"),
        ("claude-sonnet-4-5", None),
        ("gemini-3-pro", None),
        ("", None),
    ],
)
def test_the_encoding_follows_the_model(model: str, encoding: str | None) -> None:
    assert tokens.encoding_of(model) == encoding
    assert tokens.is_exact(model) is (encoding is not None)


def test_counts_are_those_of_the_models_encoding() -> None:
    # Both known from OpenAI's own tokenizer.
    text = "გამარჯობა, tokenizer"
    assert tokens.count("hello world") == tokens.count("hello world", "gpt-4") == 2
    assert tokens.count(text, "gpt-4") > tokens.count(text, "gpt-5")
    assert tokens.count(text, "gpt-5") == tokens.count(text) == tokens.count(text, "claude-x")


def test_words_that_mean_something_to_a_model_are_counted_as_text() -> None:
    assert tokens.count("<|endoftext|>") == 7


def test_lone_surrogates_count_as_replacement_characters() -> None:
    assert tokens.count("a\ud800b") == tokens.count("a?b")
