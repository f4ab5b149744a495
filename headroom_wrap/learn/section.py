"""The section of corrections in one file: what it should hold, next to what a person made of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from headroom_wrap import tokens
from headroom_wrap.edits import markdown
from headroom_wrap.learn.findings import Finding
from headroom_wrap.learn.rendering import item, line_of, read_item, read_line, seen_in, text_of
from headroom_wrap.store import LearnedLine
from headroom_wrap.store.learned_lines import DELETED, EDITED, WRITTEN

NAME = "learn"
MAX_LINES = 30
MAX_TOKENS = 2000
INTRO = "Corrections that Headroom learned from past sessions in this project. Edit or delete a line: it stays so."
_STAYS = 1.25
"""How much more a line counts that is there already, so that two of equal worth do not change places each day."""


@dataclass(frozen=True, slots=True)
class Update:
    """What becomes of one file.

    Attributes:
        text: the whole text.
        lines: what is remembered of its lines from now on.
        added, changed, removed: ids of findings.
        kept: ids of lines that a person edited, or deleted, and that are therefore left so.
        left_out: ids for which there was no room.
    """

    text: str
    lines: tuple[LearnedLine, ...]
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


def update(  # noqa: PLR0913 - all that decides about a line
    text: str,
    findings: Iterable[Finding],
    remembered: Mapping[str, LearnedLine],
    now: float,
    *,
    doubted: Iterable[Finding] = (),
    is_whole: bool = True,
) -> Update:
    """Bring the section up to date; everything outside it keeps its characters.

    Args:
        text: the file's text.
        findings: those that are good enough, in any order.
        remembered: what was written here before, by finding.
        now: unix seconds.
        doubted: findings that are not good enough, or not any more: what was written of them leaves when they expire.
        is_whole: the findings are all that is known; else the evidence that they do not name stays as it is written.

    Raises:
        EditError: the marks in the text do not fit together, or it holds an unresolved merge.
    """
    sections = markdown.sections(text)
    body = [line.rstrip("\r") for line in sections.get(NAME, "").split("\n")][:-1]
    page = _Page(text, body)
    known = {id_: page.judged(line) for id_, line in remembered.items()}
    wanted = {finding.id: finding for finding in findings if finding.expires > now}
    for id_, line in page.lines.items():
        if id_ not in known and id_ in wanted and line == line_of(wanted[id_]):
            # Written by us, and the crash came before that was remembered.
            known[id_] = _remember(wanted[id_])
    intact = {id_ for id_, line in known.items() if line.state == WRITTEN}
    ends = {finding.id: finding.expires for finding in doubted if is_whole}
    known = {id_: replace(line, expires=min(line.expires, ends.get(id_, line.expires))) for id_, line in known.items()}
    held = {id_ for id_ in intact if id_ not in wanted and known[id_].expires > now}
    free = {id_: each for id_, each in wanted.items() if id_ in intact or not (id_ in known or page.says(each))}
    taken = [page.written(id_) for id_ in page.lines if id_ not in intact or id_ in held]
    chosen = _best(free.values(), intact, taken)
    lines = {id_: _line(free[id_], known.get(id_), is_whole=is_whole) for id_ in chosen}
    new_body = page.with_lines(lines, gone=intact - held - lines.keys())
    added = tuple(id_ for id_ in lines if id_ not in intact)
    return Update(
        text if new_body == body else _with_body(text, new_body),
        tuple(line for id_, line in sorted({**known, **lines}.items()) if id_ not in intact - held or id_ in lines),
        added=added,
        changed=tuple(id_ for id_ in lines if id_ in intact and lines[id_].line != page.lines[id_]),
        removed=tuple(sorted(intact - held - lines.keys())),
        kept=tuple(id_ for id_ in wanted if id_ in known and known[id_].state in (EDITED, DELETED)),
        left_out=tuple(sorted(free.keys() - lines.keys())),
    )


def without(text: str, now: Mapping[str, LearnedLine], before: Mapping[str, LearnedLine]) -> str:
    """The text with each line that is still as we wrote it as it was before; those that a person edited stay.

    Args:
        text: the file's text.
        now: what is remembered of its lines.
        before: what was remembered of them at the time to which it is to go back.

    Raises:
        EditError: as `update`.
    """
    body = markdown.sections(text).get(NAME, "").split("\n")[:-1]
    page = _Page(text, [line.rstrip("\r") for line in body])
    intact = {id_ for id_, line in now.items() if page.lines.get(id_) == line.line}
    new_body = page.with_lines(
        {id_: before[id_] for id_ in sorted(intact & before.keys())}, gone=intact - before.keys()
    )
    return text if new_body == page.body else _with_body(text, new_body)


class _Page:
    """A file's text and the lines of its section."""

    def __init__(self, text: str, body: list[str]) -> None:
        self.body = body
        self._text = text
        self.lines: dict[str, str] = {}
        self._places: dict[str, int] = {}
        for place, written in enumerate(body):
            found = read_item(written)
            if found is not None and found[1] not in self.lines:
                self.lines[found[1]] = found[0]
                self._places[found[1]] = place

    def written(self, id_: str) -> str:
        return self.body[self._places[id_]]

    def judged(self, line: LearnedLine) -> LearnedLine:
        """What a person made of a line of ours."""
        if line.finding in self.lines:
            return replace(line, state=WRITTEN if self.lines[line.finding] == line.line else EDITED)
        return replace(line, state=EDITED if line.text in self._text else DELETED)

    def says(self, finding: Finding) -> bool:
        """Whether the file says it already, in a line that we did not write or do not know any more."""
        return finding.id in self.lines or text_of(finding) in self._text

    def with_lines(self, lines: Mapping[str, LearnedLine], gone: Collection[str]) -> list[str]:
        """The body with these lines, each where it stood before, the new ones after the last; [] if nothing stands."""
        body = list(self.body)
        for id_ in lines.keys() & self.lines.keys():
            if self.lines[id_] != lines[id_].line:
                body[self._places[id_]] = item(lines[id_].line, id_)
        new = [item(line.line, id_) for id_, line in lines.items() if id_ not in self.lines]
        end = max((place for place, written in enumerate(body) if written.strip()), default=-1) + 1
        body[end:end] = new
        dropped = {self._places[id_] for id_ in gone if id_ in self._places}
        body = [written for place, written in enumerate(body) if place not in dropped]
        if all(read_line(written) in ("", INTRO) for written in body):
            return []
        return body if self.body else [INTRO, "", *body]


