"""The plan as text: everything that will happen, no secret in it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from headroom_wrap import settings
from headroom_wrap.agents import Context, agent_named
from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.wrap import session
from headroom_wrap.wrap.plan import Launch

SECRETS = ("sk-in-settings", "sk-in-header", "tok-in-helper", "sk-in-list", "pw-in-url")


@pytest.fixture
def launch(tmp_path: Path) -> Launch:
    program = tmp_path / "bin" / "claude"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n", encoding="utf-8")
    program.chmod(0o755)
    own = (
        '{"env": {"MY_API_KEY": "sk-in-settings"}, "otherToken": "tok-in-helper", "keys": ["sk-in-list"],'
        ' "model": "opus"}'
    )
    env = {
        "PATH": str(program.parent),
        "HEADROOM_HOME": str(tmp_path / "data"),
        "ANTHROPIC_BASE_URL": "https://gateway.example",
        "ANTHROPIC_CUSTOM_HEADERS": "Authorization: sk-in-header",
    }
    context = Context(("--settings", own, "-p", "hello world"), env, tmp_path, tmp_path)
    return Launch(agent_named("claude"), context, settings.load({"level": "safe"}, env))


def test_a_dry_run_shows_argv_environment_files_and_upstream(launch: Launch, tmp_path: Path) -> None:
    text = session.dry_run(launch)
    assert f"would run: {tmp_path}/bin/claude --mcp-config " in text
    assert "-p 'hello world'" in text
    assert "ANTHROPIC_BASE_URL=http://127.0.0.1:<free port>" in text
    assert "anthropic requests go to: https://gateway.example (the environment)" in text
    assert '"model": "opus"' in text
    assert "level: safe (flag)" in text


def test_a_dry_run_masks_every_secret_and_writes_nothing(launch: Launch, tmp_path: Path) -> None:
    env = {**launch.context.env, "ANTHROPIC_BASE_URL": "https://me:pw-in-url@gateway.example"}
    text = session.dry_run(replace(launch, context=replace(launch.context, env=env)))
    assert "https://********@gateway.example" in text
    assert not any(secret in text for secret in SECRETS)
    assert "Authorization: ********" in text
    assert not (tmp_path / "data").exists()


def test_an_agent_that_is_not_installed_is_an_error_that_says_how_to_install_it(launch: Launch, tmp_path: Path) -> None:
    (tmp_path / "bin" / "claude").unlink()
    with pytest.raises(HeadroomError) as caught:
        session.run(launch, lambda _line: None)
    assert caught.value.code is Code.AGENT_NOT_FOUND
    assert "npm install -g @anthropic-ai/claude-code" in caught.value.hint


def test_what_we_were_told_beats_what_the_agent_had(launch: Launch) -> None:
    told = settings.load({"anthropic_url": "https://told.example/"}, launch.context.env)
    upstream = Launch(launch.agent, launch.context, told).upstreams()["anthropic"]
    assert (upstream.url, upstream.source) == ("https://told.example", "flag")
