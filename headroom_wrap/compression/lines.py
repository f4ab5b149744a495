"""A text as lines: shown, re-spelled or dropped, and put together again with true markers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from headroom_wrap.compression.markers import PREFIX, carries_marker, gathered

Marker = Callable[[int, int, str], str]

MAX_CHARS = 2_000_000
MAX_LINES = 200_000
"""Longer texts are left alone: the time that a compressor may take is bounded."""

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])")
_PROGRESS = re.compile(r"\b([A-Z]?[a-z]{2,20}(?: [a-z]{1,20}){0,4}(?::|\.\.\.)) {0,4}\[? {0,3}\d{1,3}%(?:\]| \()")
_ALARMS = (
    *"error fail warn fatal exception traceback panic critical denied refused timeout abort kill segfault".split(),
    *"cannot can't unable missing unexpected unreachable non-zero leak corrupt invalid assert crash violation".split(),
    *"conflict deadlock oom".split(),
    *("could not", "not found", "no such", "exit code", "exit status", "core dumped"),
)
_TIMED_OUT = re.compile(r"timed.?out")
_IN_PROGRESS = re.compile(
    r"\d ?%|\d ?/ ?\d|\.\.\.|…|[⠀-⣿━█▏-▏●◐◓◑◒]|[#=]{3}|--:--|\d:\d\d|(?:^|\s)[|/\\-](?:\s|\Z)"
    r"|\d ?(?:[kKMGT]i?)?B(?:/s|\b)"
)
"""What states of progress show: shares, steps, dots, bars, spinners, times to go, sizes."""
_COUNTS = re.compile(r"\d+")
_PROGRESS_MIN_STATES = 4
_PROGRESS_MAX_STATE_CHARS = 120
_MIN_GAIN_CHARS = 60
_MAX_WHAT_CHARS = 120
_NEAR_LINES, _NEAR_GAP_LINES, _NEAR_SPANS = 6, 20, 8
"""Gaps shorter than so many lines, with fewer than so many between them, share a marker."""
_MIN_SPAN_CHARS = 36


def may_try(text: str, max_chars: int = MAX_CHARS) -> bool:
    """Whether a text is within bounds and carries no line of ours."""
    return len(text) <= max_chars and text.count("\n") <= MAX_LINES and not carries_marker(text)


def is_alarming(line: str) -> bool:
    """Whether `line` speaks of something that went wrong, or might have."""
    low = line.lower()
    # One expression for all of them, or `any`, takes twice as long.
    for alarm in _ALARMS:
        if alarm in low:
            return True
    return "timed" in low and _TIMED_OUT.search(low) is not None


def may_say(text: str, words: Sequence[str]) -> bool:
    """Whether a search that ignores case may find one of `words`, which are lower case; a fraction of its time.

    What is not ASCII is left to that search: to it the long s is an s, too.
    """
    if not text.isascii():
        return True
    low = text.lower()
    for word in words:  # noqa: SIM110 - `any` takes twice as long
        if word in low:
            return True
    return False


def plain(line: str) -> str:
    """`line` without colour codes, and as carriage returns left it on the screen.

    States that a carriage return overwrote go if they are progress. All stay where one tells of a failure, or looks
    like a line of its own: some files end their lines so.
    """
    if "\x1b" in line:
        line = _ANSI.sub("", line)
    if "\r" in line:
        states = [state for state in line.split("\r") if state.strip()]
        if len(states) > 1:
            is_overwritten = all(_is_progress(state, following) for state, following in pairwise(states))
            return states[-1].rstrip() if is_overwritten else line
        line = line.replace("\r", "")
    if line.count("%") >= _PROGRESS_MIN_STATES:
        return _last_states(line)
    return line


def _is_progress(state: str, following: str) -> bool:
    """Whether nothing is lost with a state that the following one overwrites."""
    if is_alarming(state):
        return False
    if _IN_PROGRESS.search(state) or following.startswith(state.rstrip()):
        return True
    # A count that goes up.
    return len(_COUNTS.findall(state)) == 1 and _COUNTS.sub("#", state).strip() == _COUNTS.sub("#", following).strip()


def _last_states(line: str) -> str:
    """`line` with only the last of progress states that follow each other in it: somebody took out the returns."""
    out = []
    end = 0
    for state, following in pairwise(_PROGRESS.finditer(line)):
        overwritten = following[1] == state[1] and following.start() - state.start() <= _PROGRESS_MAX_STATE_CHARS
        if overwritten and state.start() >= end:
            out.append(line[end : state.start()])
            end = following.start()
    return "".join(out) + line[end:]


class Sheet:
    """The lines of one text, and for each what will become of it. Lines are numbered from 0 here.

    Attributes:
        lines: the text, split at newlines only.
        shown: the same lines as a terminal shows them.
        labels: why a line is dropped, as words that follow a number (`12 passed`); None where it stays.
        weights: for how many of them the line counts.
    """

    def __init__(self, lines: list[str], shown: list[str], *, folds: bool) -> None:
        self.lines = lines
        self.shown = shown
        self.labels: list[str | None] = [None] * len(self.lines)
        self.weights = [1] * len(self.lines)
        self._remarks: dict[int, str] = {}
        self._respelled: dict[int, tuple[int, list[str]]] = {}
        self._folds = folds
        self._gaps: dict[int, tuple[int, str]] = {}

    @classmethod
    def raw(cls, text: str) -> Sheet:
        """The lines of a text that is not for a terminal: each is shown as it is, as often as it stands."""
        lines = text.split("\n")
        return cls(lines, list(lines), folds=False)

    @classmethod
    def of_terminal(cls, text: str) -> Sheet:
        """The lines of what a program printed, without colours and overwritten progress; runs of equal lines fold."""
        lines = text.split("\n")
        return cls(lines, [plain(line) for line in lines], folds=True)

    @property
    def total(self) -> int:
        """The number of lines, as an editor counts them."""
        return len(self.lines) - (self.lines[-1] == "")

    def drop(self, first: int, last: int, label: str, weight: int = 1) -> None:
        """Drop `first`..`last`; together they count as `weight` things called `label`."""
        for index in range(first, last + 1):
            self.labels[index] = label
            self.weights[index] = 0
        self.weights[first] = weight

    def remark(self, first: int, words: str) -> None:
        """Let the marker of the gap in which `first` lies end with `words`."""
        if words:
            self._remarks[first] = words

    def keep(self, index: int) -> None:
        """Let a line stay that was to be dropped."""
        self.labels[index] = None

    def respell(self, first: int, last: int, lines: list[str]) -> None:
        """Let `lines` stand for `first`..`last`: the same content in other words."""
        self._respelled[first] = (last, lines)

    def is_plainly_kept(self, index: int) -> bool:
        """Whether the line stays and is not blank."""
        return self.labels[index] is None and bool(self.shown[index].strip())

    def settle(self, marker: Marker | None) -> None:
        """Decide which dropped lines become markers; lines that a marker would not shorten stay.

        Short gaps that lie near each other share a marker, which stands where the first of them was.
        """
        near: list[tuple[int, int]] = []
        for first, last in self._dropped():
            if near and not self._is_near(near, first, last):
                self._mark(near, marker)
                near = []
            near.append((first, last))
        self._mark(near, marker)

    def _dropped(self) -> Iterator[tuple[int, int]]:
        """The stretches of dropped lines."""
        index = 0
        while index < len(self.lines):
            if index in self._respelled:
                index = self._respelled[index][0] + 1
            elif self.labels[index] is None:
                index += 1
            else:
                last = self._end_of_gap(index)
                yield index, last
                index = last + 1

    def _is_near(self, near: Sequence[tuple[int, int]], first: int, last: int) -> bool:
        return (
            self._folds
            and len(near) < _NEAR_SPANS
            and first - near[-1][1] <= _NEAR_LINES
            and max(last - first, near[-1][1] - near[-1][0]) < _NEAR_GAP_LINES
        )

    def _mark(self, gaps: Sequence[tuple[int, int]], marker: Marker | None) -> None:
        """Put one marker for `gaps`, or let their lines stay where it would not shorten the text."""
        told = [(first, last) for first, last in gaps if len(gaps) == 1 or self._chars(first, last) >= _MIN_SPAN_CHARS]
        stand_in = ""
        if marker is not None and told:
            spans = [(first + 1, last + 1) for first, last in told]
            stand_in = gathered(marker, spans, self._what(told))
        pays = stand_in and sum(self._chars(*gap) - 1 for gap in told) >= len(stand_in) + _MIN_GAIN_CHARS
        for first, last in gaps:
            if pays and (first, last) in told:
                self._gaps[first] = (last, stand_in if (first, last) == told[0] else "")
            else:
                self.labels[first : last + 1] = [None] * (last + 1 - first)

    def _chars(self, first: int, last: int) -> int:
        return sum(len(self.shown[index]) + 1 for index in range(first, last + 1))

    def render(self, marker: Marker | None, offset: int = 0) -> tuple[str, int]:
        """The text that remains, and how many lines of the original it does not show.

        `offset` lines of the original stand before this text.
        """
        if not self._gaps:
            self.settle(marker)
        out: list[str] = []
        elided = 0
        index = 0
        while index < len(self.lines):
            if index in self._respelled:
                last, lines = self._respelled[index]
                out += lines
            elif index in self._gaps:
                last, stand_in = self._gaps[index]
                out += [stand_in] if stand_in else []
                elided += last + 1 - index
            else:
                last = self._end_of_run(index)
                out.append(self.shown[index])
                span = f"lines {offset + index + 1}-{offset + last + 1}"
                fold = f"{PREFIX}: the line above stands {last - index + 1} times, {span}]"
                repeats = self.shown[index + 1 : last + 1]
                out += [fold] if len(fold) < sum(map(len, repeats)) + len(repeats) - 1 else repeats
            index = last + 1
        return "\n".join(out), elided

    def _end_of_gap(self, first: int) -> int:
        """The last line of the dropped lines from `first` on; blank lines between dropped ones go with them."""
        last = index = first
        while index + 1 < len(self.lines) and index + 1 not in self._respelled:
            index += 1
            if self.labels[index] is not None:
                last = index
            elif self.shown[index].strip():
                break
        return last

    def _end_of_run(self, first: int) -> int:
        """The last of the equal lines from `first` on, if they are not blank."""
        last = first
        line = self.shown[first]
        while (
            self._folds
            and line.strip()
            and last + 1 < len(self.lines)
            and self.shown[last + 1] == line
            and last + 1 not in self._gaps
            and last + 1 not in self._respelled
        ):
            last += 1
        return last

    def _what(self, gaps: Sequence[tuple[int, int]]) -> str:
        counts: dict[str, int] = {}
        chars: dict[str, int] = {}
        lines = [index for first, last in gaps for index in range(first, last + 1)]
        for index in lines:
            if label := self.labels[index]:
                counts[label] = counts.get(label, 0) + self.weights[index]
                chars[label] = chars.get(label, 0) + len(self.shown[index])
        words = tally([(label, counts[label]) for label in sorted(counts, key=lambda label: -chars[label])])
        remarks = [self._remarks[index] for index in lines if index in self._remarks]
        return "; ".join([words, *remarks] if words else remarks)


def tally(counts: Sequence[tuple[str, int]]) -> str:
    """`12 passed, 3 of set-up`: as many whole entries as fit, the first one clipped."""
    words = ""
    for label, count in counts:
        if not count:
            continue
        entry = f"{count} {label}"
        if words and len(words) + len(entry) > _MAX_WHAT_CHARS:
            return f"{words}, …"
        words = f"{words}, {entry}" if words else entry
    return words if len(words) <= _MAX_WHAT_CHARS else words[: _MAX_WHAT_CHARS - 1] + "…"