def _best(findings: Iterable[Finding], intact: Collection[str], taken: Sequence[str]) -> list[str]:
    """The best of the findings, as many as there is room for beside what a person holds taken."""
    ranked = sorted(findings, key=lambda each: (-_worth(each) * (_STAYS if each.id in intact else 1), each.id))
    n_lines, n_tokens = len(taken), sum(map(tokens.count, taken))
    chosen = []
    for finding in ranked:
        n_tokens_of_it = tokens.count(item(line_of(finding), finding.id))
        if n_lines < MAX_LINES and n_tokens + n_tokens_of_it <= MAX_TOKENS:
            chosen.append(finding.id)
            n_lines, n_tokens = n_lines + 1, n_tokens + n_tokens_of_it
    return chosen


def _worth(finding: Finding) -> float:
    return finding.confidence * max(finding.tokens_lost, 1)


def _remember(finding: Finding) -> LearnedLine:
    return LearnedLine(finding.id, line_of(finding), text_of(finding), WRITTEN, finding.expires)


def _line(finding: Finding, old: LearnedLine | None, *, is_whole: bool) -> LearnedLine:
    """The finding's line; of a part of its evidence, no more than that it is still seen.

    Agents remove old transcripts: what was seen in more sessions than can be found today was seen all the same.
    """
    new = _remember(finding)
    if old is None or (is_whole and seen_in(new.line) >= seen_in(old.line)):
        return new
    return replace(old, expires=max(old.expires, new.expires))


def _with_body(text: str, body: Sequence[str]) -> str:
    if not body:
        return markdown.remove_section(text, NAME)
    return markdown.set_section(text, NAME, "".join(f"{line}\n" for line in body))
