"""Token counts, offline.

Counts are exact ids of OpenAI's o200k_base (from the `splintr` wheel, which carries the ranks). There is no
public tokenizer for current Claude models: there the same count is an estimate, and is called one.
"""

from __future__ import annotations

from functools import cache
from typing import Protocol


class _Encoder(Protocol):
    def encode(self, text: str) -> list[int]: ...


@cache
def _encoder() -> _Encoder:
    # Imported here: 40 ms that `headroom --version` and a request without new blocks need not pay.
    from splintr import Tokenizer  # noqa: PLC0415

    encoder: _Encoder = Tokenizer.from_pretrained("o200k_base")
    return encoder


def count(text: str) -> int:
    """The number of o200k_base tokens in `text`; lone surrogates count as replacement characters."""
    try:
        return len(_encoder().encode(text))
    except UnicodeEncodeError:
        return len(_encoder().encode(text.encode("utf-8", "replace").decode("utf-8")))


def warm() -> None:
    """Load the ranks now, on a thread that nobody waits for; the first text, too, takes some 50 ms longer."""
    count(__doc__ or "")
