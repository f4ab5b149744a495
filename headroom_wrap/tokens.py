"""Token counts, offline.

Counts are exact for OpenAI's models (ids of the encoding that a model uses, from the `splintr` wheel, which carries
the ranks). There is no public tokenizer for current Claude models: there the count in o200k_base is an estimate, and
is called one; what the provider counts for the same text calibrates it (see `proxy.calibration`).
"""

from __future__ import annotations

import re
from enum import Enum
from functools import cache, lru_cache
from typing import Protocol

DEFAULT_ENCODING = "o200k_base"
"""What blocks are counted in, since a block's outcome does not depend on the model that reads it."""

_ENCODINGS = (
    ("o200k_base", r"gpt-4o|gpt-4\.[1-9]|gpt-[5-9]|gpt-oss|o[1-9](?![0-9])|chatgpt-4o|codex|computer-use"),
    ("cl100k_base", r"gpt-4|gpt-3\.5|gpt-35|text-embedding-(?:3|ada-002)"),
)
"""The first pattern that a model's name begins with, behind a vendor's name (`openai/gpt-5`) or `ft:`
(https://github.com/openai/tiktoken/blob/main/tiktoken/model.py)."""
_REMEMBERED_CHARS = 256 * 1024
_NAME_START = re.compile(r"(?:.*/|ft:)+")


class Basis(str, Enum):
    """How good a count is."""

    EXACT = "exact"
    CALIBRATED = "calibrated estimate"
    ESTIMATED = "estimated"


class _Encoder(Protocol):
    def encode_ordinary(self, text: str) -> list[int]: ...


def count(text: str, model: str = "") -> int:
    """The number of tokens in `text` as `model` reads it; lone surrogates count as replacement characters.

    For a model whose encoding is not public, and for none, in o200k_base.
    """
    encoding = encoding_of(model) or DEFAULT_ENCODING
    return _remembered(text, encoding) if len(text) <= _REMEMBERED_CHARS else _count(text, encoding)


def _count(text: str, encoding: str) -> int:
    encoder = _encoder(encoding)
    try:
        return len(encoder.encode_ordinary(text))
    except UnicodeEncodeError:
        return len(encoder.encode_ordinary(text.encode("utf-8", "replace").decode("utf-8")))


_remembered = lru_cache(16)(_count)
"""Whoever weighs several renderings of a text asks for its own count each time."""


@lru_cache(256)
def encoding_of(model: str) -> str | None:
    """The encoding that a model reads, None where that is not public."""
    name = _NAME_START.sub("", model.lower())
    return next((encoding for encoding, names in _ENCODINGS if re.match(names, name)), None)


def is_exact(model: str) -> bool:
    """Whether `count(text, model)` is what the model reads, and not an estimate."""
    return encoding_of(model) is not None


def warm() -> None:
    """Load the ranks now, on a thread that nobody waits for; the first text, too, takes some 50 ms longer."""
    count(__doc__ or "")


@cache
def _encoder(encoding: str) -> _Encoder:
    # Imported here: 40 ms that `headroom --version` and a request without new blocks need not pay.
    from splintr import Tokenizer  # noqa: PLC0415

    encoder: _Encoder = Tokenizer.from_pretrained(encoding)
    return encoder
