"""The real OpenClaw through whole sessions: history, retrieval, the plugin, and a configuration that stays as it is."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from headroom_wrap import paths
from headroom_wrap.emulator.recording import RecordedRequest
from headroom_wrap.emulator.server import EmulatedProvider
from headroom_wrap.wrap import installed
from tests.e2e.sandbox import Sandbox, Standalone, sent_results
from tests.e2e.tasks import FATAL, HIDDEN

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

TURN_TIMEOUT_S = 120
LOG = 'Look. [[tool exec {"command":"cat app.log"}]] [[find FATAL]]'
BEHIND = f"Look behind. [[retrieve 131-133]] [[find {HIDDEN}]]"


@pytest.fixture
def second() -> Iterator[EmulatedProvider]:
    with EmulatedProvider() as provider:
        yield provider


def configure(sandbox: Sandbox, providers: dict[str, Any], **more: Any) -> bytes:
    """Write the user's configuration, with a comment; gives its bytes."""
    values = {
        "update": {"checkOnStart": False},
        "telemetry": {"enabled": False},
        "agents": {"defaults": {"model": {"primary": "anthropic/claude-opus-4-8"}, "skipBootstrap": True}},
        "models": {"providers": providers},
        **more,
    }
    file = sandbox.home / ".openclaw" / "openclaw.json"
    file.write_text(f"// mine\n{json.dumps(values, indent=1)}", encoding="utf-8")
    return file.read_bytes()


def anthropic(url: str, *models: dict[str, Any]) -> dict[str, Any]:
    return {"baseUrl": url, "api": "anthropic-messages", "apiKey": "sk-ant-usercfg", "models": list(models)}


def turn(sandbox: Sandbox, message: str, *flags: str) -> subprocess.CompletedProcess[str]:
    words = ("agent", "--local", "--agent", "main", "--session-id", "s1", *flags, "--message", message)
    return subprocess.run(
        [sys.executable, "-m", "headroom_wrap", "wrap", "openclaw", *words],
        cwd=sandbox.work,
        env=sandbox.env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TURN_TIMEOUT_S,
        check=False,
    )


def first_results(requests: Sequence[RecordedRequest]) -> list[str]:
    """The first tool result of each request that carries one, as the model read it."""
    return [results[0] for request in requests if (results := sent_results(request))]


def file_bytes(sandbox: Sandbox) -> bytes:
    return Path(sandbox.home / ".openclaw" / "openclaw.json").read_bytes()


def test_history_is_compressed_and_stays_byte_for_byte_and_the_model_reads_behind_it(
    openclaw: Sandbox, provider: EmulatedProvider
) -> None:
    before = configure(openclaw, {"anthropic": anthropic(provider.url)})
    first = turn(openclaw, LOG)
    assert first.returncode == 0, first.stderr
    assert FATAL in first.stdout
    second = turn(openclaw, BEHIND)
    assert second.returncode == 0, second.stderr
    assert HIDDEN in second.stdout
    assert "1 retrieval" in second.stderr, second.stderr
    calls = provider.model_requests
    assert len(calls) == 4
    results = first_results(calls)
    assert results[0].startswith("[headroom h")
    assert len(results) == 3
    assert len(set(results)) == 1
    assert len({json.dumps([call.json["system"], call.json["tools"]]) for call in calls}) == 1
    assert {call.credential for call in calls} == {"sk-ant-usercfg"}
    assert all(request.header("x-headroom-key") is None for request in provider.requests)
    assert file_bytes(openclaw) == before
    assert openclaw.leftovers() == []


