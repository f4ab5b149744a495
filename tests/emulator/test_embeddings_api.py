"""Embeddings of the emulated provider: alike where texts share words, in both encodings."""

from __future__ import annotations

import base64
import json
import struct

import httpx
import pytest

from headroom_wrap.emulator.embeddings_api import N_DIMENSIONS
from headroom_wrap.emulator.server import EmulatedProvider


def ask(url: str, **fields: object) -> httpx.Response:
    return httpx.post(f"{url}/v1/embeddings", json={"model": "m", **fields})


def test_texts_that_share_words_point_the_same_way_and_both_encodings_say_the_same() -> None:
    with EmulatedProvider() as provider:
        texts = ["the ledger is rotated", "the LEDGER was rotated", "quite another thing"]
        plain = ask(provider.url, input=texts).json()
        packed = ask(provider.url, input=texts, encoding_format="base64").json()
    one, same, other = (item["embedding"] for item in plain["data"])
    assert len(one) == N_DIMENSIONS
    assert sum(a * b for a, b in zip(one, same, strict=True)) > 0.7
    assert sum(a * b for a, b in zip(one, other, strict=True)) < 0.3
    assert plain["usage"] == {"prompt_tokens": 11, "total_tokens": 11}
    unpacked = struct.unpack(f"<{N_DIMENSIONS}f", base64.b64decode(packed["data"][0]["embedding"]))
    assert unpacked == pytest.approx(one, abs=1e-6)


@pytest.mark.parametrize("body", [b"no json", b"[]", json.dumps({"input": []}).encode(), b'{"input": [1]}'])
def test_a_request_without_texts_is_refused(body: bytes) -> None:
    with EmulatedProvider() as provider:
        assert httpx.post(f"{provider.url}/v1/embeddings", content=body).status_code == 400
