"""Request bodies and their codings."""

from __future__ import annotations

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_wrap import zstd
from headroom_wrap.proxy.codec import decode, prepare_encoded
from headroom_wrap.wire.codings import encode
from tests.proxy.fakes import FakePipeline

CODINGS = ["", "identity", "gzip", "x-gzip", "deflate", "br", "zstd", "GZIP", " zstd "]
BODY = b'{"messages":["' + b"old text " * 400 + b'"]}'


@pytest.mark.parametrize("coding", CODINGS)
def test_a_body_of_every_coding_is_decoded(coding: str) -> None:
    assert decode(encode(BODY, coding), coding) == BODY


@pytest.mark.parametrize("coding", CODINGS)
def test_a_changed_body_goes_out_in_the_same_coding(coding: str) -> None:
    outgoing, prepared = prepare_encoded(
        FakePipeline(b"old", b"new"), "anthropic", encode(BODY, coding), coding, counts_only=False
    )
    assert decode(outgoing, coding) == BODY.replace(b"old", b"new")
    assert prepared is not None
    assert prepared.blocks_replaced == 2


@pytest.mark.parametrize("coding", CODINGS)
def test_an_unchanged_body_is_the_very_object_that_came_in(coding: str) -> None:
    body = encode(BODY, coding)
    assert prepare_encoded(FakePipeline(), "anthropic", body, coding, counts_only=False)[0] is body


@pytest.mark.parametrize("coding", ["compress", "gzip, zstd", "gzip,gzip", "aes128gcm", "\x00"])
def test_an_unknown_coding_is_not_looked_into(coding: str) -> None:
    pipeline = FakePipeline(b"old", b"new")
    assert prepare_encoded(pipeline, "anthropic", BODY, coding, counts_only=False) == (BODY, None)
    assert pipeline.seen == []


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
@pytest.mark.parametrize("damage", ["plain", "cut", "flipped", "empty"])
def test_a_damaged_body_is_left_to_the_provider(coding: str, damage: str) -> None:
    body = encode(BODY, coding)
    damaged = {
        "plain": BODY,
        "cut": body[: len(body) // 2],
        "flipped": bytes([body[0] ^ 0xFF]) + body[1:],
        "empty": b"",
    }[damage]
    decoded = decode(damaged, coding)
    assert decoded is None or (coding == "zstd" and decoded != BODY)


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_what_stands_behind_the_end_of_a_body_is_not_dropped(coding: str) -> None:
    assert decode(encode(BODY, coding) + b"tail", coding) is None


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_a_bomb_is_not_decoded(coding: str) -> None:
    bomb = encode(bytes(30_000_000), coding)
    assert len(bomb) < 100_000
    assert decode(bomb, coding, max_bytes=1_000_000) is None


def test_a_body_of_exactly_the_cap_is_decoded() -> None:
    assert decode(encode(bytes(100_000), "gzip"), "gzip", max_bytes=100_000) == bytes(100_000)
    assert decode(encode(bytes(100_001), "gzip"), "gzip", max_bytes=100_000) is None


def test_a_zstd_frame_that_asks_for_a_huge_window_is_not_decoded() -> None:
    compressor = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 27})
    assert decode(compressor.compress(bytes(20_000_000)) + compressor.flush(), "zstd") is None


def test_zstd_frames_that_follow_each_other_are_one_body() -> None:
    assert decode(encode(BODY, "zstd") + encode(BODY, "zstd"), "zstd") == BODY + BODY


def test_a_zstd_frame_cut_short_is_not_decoded() -> None:
    assert decode(encode(BODY, "zstd")[:-1], "zstd") is None


def test_deflate_without_its_zlib_header_is_decoded() -> None:
    raw = encode(BODY, "deflate")[2:-4]
    assert decode(raw, "deflate") == BODY


def test_brotli_of_any_quality_is_decoded() -> None:
    assert decode(brotli.compress(BODY, quality=11), "br") == BODY


@given(st.binary(max_size=2000), st.sampled_from(["gzip", "deflate", "br", "zstd"]))
def test_every_body_survives_its_coding(body: bytes, coding: str) -> None:
    assert decode(encode(body, coding), coding) == body


@given(st.binary(max_size=500), st.sampled_from(["gzip", "deflate", "br", "zstd"]))
def test_garbage_never_raises(body: bytes, coding: str) -> None:
    decode(body, coding)