@pytest.mark.soak
def test_the_plugin_compresses_cold_history_of_a_provider_that_is_not_behind_the_proxy(
    openclaw: Sandbox, provider: EmulatedProvider, second: EmulatedProvider
) -> None:
    model = {"id": "claude-sonnet-5", "name": "S", "contextWindow": 200000, "maxTokens": 4096}
    plugins = {"entries": {"headroom": {"config": {"cacheMinutes": 0}}}}
    providers = {"anthropic": anthropic(provider.url), "other": anthropic(second.url, model)}
    before = configure(openclaw, providers, plugins=plugins)
    flags = ("--model", "other/claude-sonnet-5")
    first = turn(openclaw, LOG, *flags)
    assert first.returncode == 0, first.stderr
    assert "other has another base URL" in first.stderr
    again = turn(openclaw, BEHIND, *flags)
    assert again.returncode == 0, again.stderr
    assert HIDDEN in again.stdout
    assert provider.model_requests == []
    results = first_results(second.model_requests)
    assert FATAL in results[0]
    assert "[headroom h" not in results[0]
    assert all(result.startswith("[headroom h") for result in results[1:])
    assert len(results) == 3
    assert file_bytes(openclaw) == before
    assert openclaw.leftovers() == []


def is_open(port: int) -> bool:
    with socket.socket() as tried:
        tried.settimeout(0.5)
        return tried.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.soak
def test_a_wrapped_gateway_compresses_for_its_clients_and_ends_with_the_session(
    openclaw: Sandbox, provider: EmulatedProvider
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    gateway = {"mode": "local", "port": port, "auth": {"mode": "token", "token": "t-0123456789"}}
    before = configure(openclaw, {"anthropic": anthropic(provider.url)}, gateway=gateway)
    log = openclaw.root / "gateway.log"
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "headroom_wrap", "wrap", "openclaw", "gateway", "run"],
            cwd=openclaw.work, env=openclaw.env, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            start_new_session=True,
        )  # fmt: skip
    try:
        assert provider.wait_for(lambda: is_open(port), 60), log.read_text(encoding="utf-8")
        asked = ("openclaw", "agent", "--agent", "main", "--session-id", "s1", "--message", LOG)
        done = subprocess.run(
            asked, cwd=openclaw.work, env=openclaw.env, capture_output=True, text=True, timeout=TURN_TIMEOUT_S,
            stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
        assert FATAL in done.stdout, done.stderr
        assert first_results(provider.model_requests)[0].startswith("[headroom h")
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    assert not is_open(port)
    assert file_bytes(openclaw) == before
    assert openclaw.leftovers() == []


def test_an_installation_edits_the_users_file_and_undoing_it_restores_each_byte(sandbox: Sandbox) -> None:
    (sandbox.home / ".openclaw").mkdir()
    before = configure(sandbox, {"anthropic": anthropic("https://gate")})
    done = sandbox.run(sys.executable, "-m", "headroom_wrap", "wrap", "openclaw", "--install")
    assert done.returncode == 0, done.stderr
    assert "--anthropic-url https://gate" in done.stderr
    assert b"http://127.0.0.1:8787" in file_bytes(sandbox)
    assert b"// mine" in file_bytes(sandbox)
    assert installed.uninstall(paths.home(sandbox.env), "openclaw") == []
    assert file_bytes(sandbox) == before


def test_openclaw_accepts_an_installation_and_goes_to_the_stand_alone_proxy(
    openclaw: Sandbox, proxy: Standalone, provider: EmulatedProvider
) -> None:
    # The port is fixed in an installation; the test's proxy has one of its own.
    configure(openclaw, {"anthropic": anthropic(provider.url)})
    done = openclaw.run(sys.executable, "-m", "headroom_wrap", "wrap", "openclaw", "--install")
    assert done.returncode == 0, done.stderr
    file = openclaw.home / ".openclaw" / "openclaw.json"
    port = proxy.url.rpartition(":")[2]
    file.write_text(file.read_text(encoding="utf-8").replace("8787", port), encoding="utf-8")
    argv = ("openclaw", "agent", "--local", "--agent", "main", "--session-id", "s1", "--message")
    done = subprocess.run(
        [*argv, f"{LOG[: LOG.index(' [[find')]} [[retrieve 131-133]] [[find {HIDDEN}]]"],
        cwd=openclaw.work, env=openclaw.env, capture_output=True, text=True, timeout=TURN_TIMEOUT_S,
        stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert HIDDEN in done.stdout
    assert first_results(provider.model_requests)[0].startswith("[headroom h")
