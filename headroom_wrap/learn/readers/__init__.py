"""One reader for each agent whose transcripts can be read."""

from __future__ import annotations

from collections.abc import Mapping

from headroom_wrap.learn.readers import aider, claude, codex, copilot, cursor, openclaw, opencode
from headroom_wrap.learn.readers.reader import Read, Reader, Tally

__all__ = ["READERS", "Read", "Reader", "Tally"]

READERS: Mapping[str, Reader] = {
    each.READER.agent: each.READER for each in (claude, codex, copilot, cursor, aider, openclaw, opencode)
}
