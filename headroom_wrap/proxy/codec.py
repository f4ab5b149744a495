"""Request bodies and their `Content-Encoding`: decoded for the engine, encoded again only if it changed them."""

from __future__ import annotations

from headroom_wrap.proxy.ports import Pipeline, Prepared
from headroom_wrap.wire.codings import GARBAGE, decoder, encode

MAX_DECODED_BYTES = 64 * 1024 * 1024


class _TooLargeError(Exception):
    """The body decodes to more than we take."""


def decode(body: bytes, coding: str, max_bytes: int = MAX_DECODED_BYTES) -> bytes | None:
    """The decoded body (the very same object if it is not encoded); None where it cannot or may not be decoded."""
    if coding.strip().lower() in ("", "identity"):
        return body
    stream = decoder(coding)
    if stream is None:
        return None
    pieces: list[bytes] = []
    n_left = max_bytes

    def keep(piece: bytes) -> None:
        nonlocal n_left
        n_left -= len(piece)
        if n_left < 0:
            raise _TooLargeError
        pieces.append(piece)

    try:
        stream.feed(body, keep)
    except (*GARBAGE, _TooLargeError):
        return None
    return b"".join(pieces) if stream.is_complete() else None


def prepare_encoded(
    pipeline: Pipeline, wire: str, body: bytes, coding: str, *, counts_only: bool
) -> tuple[bytes, Prepared | None]:
    """Run an encoded body through the engine.

    Returns:
        What to send, in the same coding (the very object that came in if nothing was replaced), and what the
        engine said, or None where the body could not be decoded.
    """
    plain = decode(body, coding)
    if plain is None:
        return body, None
    prepared = pipeline.prepare(wire, plain, counts_only=counts_only)
    if prepared.body is plain:
        return body, prepared
    return encode(prepared.body, coding), prepared
