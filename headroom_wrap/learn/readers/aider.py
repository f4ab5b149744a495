"""Aider: `.aider.chat.history.md` in the project's root, Markdown for people.

`####` begins lines that the user typed or that Aider sent in the user's place, and `>` what Aider says itself; both end
in two spaces. What a command printed is mostly not there, nor whether it failed: such calls have no outcome.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from headroom_wrap.agents.agent import Context
from headroom_wrap.agents.aider import transcripts
from headroom_wrap.learn.events import Outcome, Session, ToolKind
from headroom_wrap.learn.readers.building import Answer, Builder
from headroom_wrap.learn.readers.reader import Reader, Tally

KINDS = {"run": ToolKind.SHELL, "test": ToolKind.SHELL, "lint": ToolKind.SHELL, "edit": ToolKind.EDIT}
_START = "# aider chat started at "
_USER, _AIDER, _END = "#### ", "> ", "  "
_MAX_LINE_CHARS = 1_000_000
_COMMAND = re.compile(r"(?:/(?P<verb>run|test)\s+|!)(?P<command>\S.*)", re.DOTALL)
_WITH_WORDS = re.compile(r"/(?:ask|code|architect|context)\s+(\S.*)", re.DOTALL)
_RAN = re.compile(r"I ran this command:\s*(?P<command>.+?)\s*And got this output:\s*(?P<output>.*)", re.DOTALL)
_LINTED = re.compile(
    r"# Fix any errors below, if possible\.\s*(?:## Running: (?P<command>[^\n]+))?(?P<output>.*)", re.DOTALL
)
_NO_MATCH = re.compile(r"# \d+ SEARCH/REPLACE blocks? failed to match!")
_NOT_IN = re.compile(r"failed to exactly match lines in (?P<path>[^\n]+)")
_MALFORMED = re.compile(
    r"(?:Only .{0,200}SEARCH|Expected `|Bad/missing filename|UnifiedDiff|The LLM did not conform|Unpaired \.\.\.)"
)
_APPLIED = "Applied edit to "
_RUNNING = "Running "


def files(context: Context) -> Iterator[Path]:
    """The history of the context's project."""
    yield from (file for file in transcripts(context) if file.is_file())


def read(file: Path, tally: Tally | None = None) -> Iterator[Session]:
    """The sessions of a history: each start of Aider is one.

    Raises:
        OSError: the file cannot be read.
    """
    history = _History(file)
    tally = tally or Tally()
    with file.open(encoding="utf-8", errors="replace") as opened:
        while line := opened.readline(_MAX_LINE_CHARS):
            tally.n_bytes += len(line)
            if line.startswith(_START):
                if session := history.end():
                    yield session
                history = _History(file, line.removeprefix(_START).strip())
            else:
                history.take_in(line.rstrip("\n"))
    if session := history.end():
        yield session


class _History:
    """One session of a history while it is read."""

    def __init__(self, file: Path, started: str = "") -> None:
        self._at = _local_time(started)
        self._builder = Builder("aider", file, KINDS)
        self._builder.note(started or "before", str(file.parent), self._at)
        self._block: list[str] = []
        self._failure: list[str] = []
        """What Aider says of an edit that did not apply, down to the line that ends in two spaces."""
        self._n_calls = 0

    def take_in(self, line: str) -> None:
        if line.startswith(_USER.rstrip()) and (line.endswith(_END) or self._block):
            self._block.append(line[len(_USER) :].removesuffix(_END))
            return
        self._end_block()
        if self._failure or (line.startswith(_AIDER) and _NO_MATCH.match(line, len(_AIDER))):
            self._failure.append(line.removeprefix(_AIDER))
            if line.endswith(_END):
                self._end_failure()
        elif line.startswith(_AIDER) and line.endswith(_END):
            said = line[len(_AIDER) :].strip()
            if said.startswith(_APPLIED):
                self._call("edit", {"path": said.removeprefix(_APPLIED)}, Answer(Outcome.OK, said))
            elif said.startswith(_RUNNING):
                self._call("run", {"command": said.removeprefix(_RUNNING)}, None)

    def end(self) -> Session | None:
        self._end_block()
        self._end_failure()
        return self._builder.take()

    def _end_block(self) -> None:
        text = "\n".join(self._block).strip()
        self._block = []
        if not text or text == "<blank>":
            return
        if ran := _RAN.match(text):
            self._call("test", {"command": ran["command"]}, Answer(Outcome.FAILED, ran["output"]))
        elif linted := _LINTED.match(text):
            self._call("lint", {"command": linted["command"] or ""}, Answer(Outcome.FAILED, linted["output"].strip()))
        elif _NO_MATCH.match(text):
            self._no_match(text)
        elif _MALFORMED.match(text):
            self._call("edit", {}, Answer(Outcome.FAILED, text))
        elif command := _COMMAND.match(text):
            self._call(command["verb"] or "run", {"command": command["command"]}, None)
        elif words := _WITH_WORDS.match(text):
            self._builder.said(words[1], self._at)
        elif not text.startswith("/"):
            self._builder.said(text, self._at)

    def _end_failure(self) -> None:
        text = "\n".join(self._failure).strip()
        self._failure = []
        self._no_match(text)

    def _no_match(self, text: str) -> None:
        for place in _NOT_IN.finditer(text):
            self._call("edit", {"path": place["path"].strip()}, Answer(Outcome.FAILED, text))

    def _call(self, tool: str, input_: dict[str, str], answer: Answer | None) -> None:
        self._n_calls += 1
        id_ = str(self._n_calls)
        self._builder.call(id_, tool, input_, cwd=self._builder.cwd, at=self._at)
        if answer is not None:
            self._builder.answer(id_, answer)


def _local_time(text: str) -> float:
    try:
        return datetime.fromisoformat(text).astimezone().timestamp()
    except (ValueError, OverflowError, OSError):
        return 0.0


READER = Reader("aider", files, read, lambda file: str(file.parent), is_per_project=True)
