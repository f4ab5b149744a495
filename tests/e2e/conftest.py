"""Fixtures for end-to-end runs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from headroom_wrap.emulator.server import EmulatedProvider
from tests.e2e.sandbox import AGENTS_VARIABLE, Sandbox
from tests.e2e.tasks import write_files

AGENTS = os.environ.get(AGENTS_VARIABLE, "")


@pytest.fixture
def provider() -> Iterator[EmulatedProvider]:
    with EmulatedProvider() as provider:
        yield provider


@pytest.fixture
def sandbox(tmp_path: Path, provider: EmulatedProvider) -> Sandbox:
    sandbox = Sandbox.make(tmp_path, provider.url)
    write_files(sandbox.work)
    return sandbox


@pytest.fixture
def codex_sandbox(sandbox: Sandbox, provider: EmulatedProvider) -> Sandbox:
    """The sandbox, where the real Codex is installed; the test skips where it is not."""
    if shutil.which("codex", path=AGENTS) is None:
        pytest.skip(f"Codex is not installed: {AGENTS_VARIABLE} names no folder with it")
    sandbox.env["HEADROOM_OPENAI_URL"] = f"{provider.url}/v1"
    sandbox.env["HEADROOM_CHATGPT_URL"] = f"{provider.url}/backend-api/codex"
    return sandbox


@pytest.fixture
def claude_sandbox(sandbox: Sandbox) -> Sandbox:
    """The sandbox, where the real Claude Code is installed; the test skips where it is not."""
    if shutil.which("claude", path=AGENTS) is None:
        pytest.skip(f"Claude Code is not installed: {AGENTS_VARIABLE} names no folder with it")
    return sandbox
