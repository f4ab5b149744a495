"""Search by meaning: int8 vectors beside the facts, numpy, and ranks that are fused with those of the words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from headroom_wrap.store import Facts, Scope

_BATCH = 64
_K = 60
"""Of reciprocal rank fusion (Cormack, Clarke and Buettcher, 2009)."""
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
            made = self._embedder.embed([fact.text for fact in facts])
            packed = np.clip(np.rint(np.asarray(made) * _SCALE), -_SCALE, _SCALE).astype(np.int8)
            rows = {fact.id: (fact.text, row.tobytes()) for fact, row in zip(facts, packed, strict=True)}
            if not self._facts.put_vectors(self._embedder.model, rows):
                return


def fused(rankings: Sequence[Sequence[str]]) -> list[str]:
    """One order of several: each place counts 1 / (60 + rank); of equals the one that stands first in the first."""
    scores: dict[str, float] = {}
    for ranking in rankings:
        for rank, id_ in enumerate(ranking, 1):
            scores[id_] = scores.get(id_, 0.0) + 1 / (_K + rank)
    return sorted(scores, key=lambda id_: -scores[id_])
