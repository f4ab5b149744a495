"""What a text is, told by a small model where no rule knows: Google's Magika, whose weights come with its package."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from magika import Magika

MIN_CHARS = 2048
"""Below, the model's 10 ms are more than there is to win."""
_READ_CHARS = 100_000
_REMEMBERED = 512
_SURE = 0.8

_known: OrderedDict[bytes, str] = OrderedDict()
_lock = threading.Lock()


def label_of(text: str) -> str:
    """Magika's label for a text ("python", "markdown", "html", ...); "" for a short one, or where it is not sure."""
    if len(text) < MIN_CHARS:
        return ""
    body = text[:_READ_CHARS].encode("utf-8", "replace")
    digest = hashlib.sha256(body).digest()
    with _lock:
        if digest in _known:
            return _known[digest]
    told = _model().identify_bytes(body)
    label = str(told.output.label) if told.score >= _SURE else ""
    with _lock:
        _known[digest] = label
        while len(_known) > _REMEMBERED:
            _known.popitem(last=False)
    return label


@cache
def _model() -> Magika:
    # Imported here: a quarter of a second and 40 MB that most sessions never need.
    from magika import Magika  # noqa: PLC0415

    return Magika()
