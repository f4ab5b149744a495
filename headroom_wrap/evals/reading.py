"""What a model reads of a tool's result: one call as a conversation, through the public library."""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from headroom_wrap import tokens
from headroom_wrap.compression.model import Level
from headroom_wrap.library import Headroom


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a tool, what the user wanted, and what the tool gave."""

    goal: str
    tool: str
    arguments: Mapping[str, Any] = field(repr=False)
    output: str = field(repr=False)

    def messages(self) -> list[dict[str, Any]]:
        """The call as a conversation: the user, the call, its result."""
        # An id of its own: a result that stands again under the same id keeps what was decided for another goal.
        digest = hashlib.sha256(f"{self.goal}\0{self.output}".encode("utf-8", "surrogatepass")).hexdigest()
        call_id = f"toolu_{digest[:24]}"
        use = {"type": "tool_use", "id": call_id, "name": self.tool, "input": dict(self.arguments)}
        result = {"type": "tool_result", "tool_use_id": call_id, "content": self.output}
        return [
            {"role": "user", "content": self.goal},
            {"role": "assistant", "content": [use]},
            {"role": "user", "content": [result]},
        ]


@dataclass(frozen=True, slots=True)
class Seen:
    """What was left of a text: `text`, its tokens before and after (o200k_base), who did it, and how long it took."""

    text: str = field(repr=False)
    tokens_before: int
    tokens_after: int
    compressor: str
    ms: float


@dataclass(frozen=True, slots=True)
class Reader:
    """Compresses at one level, on a store of its own."""

    headroom: Headroom
    level: Level = Level.BALANCED

    def at(self, level: Level) -> Reader:
        """The same at another level."""
        return replace(self, level=level)

    def read(self, call: Call) -> Seen:
        """The result of a call as the model reads it."""
        start = time.perf_counter()
        result = self.headroom.compress(call.messages(), level=self.level)
        ms = (time.perf_counter() - start) * 1000
        text = _text(result.messages[-1]["content"][0]["content"])
        compressor = next((verdict.compressor for verdict in result.verdicts if verdict.replacement), "")
        return Seen(text, tokens.count(call.output), tokens.count(text), compressor, ms)

    def read_pasted(self, context: str, question: str) -> str:
        """A long text that the user pasted before a question, as the model reads it."""
        parts = [{"type": "text", "text": context}, {"type": "text", "text": question}]
        # On a store of its own: the same text before another question would keep what was decided for the first.
        with _empty() as headroom:
            result = headroom.compress([{"role": "user", "content": parts}], query=question, level=self.level)
        return _text(result.messages[-1]["content"][:-1])

    def unchanged(self, messages: list[dict[str, Any]], query: str) -> bool:
        """Whether messages come back word for word."""
        return self.headroom.compress(messages, query=query, level=self.level).messages == messages


@contextmanager
def reader(level: Level) -> Iterator[Reader]:
    """A reader on an empty store, which is gone afterwards."""
    with _empty() as headroom:
        yield Reader(headroom, level)


@contextmanager
def _empty() -> Iterator[Headroom]:
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="headroom-evals-"))
        yield stack.enter_context(Headroom(Path(folder) / "store.sqlite3"))


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(str(part.get("text", "")) for part in content)
