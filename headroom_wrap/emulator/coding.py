"""Content codings of bodies: whole ones decoded, streamed ones encoded so that every event leaves at once."""

from __future__ import annotations

import importlib
import zlib
from collections.abc import Callable
from types import ModuleType

from headroom_wrap import zstd

Encode = Callable[[bytes, bool], bytes]
"""Takes the next bytes and whether they are the last; returns all that a decoder needs to see them."""


def decoded(body: bytes, coding: str | None) -> bytes:
    """`body` after undoing a Content-Encoding.

    Raises:
        ValueError: the coding is unknown or the body is not encoded so.
    """
    if not coding or coding == "identity" or not body:
        return body
    if coding not in _DECODERS:
        raise ValueError(f"unknown content coding: {coding}")
    return _DECODERS[coding](body)


def encoder(coding: str) -> Encode:
    """An encoder of a stream, `gzip`, `zstd` or `br`.

    Raises:
        ValueError: the coding is unknown.
    """
    if coding not in _ENCODERS:
        raise ValueError(f"unknown content coding: {coding}")
    return _ENCODERS[coding]()


def _inflate(body: bytes) -> bytes:
    try:
        return zlib.decompress(body, wbits=zlib.MAX_WBITS | 32)
    except zlib.error as problem:
        raise ValueError(f"not gzip: {problem}") from problem


def _decode_zstd(body: bytes) -> bytes:
    try:
        return zstd.decompress(body)
    except zstd.ZstdError as problem:
        raise ValueError(f"not zstd: {problem}") from problem


def _decode_brotli(body: bytes) -> bytes:
    brotli = _optional("brotli")
    try:
        return bytes(brotli.decompress(body))
    except brotli.error as problem:
        raise ValueError(f"not brotli: {problem}") from problem


def _gzip_encoder() -> Encode:
    gzip = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    return lambda data, last: gzip.compress(data) + gzip.flush(zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH)


def _zstd_encoder() -> Encode:
    frame = zstd.ZstdCompressor()
    return lambda data, last: frame.compress(data, frame.FLUSH_FRAME if last else frame.FLUSH_BLOCK)


def _brotli_encoder() -> Encode:
    brotli = _optional("brotli").Compressor()
    return lambda data, last: bytes(brotli.process(data) + (brotli.finish() if last else brotli.flush()))


def _optional(name: str) -> ModuleType:
    """Imported on use: most runs do not see this coding, and an installation may lack them."""
    return importlib.import_module(name)


_DECODERS = {"gzip": _inflate, "deflate": _inflate, "zstd": _decode_zstd, "br": _decode_brotli}
_ENCODERS = {"gzip": _gzip_encoder, "zstd": _zstd_encoder, "br": _brotli_encoder}
