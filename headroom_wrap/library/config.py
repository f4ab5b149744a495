"""What a caller may ask of the library, and what it gets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headroom_wrap.compression.model import Verdict


@dataclass(frozen=True, slots=True)
class Config:
    """How to compress, where the defaults do not fit.

    Attributes:
        exclude_tools: tools whose results are never touched.
        user_text: whether what the user wrote or pasted may be shortened too, at level aggressive; None: only where
            the caller says with `query` what matters.
        lossless: nothing is elided, whatever the level: for readers that nobody will fetch an original for.
    """

    exclude_tools: tuple[str, ...] = ()
    user_text: bool | None = None
    lossless: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """Messages, shortened.

    Attributes:
        messages: those that were given, the same objects but for messages in which a text was replaced.
        tokens_before: of the texts in all messages, as the model that was named counts them.
        tokens_after: the same of what is given back.
        verdicts: one for each text that could have been replaced, in order; their counts are those of o200k_base.
        is_exact: whether the counts are the model's own (OpenAI's), and not an estimate.
    """

    messages: list[dict[str, Any]]
    tokens_before: int
    tokens_after: int
    verdicts: list[Verdict]
    is_exact: bool = False

    @property
    def tokens_saved(self) -> int:
        """The difference."""
        return self.tokens_before - self.tokens_after


Message = Mapping[str, Any]
