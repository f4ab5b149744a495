"""What a person tells an agent to remember, and how they correct it: found in texts without a model.

Rather too little: only what is said outright, in a sentence of its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from headroom_wrap.compression.sentences import split
from headroom_wrap.store import Kind

MAX_CHARS = 300
_MIN_WORDS = 2
_REMEMBER = re.compile(
    r"(?:(?:please|also|and|so|ok(?:ay)?)[,\s]+)*(?:remember|keep in mind|(?:make a )?note|do(?: not|n['’]t) forget)"  # noqa: RUF001
    r"(?:\s+(?:that|this)\b\s*:?|\s*:)\s*(?P<fact>\S.*)",
    re.IGNORECASE | re.DOTALL,
)
_ALWAYS = re.compile(
    r"(?:from now on|in (?:the )?future|in this (?:repo(?:sitory)?|project|codebase))[,:\s]+(?P<fact>\S.*)",
    re.IGNORECASE | re.DOTALL,
)
_CORRECT = re.compile(
    r"(?:no|nope|wrong|not like that|that['’]s (?:wrong|not right)|stop)(?:[,.!;:]|\s[-–—])+\s*(?P<fact>\S.*)",  # noqa: RUF001
    re.IGNORECASE | re.DOTALL,
)
_RULE = re.compile(
    r"(?:please\s+)?(?:use|run|call|we\s+(?:use|never|always|don['’]t|do not)|never|always|don['’]t|do not|it['’]s|"  # noqa: RUF001
    r"it is|it should|you (?:should|must|need)|the\s+\w+|put|write|name)\b",
    re.IGNORECASE,
)
_INSTEAD = re.compile(
    r"(?:please\s+)?(?:use|run|call|put|write|name)\s+\S.*\b(?:instead|not|rather than)\b", re.IGNORECASE | re.DOTALL
)
_COMMAND = re.compile(r"`[^`]+`|\b(?:run|command|make|npm|pytest|cargo)\b", re.IGNORECASE)
_PREFERENCE = re.compile(r"\b(?:I|prefer|like|want|rather)\b")
_CONVENTION = re.compile(r"\b(?:always|never|use|must|should|don['’]t|do not|name[sd]?)\b", re.IGNORECASE)  # noqa: RUF001
_DECISION = re.compile(r"\b(?:decided|chose|agreed|going with|picked)\b", re.IGNORECASE)
_QUOTED = re.compile(r"^\s*(?:>|```|~~~|<|#|\|)")


@dataclass(frozen=True, slots=True)
class Gathered:
    """A fact that stands in a text, what kind it is, and the sentence that says so."""

    text: str
    kind: Kind
    evidence: str


def remembered(text: str) -> list[Gathered]:
    """What a user's message asks to remember: "remember that ...", "from now on ..."."""
    found = []
    for sentence in _sentences(text):
        match = _REMEMBER.match(sentence) or _ALWAYS.match(sentence)
        if match and not sentence.rstrip().endswith("?") and (fact := _fact(match["fact"])):
            found.append(Gathered(fact, _kind(fact), sentence))
    return found


def corrected(text: str) -> list[Gathered]:
    """How a user's message corrects what the agent did: "no, use ...", "use X instead"."""
    found: list[Gathered] = []
    sentences = _sentences(text)
    for place, sentence in enumerate(sentences):
        match = _CORRECT.match(sentence)
        rest = match["fact"] if match else ""
        if re.fullmatch(r"(?:no|nope|wrong|stop|that['’]s wrong)[.!]+", sentence.strip(), re.IGNORECASE):  # noqa: RUF001
            rest = sentences[place + 1] if place + 1 < len(sentences) else ""
        if not rest and _INSTEAD.match(sentence):
            rest = sentence
        said_already = any(each.text == _fact(rest) for each in found)
        if (
            rest
            and _RULE.match(rest)
            and not rest.rstrip().endswith("?")
            and not said_already
            and (fact := _fact(rest))
        ):
            found.append(Gathered(fact, Kind.CORRECTION, sentence))
    return found


def _sentences(text: str) -> list[str]:
    """The sentences that the person wrote: no code, quotations or tags."""
    parts = [text[each.start : each.end] for each in split(text) if not each.is_code]
    return [part for part in parts if not _QUOTED.match(part)]


def _fact(said: str) -> str:
    said = " ".join(said.split()).rstrip(".!")
    if len(said.split()) < _MIN_WORDS or len(said) > MAX_CHARS:
        return ""
    first = said.split()[0]
    return said[0].upper() + said[1:] if first.isascii() and first.isalpha() and first.islower() else said


def _kind(fact: str) -> Kind:
    table = (
        (_DECISION, Kind.DECISION), (_PREFERENCE, Kind.PREFERENCE), (_COMMAND, Kind.COMMAND),
        (_CONVENTION, Kind.CONVENTION),
    )  # fmt: skip
    return next((kind for pattern, kind in table if pattern.search(fact)), Kind.ENVIRONMENT)
