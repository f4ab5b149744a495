"""Content codings, piece by piece."""

from __future__ import annotations

import gc
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_wrap.wire.codings import PIECE_BYTES, decoder, encode

CODINGS = ["gzip", "deflate", "br", "zstd"]


@pytest.mark.parametrize("coding", CODINGS)
def test_output_comes_in_bounded_pieces(coding: str) -> None:
    pieces: list[bytes] = []
    stream = decoder(coding)
    assert stream is not None
    stream.feed(encode(bytes(5_000_000), coding), pieces.append)
    assert sum(map(len, pieces)) == 5_000_000
    assert max(map(len, pieces)) <= 2 * PIECE_BYTES
    assert stream.is_complete()


@pytest.mark.parametrize("coding", CODINGS)
def test_what_the_sink_raises_ends_the_decoding(coding: str) -> None:
    stream, n_pieces = decoder(coding), 0
    assert stream is not None

    def refuse(_piece: bytes) -> None:
        nonlocal n_pieces
        n_pieces += 1
        raise InterruptedError

    with pytest.raises(InterruptedError):
        stream.feed(encode(bytes(5_000_000), coding), refuse)
    assert n_pieces == 1


@given(st.binary(max_size=3000), st.sampled_from(CODINGS), st.integers(1, 50))
def test_a_stream_may_arrive_in_any_pieces(text: bytes, coding: str, step: int) -> None:
    encoded, out = encode(text, coding), bytearray()
    stream = decoder(coding)
    assert stream is not None
    for at in range(0, len(encoded), step):
        stream.feed(encoded[at : at + step], out.extend)
    assert bytes(out) == text
    assert stream.is_complete()


@pytest.mark.parametrize("coding", ["compress", "gzip, br", "gzip;q=1", "*"])
def test_there_is_no_decoder_for_other_codings(coding: str) -> None:
    assert decoder(coding) is None


@pytest.mark.parametrize("coding", CODINGS)
def test_a_decoder_lets_go_of_what_it_decoded(coding: str) -> None:
    """One decoder per request: what it kept, a long session would add up."""
    data = encode(bytes(4_000_000), coding)

    def decode_once() -> None:
        pieces: list[bytes] = []
        stream = decoder(coding)
        assert stream is not None
        stream.feed(data, pieces.append)
        assert sum(map(len, pieces)) == 4_000_000

    decode_once()
    tracemalloc.start()
    try:
        for _ in range(3):
            decode_once()
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] < 1_000_000
    finally:
        tracemalloc.stop()
