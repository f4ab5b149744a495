"""Search by meaning: int8 vectors beside the facts, numpy, and ranks that are fused with those of the words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from headroom_wrap.store import Fact, Facts, Scope

_BATCH = 64
_K = 10
_WEIGHT = 0.5
"""Of reciprocal rank fusion (Cormack, Clarke and Buettcher, 2009). With their 60 and equal weights, what stands high by
words sinks too far: short facts name what they are about, and a small model is the weaker of the two."""
_MAX_CONTEXT_CHARS = 300
_SCALE = 127


class Embedder(Protocol):
    """Turns texts into vectors."""

    @property
    def model(self) -> str:
        """A name that changes whenever the vectors would."""

    def embed(self, texts: Sequence[str]) -> Any:
        """Vectors of length 1 as a float32 array, one row for each text."""


class Vectors:
    """The vectors of one scope; facts without one get theirs at the next search."""

    def __init__(self, facts: Facts, scope: Scope, embedder: Embedder) -> None:
        self._facts = facts
        self._scope = scope
        self._embedder = embedder

    def search(self, query: str, limit: int) -> list[str]:
        """Ids of the facts nearest to `query`, the nearest first."""
        # Imported here: numpy comes with the extra.
        import numpy as np  # noqa: PLC0415

        self.fill()
        held = self._facts.vectors(self._scope, self._embedder.model)
        if not held:
            return []
        matrix = np.frombuffer(b"".join(vector for _, vector in held), dtype=np.int8).reshape(len(held), -1)
        asked = np.asarray(self._embedder.embed([query])[0], dtype=np.float32)
        scores = np.concatenate([matrix[at : at + 4096].astype(np.float32) @ asked for at in range(0, len(held), 4096)])
        return [held[place][0] for place in np.argsort(-scores, kind="stable")[:limit]]

    def fill(self) -> None:
        """Make the vectors that are missing."""
        import numpy as np  # noqa: PLC0415 - as above

        while facts := self._facts.without_vector(self._scope, self._embedder.model, _BATCH):
            made = self._embedder.embed([_said(fact) for fact in facts])
            packed = np.clip(np.rint(np.asarray(made) * _SCALE), -_SCALE, _SCALE).astype(np.int8)
            rows = {fact.id: (fact.text, row.tobytes()) for fact, row in zip(facts, packed, strict=True)}
            if not self._facts.put_vectors(self._embedder.model, rows):
                return


def _said(fact: Fact) -> str:
    """What a vector is made of: evidence that comes later does not change it."""
    return f"{fact.evidence[:_MAX_CONTEXT_CHARS]}\n{fact.text}".strip()


def fused(by_words: Sequence[str], by_meaning: Sequence[str]) -> list[str]:
    """One order of two: each place counts 1 / (10 + rank), by meaning half of that; words go first."""
    scores: dict[str, float] = {}
    for ranking, weight in ((by_words, 1.0), (by_meaning, _WEIGHT)):
        for rank, id_ in enumerate(ranking, 1):
            scores[id_] = scores.get(id_, 0.0) + weight / (_K + rank)
    return sorted(scores, key=lambda id_: -scores[id_])
