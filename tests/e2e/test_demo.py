"""`headroom wrap demo`, as a newcomer types it."""

from __future__ import annotations

import re
import sys

import pytest

from headroom_wrap.emulator.server import EmulatedProvider
from tests.e2e.sandbox import Sandbox

pytestmark = pytest.mark.e2e


def test_the_demo_prints_tokens_the_fatal_line_a_retrieval_and_the_cache_hit_rate(
    sandbox: Sandbox, provider: EmulatedProvider
) -> None:
    done = sandbox.run(sys.executable, "-m", "headroom_wrap", "wrap", "demo")
    assert done.returncode == 0, done.stderr
    assert "no space left on device" in done.stdout
    found = re.search(r"tool output ([\d,]+) -> ([\d,]+) tokens", done.stderr)
    assert found is not None, done.stderr
    before, after = (int(number.replace(",", "")) for number in found.groups())
    assert 9_000 < before < 11_000
    assert after < before / 2
    assert "came from the provider's cache" in done.stderr
    assert "1 retrieval" in done.stderr
    assert "headroom_retrieve" in done.stderr
    assert provider.requests == []
    assert not sandbox.data.exists()
