"""The provider under test, and ways to ask it something."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from headroom_wrap.emulator.server import EmulatedProvider
from tests.emulator.asking import Asking


@pytest.fixture
def provider() -> Iterator[EmulatedProvider]:
    with EmulatedProvider() as running:
        yield running


@pytest.fixture
def ask(provider: EmulatedProvider) -> Asking:
    """Send one request on a connection of its own."""
    return Asking(provider.url)
