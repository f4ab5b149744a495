"""Whatever findings come and whatever a person does to the file between two runs: what is theirs stays theirs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from headroom_wrap.edits import markdown
from headroom_wrap.learn.findings import Finding
from headroom_wrap.learn.section import MAX_LINES, NAME, update
from headroom_wrap.store import LearnedLine
from tests.learn.making import DAY, NOW, finding

TOOLS = [f"Use `tool-{n}`, not `tool`." for n in range(6)]
FINDINGS = st.lists(
    st.builds(finding, st.sampled_from(TOOLS), n=st.integers(1, 3), lost=st.integers(1, 9000), days=st.integers(1, 9)),
    unique_by=lambda each: each.id,
    max_size=6,
)
LINES = st.lists(st.sampled_from(["# A", "", "- mine", "text", "* Use `tool-1`, not `tool`.", "```"]), max_size=6)
ACTS = st.lists(st.tuples(st.sampled_from(["delete", "edit", "untag", "add", "swap"]), st.integers(0, 40)), max_size=4)


def acted(text: str, acts: list[tuple[str, int]]) -> str:
    """The text after a person was at it, who lets the marks alone."""
    lines = text.split("\n")
    for act, place in acts:
        lines = lines or [""]
        at = place % len(lines)
        if "headroom:learn" in lines[at]:
            continue
        if act == "delete":
            del lines[at]
        elif act == "edit":
            lines[at] = f"{lines[at]} indeed"
        elif act == "untag":
            lines[at] = lines[at].partition(" <!--")[0]
        elif act == "add":
            lines.insert(at, f"person's line {place}")
        elif at + 1 < len(lines) and "headroom:learn" not in lines[at + 1]:
            lines[at], lines[at + 1] = lines[at + 1], lines[at]
    return "\n".join(lines)


def around(text: str) -> tuple[str, str] | None:
    """What stands before and behind the section, without the empty lines next to it; None where there is none."""
    before, has_section, rest = text.partition("<!-- headroom:learn:start -->")
    behind = rest.partition("<!-- headroom:learn:end -->")[2]
    return (before.rstrip("\n"), behind.lstrip("\n")) if has_section else None


def is_same_outside(before: str, after: str) -> bool:
    """Whether one is the other but for the section, and for empty lines where it stands or stood."""
    one, other = around(before), around(after)
    if (one is None) == (other is None):
        return one == other if one else before == after
    (head, tail), whole = one or other or ("", ""), after if one else before
    rest = whole.removeprefix(head).removesuffix(tail)
    return whole.startswith(head) and whole.endswith(tail) and not rest.strip("\n")


@given(LINES, FINDINGS, ACTS, FINDINGS, st.integers(0, 12))
def test_what_a_person_wrote_stays_and_a_second_run_changes_nothing(
    mine: list[str], first: list[Finding], acts: list[tuple[str, int]], second: list[Finding], days: int
) -> None:
    remembered: dict[str, LearnedLine] = {}
    text = "\n".join(mine)
    for findings, now in ((first, NOW), (second, NOW + days * DAY)):
        before = acted(text, acts) if findings is second else text
        done = update(before, findings, remembered, now)
        ours = {f"- {line.line} <!-- {line.finding} -->" for line in remembered.values()}
        theirs = [line for line in before.split("\n") if line.strip() and line not in ours]
        left = done.text.split("\n")
        for line in theirs:
            is_frame = "headroom:learn" in line or "Corrections that Headroom" in line
            assert is_frame or left.count(line) >= theirs.count(line), line
        assert is_same_outside(before, done.text)
        remembered = {line.finding: line for line in done.lines}
        again = update(done.text, findings, remembered, now)
        assert again.text == done.text
        assert (again.added, again.changed, again.removed) == ((), (), ())
        assert {line.finding: line for line in again.lines} == remembered
        body = markdown.sections(done.text).get(NAME, "").splitlines()
        assert len([line for line in body if "<!-- f" in line]) <= MAX_LINES
        text = done.text
