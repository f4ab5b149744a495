"""One memory for all agents: save, search, change, tell; each project's facts for itself."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.memory import compare, secrets
from headroom_wrap.memory.brief import brief_of
from headroom_wrap.memory.vectors import Embedder, Vectors, fused
from headroom_wrap.store import Change, Fact, Kind, Relation, Saved, Scope, Store

MAX_CHARS = 2000
_MAX_TOLD = 5000
"""Of how many facts, the newest, a brief tells the best."""
_POOL = 50
"""How many facts of each ranking are fused."""


class Memory:
    """The facts of one project and user.

    Safe for several threads and, as the store is, for several processes.

    Args:
        store: where the facts are kept.
        scope: whose they are.
        embedder: with one, a search also finds facts that say it in other words.
    """

    def __init__(self, store: Store, scope: Scope, embedder: Embedder | None = None) -> None:
        self._facts = store.facts
        self._scope = scope
        self._vectors = None if embedder is None else Vectors(store.facts, scope, embedder)

    @property
    def scope(self) -> Scope:
        """Whose facts these are."""
        return self._scope

    def save(
        self, text: str, kind: Kind = Kind.CONVENTION, *, agent: str = "user", session: str = "", evidence: str = ""
    ) -> Saved:
        """Keep a fact, merged with or put in place of what is there already; committed on return.

        Raises:
            HeadroomError: `BAD_REQUEST` for a text that is empty, too long or holds a secret; `STORE_FAILED`.
        """
        text, normal = _checked(text)
        evidence = evidence[:MAX_CHARS]
        secrets.refuse(evidence)
        fact = Fact(text, kind, self._scope, agent, session, evidence)
        return self._facts.save(fact, normal, lambda known: [compare.relation(text, old.text) for old in known])

    def search(self, query: str, limit: int = 10) -> list[Fact]:
        """The facts that speak of `query`, best first; counts them as used."""
        found = self.rank(query, limit)
        # A store that can be read but not written still answers.
        with contextlib.suppress(HeadroomError):
            self._facts.used(self._scope, [fact.id for fact in found])
        return found

    def rank(self, query: str, limit: int = 10) -> list[Fact]:
        """The same without counting: by BM25, and with an embedder by that and by meaning, fused."""
        if limit <= 0:
            return []
        if self._vectors is None:
            return self._facts.search(self._scope, query, limit)
        by_words = self._facts.search(self._scope, query, max(_POOL, limit))
        known = {fact.id: fact for fact in by_words}
        order = fused([fact.id for fact in by_words], self._vectors.search(query, max(_POOL, limit)))[:limit]
        known |= {fact.id: fact for fact in self._facts.by_id(self._scope, [id_ for id_ in order if id_ not in known])}
        return [known[id_] for id_ in order if id_ in known]

    def facts(self, limit: int = -1) -> list[Fact]:
        """The facts that hold, the newest first."""
        return self._facts.active(self._scope, limit)

    def get(self, id_: str) -> Fact:
        """A fact of this project, whatever its state.

        Raises:
            HeadroomError: `FACT_NOT_FOUND`.
        """
        return self._found(self._facts.get(self._scope, id_), id_)

    def edit(self, id_: str, text: str | None = None, kind: Kind | None = None) -> Fact:
        """Change a fact that holds.

        Raises:
            HeadroomError: `FACT_NOT_FOUND`; `BAD_REQUEST` as `save`, or where another fact says the same.
        """
        old = self.get(id_)
        text, normal = _checked(old.text if text is None else text)
        for other in self._facts.search(self._scope, text, _POOL):
            if other.id != id_ and compare.relation(text, other.text) is Relation.SAME:
                hint = f"Forget {id_} instead."
                raise HeadroomError(Code.BAD_REQUEST, f"{other.id} says the same; nothing was changed.", hint)
        return self._found(self._facts.edit(self._scope, id_, normal, text=text, kind=kind or old.kind), id_)

    def forget(self, id_: str) -> Fact:
        """Let a fact hold no longer; `undo` brings it back.

        Raises:
            HeadroomError: `FACT_NOT_FOUND`.
        """
        return self._found(self._facts.forget(self._scope, id_), id_)

    def erase(self, id_: str) -> None:
        """Remove a fact and its history for good.

        Raises:
            HeadroomError: `FACT_NOT_FOUND`.
        """
        if not self._facts.erase(self._scope, id_):
            self._found(None, id_)

    def undo(self) -> list[Change]:
        """Take the last change back; gives what that was, nothing where there is none left."""
        return self._facts.undo(self._scope)

    def history(self, limit: int = -1) -> list[Change]:
        """What happened, the newest first."""
        return self._facts.history(self._scope, limit)

    def brief(self, known: Collection[str] = ()) -> str:
        """The best facts, framed as notes, for the start of a conversation; "" where there are none.

        Args:
            known: what the agent reads anyway, as `documents.said_in` gives it: such facts are left out.
        """

        def is_told(fact: Fact) -> bool:
            return not secrets.is_secret(fact.text) and not (known and compare.normal(fact.text) in known)

        return brief_of(self.facts(_MAX_TOLD), is_told=is_told)

    def exported(self) -> list[dict[str, Any]]:
        """The facts that hold as plain data, without the project's path and the user's name; the oldest first."""
        names = ("text", "agent", "session", "evidence", "created")
        return [{"kind": fact.kind.value, **{n: getattr(fact, n) for n in names}} for fact in reversed(self.facts())]

    def imported(self, rows: Sequence[Mapping[str, Any]]) -> list[Saved]:
        """Save what `exported` gave; all of it is looked at before the first is saved.

        Raises:
            HeadroomError: `BAD_REQUEST` with the number of the row that cannot be one.
        """
        for number, row in enumerate(rows, 1):
            try:
                _checked(row["text"])
                Kind(row.get("kind", Kind.CONVENTION))
            except (KeyError, TypeError, AttributeError, ValueError) as error:  # noqa: PERF203 - the row is named
                message = f"Row {number} is no fact; nothing was imported."
                raise HeadroomError(Code.BAD_REQUEST, message, "Give what headroom memory export wrote.") from error
        return [
            self.save(
                row["text"], Kind(row.get("kind", Kind.CONVENTION)), agent=str(row.get("agent", "user")),
                session=str(row.get("session", "")), evidence=str(row.get("evidence", "")),
            )
            for row in rows
        ]  # fmt: skip

    @staticmethod
    def _found(fact: Fact | None, id_: str) -> Fact:
        if fact is None:
            hint = "headroom memory list shows what there is."
            raise HeadroomError(Code.FACT_NOT_FOUND, f"There is no fact {id_!r} that holds in this project.", hint)
        return fact


def _checked(text: str) -> tuple[str, str]:
    text = text.strip()
    normal = compare.normal(text)
    if not normal:
        raise HeadroomError(Code.BAD_REQUEST, "A fact needs words; nothing was saved.")
    if len(text) > MAX_CHARS:
        message = f"A fact may have {MAX_CHARS:,} characters, not {len(text):,}; nothing was saved."
        raise HeadroomError(Code.BAD_REQUEST, message, "Say it shorter, or as several facts.")
    secrets.refuse(text)
    return text, normal
