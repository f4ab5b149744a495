"""Content codings (RFC 9110, section 8.4.1), decoded piece by piece in bounded memory."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Protocol

import brotli

from headroom_wrap import zstd

Sink = Callable[[bytes], None]
"""Takes decoded pieces; what it raises ends the decoding and passes through."""

PIECE_BYTES = 64 * 1024
MAX_WINDOW_LOG = 23
"""The zstd window (8 MB) that RFC 8878 asks every decoder to support; larger ones are refused."""

GARBAGE = (zlib.error, brotli.error, zstd.ZstdError)
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


class _Zstd:
    """One frame after another."""

    def __init__(self) -> None:
        self._frame = _frame()
        self._is_begun = False

    def feed(self, data: bytes, sink: Sink) -> None:
        while data or not (self._frame.eof or self._frame.needs_input):
            if self._frame.eof:
                self._frame = _frame()
            self._is_begun = True
            piece = self._frame.decompress(data, PIECE_BYTES)
            data = self._frame.unused_data
            if piece:
                sink(piece)

    def is_complete(self) -> bool:
        return self._frame.eof or not self._is_begun


def _frame() -> zstd.ZstdDecompressor:
    options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: MAX_WINDOW_LOG}
    frame: zstd.ZstdDecompressor = zstd.ZstdDecompressor(options=options)
    return frame


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
        "zstd": zstd.compress,
    }
)


def decoder(coding: str) -> Decoder | None:
    """A decoder for a `Content-Encoding` value, or None where the coding is unknown or a list of several."""
    make = _DECODERS.get(coding.strip().lower())
    return make() if make else None


def encode(data: bytes, coding: str) -> bytes:
    """`data` in a coding for which `decoder` has an answer; raises KeyError for others."""
    return _ENCODERS[coding.strip().lower()](data)
