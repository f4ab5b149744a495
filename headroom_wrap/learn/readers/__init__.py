"""One reader for each agent whose transcripts can be read."""

from __future__ import annotations

from collections.abc import Mapping

from headroom_wrap.learn.readers import claude, codex
from headroom_wrap.learn.readers.reader import Read, Reader, Tally

__all__ = ["READERS", "Read", "Reader", "Tally"]

READERS: Mapping[str, Reader] = {reader.agent: reader for reader in (claude.READER, codex.READER)}
