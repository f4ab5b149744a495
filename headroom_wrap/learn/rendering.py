"""A finding as one line of Markdown: what to do, how that is known, and an id in a comment that no reader sees.

What a finding says comes from transcripts, so from anywhere: it cannot leave its line, close a section, import a file,
or look like words of the system's.
"""

from __future__ import annotations

import re
import time

from headroom_wrap.learn.findings import Finding

MAX_CHARS = 300
_FEW_TOKENS = 100
_ENDS = (".", "!", "?", "…", ":")
"""Of a sentence: only then are the words apart from their evidence when an agent's memory is compared with them."""
_CODE = re.compile(r"(`[^`]*`)")
_CONTROLS = re.compile(
    r"[\x00-\x1f\x7f-\x9f\xad\u061c\u115f\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufe00-\ufe0f\ufeff"
    r"\U000e0000-\U000e0fff]+"
)
_APART = (
    (re.compile(r"<(?=[\w/|!?<])"), "< "),
    (re.compile(r"--+(?=>)"), r"\g<0> "),
    (re.compile(r"!(?=\[)"), "! "),
    (re.compile(r"\[(?=/?\s*INST\b|headroom)", re.IGNORECASE), "[ "),
    (re.compile(r"\b(human|assistant|system|user)(?=:)", re.IGNORECASE), r"\1 "),
    (re.compile(r"`{2,}"), "`"),
)
"""What is pulled apart by a space, so that it reads the same and means nothing to a parser of Markdown or prompts."""
_IMPORT = re.compile(r"(?<![\w`])@[^\s`]+")
_LINE = re.compile(r"^\s*[-*+]\s+(?P<line>.*\S)\s*<!--\s*(?P<id>f[0-9a-f]{10})\s*-->\s*$")
_SEEN = re.compile(r"\(seen in ([\d,]+) session")
_ITEM = re.compile(r"^\s*[-*+]\s+(?P<line>.*\S)\s*$")


def text_of(finding: Finding) -> str:
    """The correction itself, a sentence, safe to stand in a line of Markdown."""
    text = plain(finding.text)
    return text if text.endswith(_ENDS) else f"{text}."


def line_of(finding: Finding) -> str:
    """The correction and its evidence, as they stand between the bullet and the comment with the id."""
    return f"{text_of(finding)} ({evidence(finding)})"


def evidence(finding: Finding) -> str:
    """`seen in 3 sessions, last 2026-11-28; ~4,200 tokens lost`."""
    n_sessions = finding.n_sessions
    said = "seen in 1 session" if n_sessions == 1 else f"seen in {n_sessions:,} sessions"
    last = max((each.at for each in finding.sightings), default=0.0)
    if last > 0:
        said += f", last {time.strftime('%Y-%m-%d', time.gmtime(last))}"
    if finding.tokens_lost > 0:
        said += f"; ~{rounded(finding.tokens_lost):,} tokens lost"
    return said


def seen_in(line: str) -> int:
    """In how many sessions, as `evidence` said it."""
    found = _SEEN.findall(line)
    return int(found[-1].replace(",", "")) if found else 0


def rounded(n_tokens: int) -> int:
    """Two digits that count: what a failure cost is known no better."""
    step = 10 ** max(len(str(n_tokens)) - 2, 0) if n_tokens >= _FEW_TOKENS else 1
    return round(n_tokens / step) * step


def item(line: str, id_: str) -> str:
    """A line as it is written."""
    return f"- {line} <!-- {id_} -->"


def read_item(written: str) -> tuple[str, str] | None:
    """Line and id of what `item` wrote, if it is that: with any bullet, and with spaces that a formatter put there."""
    match = _LINE.match(written)
    return None if match is None else (match["line"], match["id"])


def read_line(written: str) -> str:
    """The words of any line of a list, or of any other line."""
    match = _ITEM.match(written)
    return written.strip() if match is None else match["line"]


def plain(text: str) -> str:
    """Foreign text as one line that is nothing but text; long ones are cut, and say so."""
    text = " ".join(_CONTROLS.sub(" ", text).split())
    if len(text) > MAX_CHARS:
        text = text[: MAX_CHARS - 1].rstrip() + "…"
    for pattern, apart in _APART:
        text = pattern.sub(apart, text)
    if text.count("`") % 2:
        text = text.replace("`", "'")
    # In code, an at sign imports nothing (code.claude.com/docs/en/memory).
    parts = [part if part.startswith("`") else _IMPORT.sub(r"`\g<0>`", part) for part in _CODE.split(text)]
    return "".join(parts)
