"""Content codings (RFC 9110, section 8.4.1), decoded piece by piece in bounded memory."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Protocol

import brotli
import zstandard

Sink = Callable[[bytes], None]
"""Takes decoded pieces; what it raises ends the decoding and passes through."""

PIECE_BYTES = 64 * 1024
MAX_WINDOW_BYTES = 8 * 1024 * 1024
"""The zstd window that RFC 8878 asks every decoder to support; larger ones are refused."""

GARBAGE = (zlib.error, brotli.error, zstandard.ZstdError)
"""What decoders raise when the data is not of their coding."""


class Decoder(Protocol):
    """Decodes one stream of a coding as it arrives."""

    def feed(self, data: bytes, sink: Sink) -> None:
        """Hand all that `data` makes available to `sink`, in pieces of about `PIECE_BYTES`; raises `GARBAGE`."""

    def is_complete(self) -> bool:
        """Whether the stream has ended, with nothing behind its end."""


class _Identity:
    def feed(self, data: bytes, sink: Sink) -> None:
        sink(data)

    def is_complete(self) -> bool:
        return True


class _Zlib:
    """gzip, and deflate with or without its zlib header (servers send both under that name)."""

    def __init__(self, window_bits: int | None) -> None:
        self._inflate = None if window_bits is None else zlib.decompressobj(window_bits)

    def feed(self, data: bytes, sink: Sink) -> None:
        if not data:
            return
        if self._inflate is None:
            has_zlib_header = data[0] & 0x0F == zlib.DEFLATED
            self._inflate = zlib.decompressobj(zlib.MAX_WBITS if has_zlib_header else -zlib.MAX_WBITS)
        while not self._inflate.eof:
            piece = self._inflate.decompress(data, PIECE_BYTES)
            if piece:
                sink(piece)
            data = self._inflate.unconsumed_tail
            if not data and len(piece) < PIECE_BYTES:
                break

    def is_complete(self) -> bool:
        return self._inflate is not None and self._inflate.eof and not self._inflate.unused_data


class _Brotli:
    def __init__(self) -> None:
        self._decompressor = brotli.Decompressor()

    def feed(self, data: bytes, sink: Sink) -> None:
        piece = self._decompressor.process(data, output_buffer_limit=PIECE_BYTES)
        while piece or not self._decompressor.can_accept_more_data():
            if piece:
                sink(piece)
            piece = self._decompressor.process(b"", output_buffer_limit=PIECE_BYTES)

    def is_complete(self) -> bool:
        return bool(self._decompressor.is_finished())


def _drop(piece: bytes) -> None:
    """Take nothing: no input has come yet, or no more will."""


class _Outlet:
    """Where zstd's writer writes. It does not know the writer: a ring through that one would never be freed."""

    def __init__(self) -> None:
        self.sink: Sink = _drop

    def write(self, piece: bytes) -> int:
        self.sink(piece)
        return len(piece)


class _Zstd:
    def __init__(self) -> None:
        self._outlet = _Outlet()
        decompressor = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW_BYTES)
        # The writer is the one interface of this library that gives its output out in pieces.
        self._writer = decompressor.stream_writer(self._outlet, write_size=PIECE_BYTES, closefd=False)  # type: ignore[arg-type]

    def feed(self, data: bytes, sink: Sink) -> None:
        self._outlet.sink = sink
        try:
            self._writer.write(data)
        finally:
            self._outlet.sink = _drop

    def is_complete(self) -> bool:
        """Always true: the library does not tell. A frame cut short shows in what it held."""
        return True


_GZIP_BITS = 16 + zlib.MAX_WBITS
_DECODERS: Mapping[str, Callable[[], Decoder]] = MappingProxyType(
    {
        "": _Identity,
        "identity": _Identity,
        "gzip": lambda: _Zlib(_GZIP_BITS),
        "x-gzip": lambda: _Zlib(_GZIP_BITS),
        "deflate": lambda: _Zlib(None),
        "br": _Brotli,
        "zstd": _Zstd,
    }
)


def _gzip(data: bytes) -> bytes:
    deflate = zlib.compressobj(wbits=_GZIP_BITS)
    return deflate.compress(data) + deflate.flush()


_ENCODERS: Mapping[str, Callable[[bytes], bytes]] = MappingProxyType(
    {
        "": bytes,
        "identity": bytes,
        "gzip": _gzip,
        "x-gzip": _gzip,
        "deflate": zlib.compress,
        "br": lambda data: brotli.compress(data, quality=4),
        "zstd": lambda data: zstandard.ZstdCompressor().compress(data),
    }
)


def decoder(coding: str) -> Decoder | None:
    """A decoder for a `Content-Encoding` value, or None where the coding is unknown or a list of several."""
    make = _DECODERS.get(coding.strip().lower())
    return make() if make else None


def encode(data: bytes, coding: str) -> bytes:
    """`data` in a coding for which `decoder` has an answer; raises KeyError for others."""
    return _ENCODERS[coding.strip().lower()](data)
