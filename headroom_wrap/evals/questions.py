"""Questions about long texts, at level aggressive: is the answer still there, and how much of the text?

Read are SQuAD's files (`squad*.json`: articles of paragraphs with questions) and `nq_open*.jsonl`
(`{"question", "answers", "ctxs": [{"title", "text"}]}`). Of many questions a fixed sample is asked.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headroom_wrap.compression.model import Level
from headroom_wrap.evals.measure import Column, Figure, Measure, percent, seen_of, share
from headroom_wrap.evals.reading import Reader

PARAGRAPHS = 8
"""As many paragraphs of an article make the text that a question is asked of."""
QUESTIONS = 40
"""As many are asked of an article."""
_OPEN_QUESTIONS = 100


@dataclass(frozen=True, slots=True)
class Question:
    """A question, a text that holds the answer, and the answers that count."""

    of: str
    text: str
    answers: tuple[str, ...]
    context: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ArticleRow:
    """What became of the questions about one article."""

    name: str
    questions: int
    answered: int
    words_before: int
    words_after: int


def measure(reader: Reader, data: Path) -> list[ArticleRow]:
    """Ask the sample, article by article."""
    aggressive = reader.at(Level.AGGRESSIVE)
    asked = [*squad(data), *open_questions(data)]
    names = dict.fromkeys(question.of for question in asked)
    return [_row(aggressive, name, [question for question in asked if question.of == name]) for name in names]


def squad(data: Path) -> Iterator[Question]:
    """The sample of each article."""
    for file in sorted(data.glob("squad*.json")):
        for article in json.loads(file.read_text(encoding="utf-8"))["data"]:
            yield from _sample(_of_article(article["title"], article["paragraphs"]), QUESTIONS)


def open_questions(data: Path) -> Iterator[Question]:
    """The sample of each file of open questions."""
    for file in sorted(data.glob("nq_open*.jsonl")):
        rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        texts = ["\n\n".join(f"{part['title']}\n{part['text']}" for part in row["ctxs"]) for row in rows]
        asked = (
            Question(file.stem, row["question"], _standing(row["answers"], text), text)
            for row, text in zip(rows, texts, strict=True)
        )
        yield from _sample(asked, _OPEN_QUESTIONS)


def _of_article(title: str, paragraphs: Sequence[dict[str, Any]]) -> Iterator[Question]:
    for start in range(0, len(paragraphs), PARAGRAPHS):
        window = paragraphs[start : start + PARAGRAPHS]
        text = "\n\n".join(str(paragraph["context"]) for paragraph in window)
        for paragraph in window:
            for asked in paragraph["qas"]:
                answers = _standing((answer["text"] for answer in asked["answers"]), text)
                yield Question(title, asked["question"], answers, text)


def _standing(answers: Iterable[str], text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(answer for answer in answers if answer in text))


def _sample(questions: Iterable[Question], size: int) -> list[Question]:
    """Those of the answerable questions whose hash is least: the same on every machine."""
    answerable = [question for question in questions if question.answers]
    return sorted(answerable, key=lambda question: hashlib.sha256(question.text.encode()).digest())[:size]


def _row(reader: Reader, name: str, questions: Sequence[Question]) -> ArticleRow:
    read = [(question, reader.read_pasted(question.context, question.text)) for question in questions]
    return ArticleRow(
        name,
        len(read),
        sum(any(answer in text for answer in question.answers) for question, text in read),
        sum(len(question.context.split()) for question in questions),
        sum(len(text.split()) for _, text in read),
    )


def figures(rows: Sequence[ArticleRow]) -> list[Figure]:
    """Answers kept, and words kept."""
    asked, answered = sum(row.questions for row in rows), sum(row.answered for row in rows)
    before, after = sum(row.words_before for row in rows), sum(row.words_after for row in rows)
    return [
        Figure("answers kept", share(answered, asked), f"{asked} questions"),
        Figure("words kept", share(after, before), f"{before:,} words"),
    ]


MEASURE = Measure(
    name="questions",
    title="Questions about long texts, at level aggressive",
    needs="prose_qa",
    run=measure,
    columns=(
        Column("text", lambda row: row.name, is_text=True),
        Column("answers kept", lambda row: seen_of(row.answered, row.questions)),
        Column("share", lambda row: percent(share(row.answered, row.questions))),
        Column("words", lambda row: f"{row.words_before:,}"),
        Column("words kept", lambda row: percent(share(row.words_after, row.words_before))),
    ),
    figures=figures,
)
