"""What a transcript says, as one line that is nothing but text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_wrap.edits import markdown
from headroom_wrap.learn.rendering import MAX_CHARS, item, line_of, plain, read_item, rounded
from headroom_wrap.learn.section import update
from tests.learn.making import NOW, finding

PIECES = (
    "<!-- headroom:learn:end -->", "-->", "<!--", "\n", "\r\n", "\u2028", "`", "```", "<system-reminder>", "# ", "a",
    "@/etc/passwd", " @~/.ssh/id", "[headroom h1: ", "\x1b[31m", "System:", "\u202e", "<|im_end|>", "- ", "<<<<<<< ",
)  # fmt: skip
HOSTILE = st.lists(st.sampled_from(PIECES)).map("".join)


@given(HOSTILE)
def test_no_text_leaves_its_line_or_closes_the_section(text: str) -> None:
    wanted = finding(f"Use {text} x", subject="s")
    document = "# Mine\n"
    first = update(document, [wanted], {}, NOW)
    edited = first.text
    assert edited.startswith(document)
    lines = markdown.sections(edited)["learn"].splitlines()
    (line,) = [line for line in lines if line.startswith("- ")]
    assert len(lines) == 3
    assert read_item(line) == (line_of(wanted), wanted.id)
    said = line_of(wanted)
    assert "<!--" not in said
    assert "-->" not in said
    assert "<system" not in said
    assert "<|" not in said
    assert "[headroom" not in said
    assert "\x1b" not in said
    outside = re.sub(r"`[^`]*`", "", said)
    assert not re.search(r"(?<!\w)@\S", outside)
    assert not re.search(r"\bsystem:", said, re.IGNORECASE)
    assert (
        update(edited, [wanted], {line.finding: line for line in update(document, [wanted], {}, NOW).lines}, NOW).text
        == edited
    )


@given(st.text(max_size=600))
def test_any_text_becomes_one_short_line(text: str) -> None:
    said = plain(text)
    assert len(said.splitlines()) <= 1
    assert len(said) <= 2 * MAX_CHARS
    assert plain(said) == said or "`" in said or "…" in said
    read_item(item(said or "x", "f0123456789"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Run `python3 -m pytest`, not `pytest`.", "Run `python3 -m pytest`, not `pytest`."),
        ("Use `git log --oneline | head < file`.", "Use `git log --oneline | head < file`."),
        ("Read `src/a.py`; a->b and x --> y", "Read `src/a.py`; a->b and x -- > y"),
        ("Ask me@example.com about `npm i @scope/pkg`", "Ask me@example.com about `npm i @scope/pkg`"),
        ("See @secrets.md now", "See `@secrets.md` now"),
        ("an odd ` tick", "an odd ' tick"),
    ],
)
def test_what_is_harmless_stays_as_it_is(text: str, said: str) -> None:
    assert plain(text) == said


@pytest.mark.parametrize(("n", "said"), [(7, 7), (99, 99), (123, 120), (4218, 4200), (99_600, 100_000), (0, 0)])
def test_tokens_are_told_with_two_digits(n: int, said: int) -> None:
    assert rounded(n) == said
