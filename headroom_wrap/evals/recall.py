"""How often memory finds what answers a question: evidence turns of long conversations; and how fast it does.

`python -m headroom_wrap.evals.recall DATA` reads LoCoMo's format: conversations with `qa` and sessions.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.memory import Memory
from headroom_wrap.memory.minilm import MiniLM
from headroom_wrap.memory.vectors import Embedder
from headroom_wrap.store import Fact, Kind, Relation, Scope, Store

CUTS = (5, 10)
_UNANSWERABLE = 5
"""The category of questions that the conversation does not answer."""
_N_FACTS = 50_000
_N_TIMED = 200
_EXIT_ERROR = 2


@dataclass(frozen=True, slots=True)
class Recall:
    """Mean share of the evidence among the first 5 and 10 facts, over the questions of one conversation."""

    conversation: str
    n_turns: int
    n_questions: int
    by_cut: Mapping[int, float]


def measure(conversation: Mapping[str, Any], embedder: Embedder | None) -> Recall:
    """Save each turn as a fact, with the turn before it as evidence, and ask every question that has evidence."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "store.sqlite3")
        try:
            return _measure(store, conversation, embedder)
        finally:
            store.close()


def _measure(store: Store, conversation: Mapping[str, Any], embedder: Embedder | None) -> Recall:
    scope = Scope("conversation", "reader")
    turns = {}
    for id_, text, evidence in _turns(conversation["conversation"]):
        # Turns are no facts: two that say the same stay two, so that each can be the evidence.
        saved = store.facts.save(
            Fact(text, Kind.DECISION, scope, evidence=evidence), id_, lambda known: [Relation.DISTINCT] * len(known)
        )
        turns[saved.fact.id] = id_
    memory = Memory(store, scope, embedder)
    shares: dict[int, list[float]] = {cut: [] for cut in CUTS}
    for asked in conversation["qa"]:
        wanted = set(asked.get("evidence", ())) & set(turns.values())
        if not wanted or asked.get("category") == _UNANSWERABLE:
            continue
        found = [turns[fact.id] for fact in memory.rank(asked["question"], max(CUTS))]
        for cut in CUTS:
            shares[cut].append(len(wanted & set(found[:cut])) / len(wanted))
    by_cut = {cut: statistics.fmean(each) for cut, each in shares.items()}
    return Recall(str(conversation.get("sample_id", "")), len(turns), len(shares[CUTS[0]]), by_cut)


def _turns(sessions: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Id, text and evidence of each turn; a picture's caption belongs to the text."""
    for name, session in sessions.items():
        if not isinstance(session, list):
            continue
        before = ""
        for turn in session:
            caption = f" [{turn['blip_caption']}]" if turn.get("blip_caption") else ""
            text = f"{turn['speaker']}: {turn['text']}{caption}"
            yield turn["dia_id"], text, f"{before}\n{sessions.get(f'{name}_date_time', '')}".strip()
            before = text


def speed() -> dict[str, list[float]]:
    """Milliseconds for searches and saves in a project of 50,000 facts; words are as frequent as in a language."""
    draw = random.Random(1)  # noqa: S311 - no secret
    words = [f"{draw.choice('bcdfgklmnprst')}{draw.choice('aeiou')}{number:x}" for number in range(20_000)]
    sums = list(itertools.accumulate(1 / (rank + 1) for rank in range(len(words))))

    def sentence() -> str:
        return " ".join(draw.choices(words, cum_weights=sums, k=draw.randint(8, 20)))

    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "store.sqlite3")
        memory = Memory(store, Scope("project", "user"))
        for _ in range(_N_FACTS):
            memory.save(sentence())
        queries = [" ".join(draw.choices(words, cum_weights=sums, k=6)) for _ in range(_N_TIMED)]
        found = {
            "search": [_ms(memory.rank, query) for query in queries],
            "save": [_ms(memory.save, sentence()) for _ in range(_N_TIMED)],
        }
        store.close()
    return found


def _ms(call: Callable[[str], object], text: str) -> float:
    begun = time.perf_counter()
    call(text)
    return (time.perf_counter() - begun) * 1000


def main(words: Sequence[str] | None = None) -> int:
    """Measure as the words say and print lines; gives the exit code.

    Raises:
        HeadroomError: `BAD_REQUEST` for data that cannot be read; `BAD_SETTING` for a model that cannot.
    """
    parser = argparse.ArgumentParser(prog="python -m headroom_wrap.evals.recall", description=__doc__)
    parser.add_argument("data", type=Path, nargs="?", help="a folder with *.json, or a file, in LoCoMo's format")
    parser.add_argument("--model", type=Path, help="folder of the MiniLM model, for the hybrid search")
    parser.add_argument("--speed", action="store_true", help="time searches and saves with 50,000 facts")
    options = parser.parse_args(words)
    if options.data is None and not options.speed:
        parser.error("give DATA, or --speed")
    if options.data is not None:
        conversations = _load(options.data)
        _tell("BM25", [measure(each, None) for each in conversations])
        if options.model is not None:
            embedder = MiniLM(options.model)
            _tell("hybrid", [measure(each, embedder) for each in conversations])
    for name, taken in speed().items() if options.speed else ():
        median, p95 = statistics.median(taken), statistics.quantiles(taken, n=20)[-1]
        _say(f"{name:<8}{_N_FACTS:,} facts: median {median:.2f} ms, 95th percentile {p95:.2f} ms, of {len(taken)}")
    return 0


def _load(place: Path) -> list[Mapping[str, Any]]:
    try:
        files = sorted(place.glob("*.json")) if place.is_dir() else [place]
        return [each for file in files for each in json.loads(file.read_text(encoding="utf-8"))]
    except (OSError, ValueError) as error:
        raise HeadroomError(Code.BAD_REQUEST, f"{place} cannot be read: {error}.") from error


def _tell(how: str, found: Sequence[Recall]) -> None:
    for each in found:
        cuts = "  ".join(f"@{cut} {share:.3f}" for cut, share in each.by_cut.items())
        _say(f"{how:<8}{each.conversation:<10}{each.n_turns:>5} turns {each.n_questions:>4} questions  {cuts}")
    total = sum(each.n_questions for each in found)
    if total:
        means = {cut: sum(each.by_cut[cut] * each.n_questions for each in found) / total for cut in CUTS}
        cuts = "  ".join(f"@{cut} {share:.3f}" for cut, share in means.items())
        _say(f"{how:<8}{'all':<10}{sum(each.n_turns for each in found):>5} turns {total:>4} questions  {cuts}")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except HeadroomError as error:
        sys.stderr.write(f"headroom: {error}\n")
        sys.exit(_EXIT_ERROR)
