"""Fixtures for end-to-end runs."""

from __future__ import annotations

import os
import re
import shutil
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from headroom_wrap.emulator.server import EmulatedProvider
from tests.e2e.canaries import assert_nowhere_but_in_originals, write_instructions
from tests.e2e.sandbox import AGENTS_VARIABLE, Sandbox, Standalone
from tests.e2e.tasks import write_files

AGENTS = os.environ.get(AGENTS_VARIABLE, "")
CREDENTIAL = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|HEADERS")
MIN_SECRET = 12


@pytest.fixture
def provider() -> Iterator[EmulatedProvider]:
    with EmulatedProvider() as provider:
        yield provider


@pytest.fixture
def sandbox(tmp_path: Path, provider: EmulatedProvider) -> Sandbox:
    sandbox = Sandbox.make(tmp_path, provider.url)
    write_files(sandbox.work)
    write_instructions(sandbox.home)
    return sandbox


@pytest.fixture(autouse=True)
def no_credential_is_kept(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every session carries twelve canaries, and its own credentials are more of them."""
    sandbox = request.getfixturevalue("sandbox") if "sandbox" in request.fixturenames else None
    yield
    if sandbox is not None:
        own = {value for name, value in sandbox.env.items() if CREDENTIAL.search(name) and len(value) >= MIN_SECRET}
        assert_nowhere_but_in_originals(sandbox.data, own)


@pytest.fixture
def proxy(sandbox: Sandbox, provider: EmulatedProvider) -> Iterator[Standalone]:
    """`headroom proxy`, with the emulated provider in the place of all three."""
    sandbox.env["HEADROOM_ANTHROPIC_URL"] = provider.url
    sandbox.env["HEADROOM_OPENAI_URL"] = f"{provider.url}/v1"
    sandbox.env["HEADROOM_CHATGPT_URL"] = f"{provider.url}/backend-api/codex"
    sandbox.env["PATH"] += os.pathsep + sysconfig.get_path("scripts")
    process = sandbox.start(sys.executable, "-m", "headroom_wrap", "proxy", "--port", "0")
    try:
        assert process.stderr is not None
        found = re.search(r"http://127\.0\.0\.1:\d+", process.stderr.readline())
        assert found is not None
        yield Standalone(found[0], process)
    finally:
        if process.poll() is None:
            process.terminate()
            process.communicate(timeout=10)


@pytest.fixture
def codex_sandbox(sandbox: Sandbox, provider: EmulatedProvider) -> Sandbox:
    """The sandbox, where the real Codex is installed; the test skips where it is not."""
    if shutil.which("codex", path=AGENTS) is None:
        pytest.skip(f"Codex is not installed: {AGENTS_VARIABLE} names no folder with it")
    sandbox.env["HEADROOM_OPENAI_URL"] = f"{provider.url}/v1"
    sandbox.env["HEADROOM_CHATGPT_URL"] = f"{provider.url}/backend-api/codex"
    return sandbox


@pytest.fixture(scope="session")
def copilot_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where Copilot CLI unpacks itself, 150 MB, once for all tests."""
    return tmp_path_factory.mktemp("copilot")


@pytest.fixture
def copilot_sandbox(sandbox: Sandbox, copilot_cache: Path) -> Sandbox:
    """The sandbox, where the real Copilot CLI is installed; the test skips where it is not."""
    if shutil.which("copilot", path=AGENTS) is None:
        pytest.skip(f"Copilot CLI is not installed: {AGENTS_VARIABLE} names no folder with it")
    sandbox.env.update({"COPILOT_CACHE_HOME": str(copilot_cache), "COPILOT_AUTO_UPDATE": "false"})
    return sandbox


@pytest.fixture
def claude_sandbox(sandbox: Sandbox) -> Sandbox:
    """The sandbox, where the real Claude Code is installed; the test skips where it is not."""
    if shutil.which("claude", path=AGENTS) is None:
        pytest.skip(f"Claude Code is not installed: {AGENTS_VARIABLE} names no folder with it")
    return sandbox


@pytest.fixture
def openclaw(sandbox: Sandbox) -> Sandbox:
    """The sandbox, where the real OpenClaw is installed; its files stand where OpenClaw's tools work."""
    if shutil.which("openclaw", path=AGENTS) is None:
        pytest.skip(f"OpenClaw with Node 24 is not installed: {AGENTS_VARIABLE} names no folder with it")
    sandbox.env.update({"OPENCLAW_NO_AUTO_UPDATE": "1", "OPENCLAW_DISABLE_BONJOUR": "1"})
    write_files(sandbox.home / ".openclaw" / "workspace")
    return sandbox
