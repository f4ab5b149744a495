"""Signing in to an emulated GitHub."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from headroom_wrap.emulator.github import EmulatedGitHub
from tests.auth.github import Clock, User


@pytest.fixture
def user(tmp_path: Path) -> Iterator[User]:
    clock = Clock()
    with EmulatedGitHub(clock=clock) as github:
        yield User(tmp_path, github, clock)
