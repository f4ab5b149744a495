"""OpenClaw's plan: an overlay that includes the user's file, `api` beside every base URL, no secret in argv."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headroom_wrap.agents import Context, Plan, Route, Shared
from headroom_wrap.agents.openclaw import OPENCLAW, PLUGIN_FOLDER
from headroom_wrap.edits import jsonc

KEY = "a" * 64
KEYED = f"http://127.0.0.1:9/k/{KEY}"
LOCAL = ("agent", "--local", "--message", "x")


def context(home: Path, *args: str, **env: str) -> Context:
    return Context(args or LOCAL, env, home, home)


ROUTE = Route("http://127.0.0.1:9", KEY, "s1", Path("/files"), Path("/data"), ("/py", "/m"))


def planned(context: Context) -> Plan:
    return OPENCLAW.plan(context, ROUTE)


def overlay(plan: Plan) -> dict[str, Any]:
    (text,) = plan.files.values()
    found: dict[str, Any] = json.loads(text)
    return found


def configure(home: Path, text: str, name: str = ".openclaw/openclaw.json") -> Path:
    file = home / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def test_without_a_configuration_the_overlay_includes_nothing(tmp_path: Path) -> None:
    plan = planned(context(tmp_path))
    found = overlay(plan)
    assert "$include" not in found
    assert found["models"]["providers"] == {
        "anthropic": {"baseUrl": KEYED, "api": "anthropic-messages", "models": []},
        "openai": {"baseUrl": f"{KEYED}/v1", "api": "openai-responses", "models": []},
    }
    assert found["plugins"]["load"]["paths"] == [str(PLUGIN_FOLDER)]
    assert found["plugins"]["slots"] == {"contextEngine": "headroom"}
    assert plan.env["OPENCLAW_STATE_DIR"] == str(tmp_path / ".openclaw")
    assert "OPENCLAW_INCLUDE_ROOTS" not in plan.env
    assert {name: upstream.url for name, upstream in OPENCLAW.upstreams(context(tmp_path)).items()} == {
        "anthropic": "https://api.anthropic.com",
        "openai": "https://api.openai.com/v1",
    }


def test_the_users_file_is_included_and_its_base_urls_are_the_upstreams(tmp_path: Path) -> None:
    file = configure(
        tmp_path,
        "{ // mine\n agents: {defaults: {model: {primary: 'corp/m'}}}, models: {providers: {\n"
        "  anthropic: {baseUrl: '${GATE}/v1'}, corp: {baseUrl: 'https://corp/v1', api: 'openai-completions',"
        " models: [{id: 'm'}]}, other: {baseUrl: 'https://other/v1', api: 'openai-completions', models: []},"
        " gem: {baseUrl: 'https://g', api: 'google-generative-ai'}}}, env: {vars: {GATE: 'https://gate'}}}",
    )
    asked = context(tmp_path)
    plan = planned(asked)
    found = overlay(plan)
    assert found["$include"] == str(file)
    assert plan.env["OPENCLAW_INCLUDE_ROOTS"] == str(file.parent)
    assert found["models"]["providers"] == {
        "anthropic": {"baseUrl": KEYED, "api": "anthropic-messages", "models": []},
        "corp": {"baseUrl": f"{KEYED}/v1", "api": "openai-completions"},
    }
    upstreams = {name: upstream.url for name, upstream in OPENCLAW.upstreams(asked).items()}
    assert upstreams == {"anthropic": "https://gate", "openai": "https://corp/v1"}
    notes = " ".join(plan.notes)
    assert "other has another base URL" in notes
    assert "gem has the API google-generative-ai" in notes
    assert len(OPENCLAW.bypasses(asked)) == 2


def test_an_included_file_counts_and_may_be_included_again(tmp_path: Path) -> None:
    configure(tmp_path, "{models: {providers: {openai: {baseUrl: 'https://deep/v1'}}}}", "shared/models.json5")
    configure(tmp_path, "{$include: '../shared/models.json5'}")
    asked = context(tmp_path, OPENCLAW_INCLUDE_ROOTS="/mine")
    assert OPENCLAW.upstreams(asked)["openai"].url == "https://deep/v1"
    roots = planned(asked).env["OPENCLAW_INCLUDE_ROOTS"].split(":")
    assert roots[0] == "/mine"
    assert str(tmp_path / ".openclaw" / "../shared") in roots


@pytest.mark.parametrize("where", ["environment", ".env", "state"])
def test_openais_variable_is_the_upstream_wherever_it_is_set(where: str, tmp_path: Path) -> None:
    env = {"OPENAI_BASE_URL": "https://v/v1"} if where == "environment" else {}
    if where != "environment":
        configure(tmp_path, 'export OPENAI_BASE_URL="https://v/v1"\n', ".env" if where == ".env" else ".openclaw/.env")
    assert OPENCLAW.upstreams(context(tmp_path, **env))["openai"].url == "https://v/v1"


@pytest.mark.parametrize(
    ("args", "is_routed"),
    [
        (("agent", "-m", "x"), True),
        (("gateway", "run"), True),
        (("gateway", "--port", "1"), True),
        (("--profile", "work", "chat"), True),
        (("gateway", "status"), False),
        (("config", "set", "a", "1"), False),
        (("plugins", "install", "x"), False),
        (("--version",), False),
    ],
)
def test_commands_that_write_configuration_start_without_the_overlay(
    args: tuple[str, ...], *, is_routed: bool, tmp_path: Path
) -> None:
    assert bool(planned(context(tmp_path, *args)).files) == is_routed


def test_a_profile_has_a_configuration_of_its_own(tmp_path: Path) -> None:
    file = configure(tmp_path, "{}", ".openclaw-work/openclaw.json")
    plan = planned(context(tmp_path, "--profile", "work", "chat"))
    assert overlay(plan)["$include"] == str(file)
    assert plan.env["OPENCLAW_STATE_DIR"] == str(file.parent)


def test_a_list_of_allowed_plugins_is_added_to_and_a_context_engine_of_the_users_stays(tmp_path: Path) -> None:
    configure(tmp_path, '{"plugins": {"allow": ["a"], "slots": {"contextEngine": "mine"}}}')
    plan = planned(context(tmp_path))
    assert overlay(plan)["plugins"]["allow"] == ["headroom"]
    assert "slots" not in overlay(plan)["plugins"]
    assert any("mine" in note for note in plan.notes)


def test_a_configuration_that_cannot_be_read_leaves_openclaw_as_it_is(tmp_path: Path) -> None:
    configure(tmp_path, "{ models: ")
    plan = planned(context(tmp_path))
    assert not plan.files
    assert "nothing is compressed" in plan.notes[0]


def test_the_key_is_never_in_argv_or_environment(tmp_path: Path) -> None:
    plan = planned(context(tmp_path))
    assert not any(KEY in word for word in (*plan.args, *plan.env.values()))


INSTALLED = """{
  // mine
  models: {providers: {anthropic: {baseUrl: 'https://gate'}}},
  plugins: {load: {paths: ['/mine']}}, // kept
}
"""


def test_an_installation_keeps_comments_and_lists_and_a_session_goes_past_it(tmp_path: Path) -> None:
    file = configure(tmp_path, INSTALLED)
    assert OPENCLAW.installation is not None
    done = OPENCLAW.installation(context(tmp_path), Path("/data"), ())
    text = done.edits[file].decode()
    values = jsonc.load(text)
    assert "// mine" in text
    assert "// kept" in text
    assert values["models"]["providers"]["anthropic"] == {
        "baseUrl": "http://127.0.0.1:8787",
        "api": "anthropic-messages",
        "models": [],
    }
    assert values["plugins"]["load"]["paths"] == ["/mine", str(PLUGIN_FOLDER)]
    assert any("--anthropic-url https://gate" in line for line in done.says)
    file.write_text(text, encoding="utf-8")
    assert OPENCLAW.upstreams(context(tmp_path))["anthropic"].url == "https://gate"
    again = OPENCLAW.installation(context(tmp_path), Path("/data"), ())
    assert again.edits[file].decode() == text


SERVER = "{command: '/bin/headroom', args: ['mcp', 'serve'], env: {HEADROOM_AGENT: 'openclaw'}}"


def servers(home: Path, shared: Shared | None) -> Any:
    route = replace(ROUTE, shared=shared)
    return overlay(OPENCLAW.plan(context(home, "chat"), route)).get("mcp", {}).get("servers")


def test_an_installed_mcp_server_serves_the_session_in_the_place_of_another_one(tmp_path: Path) -> None:
    shared = Shared(tmp_path, "openclaw", "", tmp_path / "briefs")
    memory = ["memory_search", "memory_save", "memory_update", "memory_forget"]
    configure(tmp_path, f"{{mcp: {{servers: {{shrink: {SERVER}}}}}}}")
    assert servers(tmp_path, None) == {"shrink": {"toolFilter": {"exclude": ["headroom_retrieve"]}}}
    (found,) = servers(tmp_path, shared).items()
    # Lists join over the user's file: arguments of ours would follow the installed ones.
    assert found == ("shrink", {"env": replace(ROUTE, shared=shared).mcp_env, "toolFilter": {"include": memory}})


def test_another_mcp_server_with_our_name_keeps_it(tmp_path: Path) -> None:
    configure(tmp_path, "{mcp: {servers: {headroom: {command: 'other'}}}}")
    assert servers(tmp_path, None) is None
    shared = Shared(tmp_path, "openclaw", "", tmp_path / "briefs")
    assert list(servers(tmp_path, shared)) == ["headroom-session"]
