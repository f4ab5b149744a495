"""Claude Code and Codex at once in one project: one store, its originals at the service of both."""

from __future__ import annotations

import re

import pytest

from headroom_wrap import paths
from headroom_wrap.emulator.server import EmulatedProvider
from headroom_wrap.store import Store
from tests.e2e.sandbox import CREDENTIALS, Sandbox, wrap_claude, wrap_codex
from tests.e2e.tasks import FATAL, LARGE
from tests.e2e.test_codex import CLASSIC, EXEC, LOG, QUIET, classic, sign_in

pytestmark = pytest.mark.e2e


@pytest.mark.usefixtures("claude_sandbox")
def test_two_agents_at_once_share_originals(codex_sandbox: Sandbox, provider: EmulatedProvider) -> None:
    sandbox = codex_sandbox
    sandbox.env.update(CREDENTIALS["key"])
    sign_in("key", sandbox)
    running = [
        sandbox.start(*wrap_claude("--allowedTools=Bash", "-p", LARGE.prompt)),
        sandbox.start(*wrap_codex(*QUIET, *EXEC, *CLASSIC, f"Look. {classic(LOG)} [[find FATAL]]")),
    ]
    outputs = [process.communicate(timeout=90) for process in running]
    assert [process.returncode for process in running] == [0, 0], outputs
    assert all(FATAL in answer for answer, _ in outputs)
    bodies = b"\n".join(request.body for request in provider.model_requests).decode()
    ids = set(re.findall(r"\[headroom (h[0-9a-f]{12}): \d+ of", bodies))
    store = Store(paths.store_file(sandbox.data), read_only=True)
    originals = [store.original(id_) for id_ in ids]
    store.close()
    # Both read the same log: Codex with the line break at its end, Claude Code without it.
    assert {original.text.rstrip("\n") for original in originals if original} == {
        (sandbox.work / "app.log").read_text(encoding="utf-8").rstrip("\n")
    }
    assert sandbox.leftovers() == []
