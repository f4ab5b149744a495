"""JSON Lines, one at a time: what cannot be read is counted, and a line without end costs no memory."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from headroom_wrap import zstd
from headroom_wrap.learn.readers.reader import Tally
from headroom_wrap.learn.readers.texts import as_text

MAX_LINE_BYTES = 16 * 1024 * 1024
_BUFFER_BYTES = 256 * 1024
_HEADS_BYTES = (8 * 1024, 120 * 1024)
"""What is read to find the folder: mostly the first is enough."""
_FOLDER = re.compile(rb'(?<!\\)"cwd"\s*:\s*("(?:[^"\\]|\\.)*")')


def objects(file: Path, tally: Tally, skips: Callable[[bytes], bool] = lambda _line: False) -> Iterator[dict[str, Any]]:
    """The JSON objects of a file, `.zst` or not.

    Args:
        file: may end in the middle of a line, and hold bytes that are no UTF-8.
        tally: counts bytes and bad lines.
        skips: whether a line, still bytes, is not worth parsing.

    Raises:
        OSError: the file cannot be read.
    """
    for line in _lines(file, tally):
        if skips(line):
            continue
        try:
            value = json.loads(line.decode("utf-8", "replace"))
        except (ValueError, RecursionError):
            tally.n_bad += 1
            continue
        if isinstance(value, dict):
            yield value
        else:
            tally.n_bad += 1


def folder_of(file: Path) -> str:
    """The first `cwd` of a file; "" where its first 128 KB hold none."""
    head = b""
    try:
        with _opened(file) as opened:
            for size in _HEADS_BYTES:
                head += opened.read(size)
                if match := _FOLDER.search(head):
                    return as_text(json.loads(match[1].decode("utf-8", "replace")))
    except (OSError, ValueError):
        pass
    return ""


def _lines(file: Path, tally: Tally) -> Iterator[bytes]:
    with _opened(file) as opened:
        while line := opened.readline(MAX_LINE_BYTES):
            tally.n_bytes += len(line)
            if len(line) == MAX_LINE_BYTES and not line.endswith(b"\n"):
                tally.n_bad += 1
                while (rest := opened.readline(MAX_LINE_BYTES)) and not rest.endswith(b"\n"):
                    tally.n_bytes += len(rest)
                tally.n_bytes += len(rest)
            elif not line.isspace():
                yield line


def _opened(file: Path) -> IO[bytes]:
    if file.suffix != ".zst":
        return file.open("rb", buffering=_BUFFER_BYTES)
    return io.BufferedReader(_Unpacked(file), _BUFFER_BYTES)


class _Unpacked(io.RawIOBase):
    """A zstd file as its content, without holding it."""

    def __init__(self, file: Path) -> None:
        self._packed = file.open("rb")
        self._decompressor = zstd.ZstdDecompressor()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill some of the buffer; what is damaged ends the content."""
        while True:
            if self._decompressor.eof:
                return 0
            packed = self._packed.read(_BUFFER_BYTES) if self._decompressor.needs_input else b""
            if self._decompressor.needs_input and not packed:
                return 0
            try:
                content = self._decompressor.decompress(packed, len(buffer))
            except zstd.ZstdError:
                return 0
            if content:
                buffer[: len(content)] = content
                return len(content)

    def close(self) -> None:
        self._packed.close()
        super().close()
