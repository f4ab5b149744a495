from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_wrap.emulator.coding import decoded, encoder

CODINGS = st.sampled_from(["gzip", "zstd", "br"])


@given(CODINGS, st.lists(st.binary(max_size=200), min_size=1, max_size=6))
def test_what_is_encoded_piece_by_piece_decodes_as_a_whole(coding: str, pieces: list[bytes]) -> None:
    encode = encoder(coding)
    body = b"".join(encode(piece, at + 1 == len(pieces)) for at, piece in enumerate(pieces))
    assert decoded(body, coding) == b"".join(pieces)


def test_every_piece_can_be_read_before_the_next_is_there() -> None:
    encode, inflate = encoder("gzip"), zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    for piece in (b"first", b"second"):
        assert inflate.decompress(encode(piece, False)) == piece  # noqa: FBT003 - the type has no names


@pytest.mark.parametrize("coding", ["gzip", "zstd", "br", "deflate", "unheard-of"])
def test_a_body_in_another_coding_is_an_error_of_value(coding: str) -> None:
    with pytest.raises(ValueError, match=r"coding|not "):
        decoded(b"plain text", coding)


def test_no_coding_leaves_the_body_alone() -> None:
    assert decoded(b"x", None) == decoded(b"x", "identity") == b"x"
    assert decoded(b"", "gzip") == b""


def test_an_unknown_coding_has_no_encoder() -> None:
    with pytest.raises(ValueError, match="unknown content coding"):
        encoder("lzma")
