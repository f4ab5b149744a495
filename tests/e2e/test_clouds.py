"""Claude Code on Vertex and Foundry and Codex on Azure, the real ones, in a session; Bedrock is said to pass us by."""

from __future__ import annotations

import contextlib
import sqlite3

import pytest

from headroom_wrap import paths
from headroom_wrap.emulator.server import EmulatedProvider
from tests.e2e.sandbox import Sandbox, assert_append_only, sent_results, with_tools, wrap_claude, wrap_codex
from tests.e2e.tasks import FATAL, HIDDEN, RETRIEVES

pytestmark = pytest.mark.e2e

VERTEX = {
    "CLAUDE_CODE_USE_VERTEX": "1",
    "CLAUDE_CODE_SKIP_VERTEX_AUTH": "1",
    "CLOUD_ML_REGION": "us-east5",
    "ANTHROPIC_VERTEX_PROJECT_ID": "project",
    "ANTHROPIC_VERTEX_BASE_URL": "{}/v1",
    # Without Google's own sign-in a gateway's token is what people have.
    "ANTHROPIC_CUSTOM_HEADERS": "Authorization: Bearer gateway",
}
FOUNDRY = {
    "CLAUDE_CODE_USE_FOUNDRY": "1",
    "ANTHROPIC_FOUNDRY_API_KEY": "foundry-key",
    "ANTHROPIC_FOUNDRY_BASE_URL": "{}/anthropic",
}
VERTEX_PATH = "/v1/projects/project/locations/us-east5/publishers/anthropic/models/"
CLOUDS = [
    pytest.param(VERTEX, VERTEX_PATH, "Bearer gateway", "claude-sonnet-4-5@20250929", id="vertex"),
    pytest.param(FOUNDRY, "/anthropic/v1/messages", "foundry-key", "claude-sonnet-4-5", id="foundry"),
]


@pytest.mark.parametrize(("env", "path", "credential", "model"), CLOUDS)
def test_tool_outputs_are_compressed_and_fetched_on_a_cloud(  # noqa: PLR0913, PLR0917 - a table
    env: dict[str, str], path: str, credential: str, model: str, claude_sandbox: Sandbox, provider: EmulatedProvider
) -> None:  # fmt: skip
    claude_sandbox.env.update({name: value.format(provider.url) for name, value in env.items()})
    done = claude_sandbox.run(*wrap_claude("--allowedTools=Bash", "-p", RETRIEVES.prompt))
    assert done.returncode == 0, done.stderr
    assert HIDDEN in done.stdout
    calls = with_tools(provider.model_requests)
    assert len(calls) == RETRIEVES.n_calls
    assert_append_only(provider)
    assert any("[headroom h" in text for text in sent_results(calls[-1]))
    for request in provider.model_requests:
        assert request.path.startswith(path)
        assert request.credential == credential
        assert request.header("x-headroom-key") is None
    with contextlib.closing(sqlite3.connect(paths.store_file(claude_sandbox.data))) as store:
        assert store.execute("SELECT DISTINCT model FROM ledger").fetchall() == [(model,)]
    assert claude_sandbox.leftovers() == []


def test_bedrock_is_said_to_pass_us_by(claude_sandbox: Sandbox, provider: EmulatedProvider) -> None:
    bedrock = {
        "CLAUDE_CODE_USE_BEDROCK": "1",
        "CLAUDE_CODE_SKIP_BEDROCK_AUTH": "1",
        "AWS_REGION": "us-east-1",
        "ANTHROPIC_BEDROCK_BASE_URL": provider.url,
        "CLAUDE_CODE_MAX_RETRIES": "0",
    }
    claude_sandbox.env.update(bedrock)
    done = claude_sandbox.run(*wrap_claude("-p", "hello"))
    assert "Amazon Bedrock, which signs its requests: they do not pass here" in done.stderr
    paths_asked = {request.path for request in provider.requests if request.method == "POST"}
    assert any(path.startswith("/model/") for path in paths_asked)
    assert all(request.header("x-headroom-key") is None for request in provider.requests)


def test_codex_on_azure_keeps_its_key_its_version_and_its_path(
    codex_sandbox: Sandbox, provider: EmulatedProvider
) -> None:
    del codex_sandbox.env["HEADROOM_OPENAI_URL"], codex_sandbox.env["HEADROOM_CHATGPT_URL"]
    codex_sandbox.env["AZURE_KEY"] = "azure-0123456789"
    folder = codex_sandbox.home / ".codex"
    folder.mkdir(exist_ok=True)
    (folder / "config.toml").write_text(
        'model_provider = "azure"\nmodel = "gpt-5.5"\n[model_providers.azure]\nname = "Azure"\n'
        f'base_url = "{provider.url}/openai/v1"\nwire_api = "responses"\n'
        'env_http_headers = {"api-key" = "AZURE_KEY"}\nquery_params = {"api-version" = "preview"}\n',
        encoding="utf-8",
    )
    flags = ("exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox")
    call = '[[tool exec_command {"cmd": "cat app.log"}]]'
    done = codex_sandbox.run(*wrap_codex(*flags, f"Look. {call} [[find FATAL]]"))
    assert done.returncode == 0, done.stderr
    assert FATAL in done.stdout
    assert {request.path for request in provider.model_requests} == {"/openai/v1/responses?api-version=preview"}
    assert {request.credential for request in provider.model_requests} == {"azure-0123456789"}
    assert b"[headroom h" in provider.model_requests[-1].content
