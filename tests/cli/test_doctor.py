"""`headroom doctor`: each subject, and what it says where something is wrong."""

from __future__ import annotations

import importlib.metadata
import json
import os
import sys
from pathlib import Path

import psutil
import pytest

import headroom_wrap
from headroom_wrap import paths
from headroom_wrap.agents.claude import CLAUDE
from headroom_wrap.cli.main import main
from headroom_wrap.compression import kompress_model
from headroom_wrap.emulator.server import EmulatedProvider
from headroom_wrap.store import Store
from headroom_wrap.wrap.installed import install
from headroom_wrap.wrap.probe import probe


@pytest.fixture(autouse=True)
def no_agents(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is installed on this machine does not count."""
    monkeypatch.setenv("PATH", "/usr/bin:/bin")


def findings(capfd: pytest.CaptureFixture[str], exit_code: int = 0, *words: str) -> dict[str, dict[str, str]]:
    """The last finding on each subject."""
    assert main(["doctor", "--json", *(words or ("--no-probe",))]) == exit_code
    return {finding["about"]: finding for finding in json.loads(capfd.readouterr().out)}


def program(folder: Path, name: str, body: str) -> None:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    file.chmod(0o755)


def test_a_new_user_is_told_what_is_not_there_yet(capfd: pytest.CaptureFixture[str]) -> None:
    found = findings(capfd)
    assert found["settings"]["says"] == "level balanced; set: nothing"
    assert found["store"]["says"].startswith("none yet")
    assert found["sessions"]["says"] == "none running, none left behind"
    assert main(["doctor", "--no-probe"]) == 0
    assert "none running, none left behind" in capfd.readouterr().out


def test_a_setting_that_cannot_be_used_is_a_problem(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADROOM_LEVEL", "extreme")
    found = findings(capfd, 1)["settings"]
    assert found["state"] == "problem"
    assert "'extreme'" in found["says"]
    assert "balanced" in found["fix"]


def test_it_says_which_backend_for_prose_runs_and_why(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert findings(capfd)["prose"]["says"].startswith("bm25 runs")
    monkeypatch.setenv("HEADROOM_KOMPRESS_DIR", str(tmp_path))
    assert f"there is no {kompress_model.MODEL_FILE} in {tmp_path}" in findings(capfd)["prose"]["says"]
    (tmp_path / "onnx").mkdir()
    (tmp_path / kompress_model.MODEL_FILE).touch()
    (tmp_path / kompress_model.TOKENIZER_FILE).touch()
    assert findings(capfd)["prose"]["says"].startswith("kompress runs")


def test_agents_say_their_version_or_why_they_do_not_start(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program(tmp_path, "claude", "echo 2.1.197 '(Claude Code)'")
    program(tmp_path, "codex", "echo no such model >&2; exit 3")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    found = findings(capfd, 1)
    assert "claude session" not in found
    assert (found["claude"]["state"], found["codex"]["state"]) == ("ok", "problem")
    assert found["claude"]["says"] == f"2.1.197 (Claude Code), {tmp_path / 'claude'}"
    assert "exit code 3: no such model" in found["codex"]["says"]
    assert "npm install" in found["codex"]["fix"]


def test_an_agent_that_is_not_there_comes_with_how_to_get_it(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    found = findings(capfd)["claude"]
    assert (found["state"], found["says"]) == ("note", "Claude Code is not installed")
    assert "npm install" in found["fix"]


def test_a_session_that_ended_without_clearing_up_is_cleared_away(capfd: pytest.CaptureFixture[str]) -> None:
    left = paths.sessions_dir(paths.home(os.environ)) / "0123456789abcdef"
    left.mkdir(parents=True)
    assert main(["doctor", "--no-probe"]) == 0
    assert "cleared away session 0123456789abcdef" in " ".join(capfd.readouterr().out.split())
    assert not left.exists()


def test_a_store_that_is_no_store_is_a_problem(capfd: pytest.CaptureFixture[str]) -> None:
    file = paths.store_file(paths.make_private_dir(paths.home(os.environ)))
    Store(file).close()
    assert findings(capfd)["store"]["says"] == f"0 originals in {file}"
    file.write_bytes(b"no database, " * 1000)
    assert findings(capfd, 1)["store"]["state"] == "problem"


def test_two_distributions_with_one_package_are_a_problem(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.metadata, "version", lambda _name: "0.42.0")
    found = findings(capfd, 1)["environment"]
    assert found["fix"] == "Keep one of them: pip uninstall headroom-ai"


def test_agents_say_where_requests_go_and_what_leads_them_past_the_proxy(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program(tmp_path, "claude", "echo 2")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "https://corp.test")
    found = findings(capfd)["claude route"]
    assert found["says"] == "nothing bypasses the proxy; behind it: https://corp.test (the environment)"
    monkeypatch.setenv("HEADROOM_ANTHROPIC_URL", "https://told.test")
    assert "https://told.test (HEADROOM_ANTHROPIC_URL)" in findings(capfd)["claude route"]["says"]
    monkeypatch.delenv("HEADROOM_ANTHROPIC_URL")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "https://me:pass-word@corp.test")
    found = findings(capfd, 1)["claude route"]
    assert "pass-word" not in found["says"]
    assert "without credentials" in found["fix"]
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "https://corp.test")
    monkeypatch.setenv("CLAUDE_CODE_USE_BEDROCK", "1")
    found = findings(capfd)["claude route"]
    assert (found["state"], "signs its requests" in found["says"], bool(found["fix"])) == ("note", True, True)


def test_a_sign_in_is_said_by_its_place_and_never_by_its_value(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("claude", "codex", "opencode"):
        program(tmp_path, name, "echo 2")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    before = findings(capfd)
    for name in ("claude", "codex", "opencode"):
        assert before[f"{name} sign-in"]["state"] == "note"
        assert before[f"{name} sign-in"]["fix"]
    for name in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.setenv(name, "canary-0123456789")
    home = Path(os.environ["HOME"])
    for file in (".claude/.credentials.json", ".codex/auth.json", ".local/share/opencode/auth.json"):
        (home / file).parent.mkdir(parents=True)
        (home / file).write_text('{"openrouter": {"key": "canary-9876543210"}}', encoding="utf-8")
    assert main(["doctor", "--json", "--no-probe"]) == 0
    printed = capfd.readouterr().out
    assert "canary" not in printed
    found = {finding["about"]: finding["says"] for finding in json.loads(printed)}
    assert "ANTHROPIC_API_KEY (the environment)" in found["claude sign-in"]
    assert ".credentials.json" in found["claude sign-in"]
    assert "OPENAI_API_KEY in the environment" in found["codex sign-in"]
    assert "auth.json (openrouter)" in found["opencode sign-in"]


def installed_agents(folder: Path, monkeypatch: pytest.MonkeyPatch, *names: str) -> Path:
    """A PATH with agents that do nothing but tell a version; gives the user's home."""
    for name in names:
        program(folder, name, "echo 2")
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    return Path(os.environ["HOME"])


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def test_every_agent_says_how_to_sign_in_where_nothing_was_found(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    names = ("copilot", "aider", "openclaw", "cursor")
    installed_agents(tmp_path, monkeypatch, *names)
    found = findings(capfd)
    for name in names:
        assert (found[f"{name} sign-in"]["state"], bool(found[f"{name} sign-in"]["fix"])) == ("note", True)
    assert found["copilot route"]["state"] == "note"
    assert "--subscription" in found["copilot route"]["fix"]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("GITHUB_COPILOT_TOKEN", "GH_TOKEN", "COPILOT_GITHUB_TOKEN"), "GITHUB_COPILOT_TOKEN"),
        (("COPILOT_GITHUB_TOKEN", "GH_TOKEN"), "COPILOT_GITHUB_TOKEN"),
        (("GH_TOKEN",), "GH_TOKEN"),
    ],
)
def test_of_copilots_tokens_the_one_that_counts_is_said(
    names: tuple[str, ...],
    said: str,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    installed_agents(tmp_path, monkeypatch, "copilot")
    for name in names:
        monkeypatch.setenv(name, f"gho_canary{'0' * 26}")
    assert main(["doctor", "--json", "--no-probe", "copilot"]) == 0
    printed = capfd.readouterr().out
    assert "canary" not in printed
    found = {finding["about"]: finding["says"] for finding in json.loads(printed)}
    assert found["copilot sign-in"] == f"found: {said} in the environment (github.com, for --subscription)"


def test_copilots_other_sign_ins_are_found_where_they_are(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    home = installed_agents(tmp_path, monkeypatch, "copilot")

    def said() -> str:
        assert main(["doctor", "--json", "--no-probe", "copilot"]) == 0
        printed = capfd.readouterr().out
        assert "canary" not in printed
        return str(next(f["says"] for f in json.loads(printed) if f["about"] == "copilot sign-in"))

    monkeypatch.setenv("GH_TOKEN", f"ghp_canary{'0' * 26}")
    assert "passed over: GH_TOKEN: " in said()
    monkeypatch.delenv("GH_TOKEN")
    write(home / ".copilot" / "config.json", '{"authTokens": {"https://github.com:octo": "gho_canary"}}')
    assert f"{home / '.copilot' / 'config.json'} (for --subscription)" in said()
    program(tmp_path, "gh", f"echo gho_canary{'0' * 26}")
    assert "gh auth token (github.com" in said()
    own = paths.make_private_dir(paths.home(os.environ)) / "auth" / "sign-in-github.com.json"
    write(own, json.dumps({"token": f"ghu_canary{'0' * 26}", "login": "octo"}))
    assert f"headroom copilot-auth, in {own} (github.com as octo" in said()
    monkeypatch.setenv("COPILOT_PROVIDER_API_KEY_COMMAND", "pass show canary")
    assert said().startswith("found: COPILOT_PROVIDER_API_KEY_COMMAND in the environment, headroom copilot-auth")


def test_the_sign_ins_of_aider_openclaw_and_cursor_are_said_by_their_places(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    home = installed_agents(tmp_path, monkeypatch, "aider", "openclaw", "cursor")
    monkeypatch.chdir(home)
    write(home / ".env", "DEEPSEEK_API_KEY=canary-1\n")
    write(home / ".aider.conf.yml", "openai-api-key: canary-2\napi-key: [gemini=canary-3]\n")
    openclaw = home / ".openclaw" / "openclaw.json"
    values = {
        "models": {"providers": {"corp": {"apiKey": "canary-4"}}},
        "auth": {"profiles": {"anthropic:default": {"provider": "anthropic", "mode": "token"}}},
    }
    write(openclaw, json.dumps(values))
    write(home / ".config" / "cursor" / "auth.json", '{"accessToken": "canary-5"}')
    monkeypatch.setenv("CURSOR_API_KEY", "canary-6")
    assert main(["doctor", "--json", "--no-probe", "aider", "openclaw", "cursor"]) == 0
    printed = capfd.readouterr().out
    assert "canary" not in printed
    found = {finding["about"]: finding["says"] for finding in json.loads(printed)}
    conf = home / ".aider.conf.yml"
    for place in (f"DEEPSEEK_API_KEY in {home / '.env'}", f"openai-api-key in {conf}", f"api-key in {conf}"):
        assert place in found["aider sign-in"]
    assert f"models.providers.corp in {openclaw}" in found["openclaw sign-in"]
    assert "the profile anthropic:default" in found["openclaw sign-in"]
    auth = home / ".config" / "cursor" / "auth.json"
    assert found["cursor sign-in"] == f"found: CURSOR_API_KEY in the environment, {auth}"


def test_a_domain_to_which_no_token_may_go_is_a_problem(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    installed_agents(tmp_path, monkeypatch, "copilot")
    monkeypatch.setenv("GITHUB_COPILOT_ENTERPRISE_DOMAIN", "http://example.com/x")
    found = findings(capfd, 1, "--no-probe", "copilot")["copilot sign-in"]
    assert (found["state"], bool(found["fix"])) == ("problem", True)


def test_an_agent_that_cannot_be_tried_says_why(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    installed_agents(tmp_path, monkeypatch, "cursor")
    found = findings(capfd, 0, "cursor")["cursor session"]
    assert (found["state"], found["fix"]) == ("note", "")
    assert "backend calls the models" in found["says"]
    assert "cursor session" not in findings(capfd, 0, "--no-probe", "cursor")


def test_a_database_without_full_text_search_is_a_problem_for_memory(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "memory" not in findings(capfd)
    monkeypatch.setattr("headroom_wrap.wrap.doctor.has_full_text", lambda: False)
    found = findings(capfd, 1)["memory"]
    assert (found["state"], "no memory" in found["says"], "Python" in found["fix"]) == ("problem", True, True)


def test_only_the_agents_named_are_looked_at(capfd: pytest.CaptureFixture[str]) -> None:
    found = findings(capfd, 0, "--no-probe", "codex")
    assert "codex" in found
    assert "claude" not in found
    assert main(["doctor", "cloud"]) == 2
    assert "no agent 'cloud'" in capfd.readouterr().err


def test_files_that_could_not_be_put_back_are_spoken_of_until_they_are_gone(capfd: pytest.CaptureFixture[str]) -> None:
    kept = paths.home(os.environ) / "conflicts" / "0123456789abcdef"
    kept.mkdir(parents=True)
    assert findings(capfd)["conflicts"]["state"] == "note"
    kept.rmdir()
    assert "conflicts" not in findings(capfd)


def as_claude(folder: Path, last: str) -> str:
    """A PATH with a `claude` that tells a version, and does this for any prompt."""
    program(folder, "claude", f'[ "$1" = --version ] && echo 2 && exit\n{last}')
    return f"{folder}:/usr/bin:/bin"


def test_an_agent_is_tried_in_a_session_of_its_own(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen = tmp_path / "seen"
    scripted = f'env > {seen}; exec {sys.executable} -m headroom_wrap.emulator.agent "$@"'
    monkeypatch.setenv("PATH", as_claude(tmp_path, scripted))
    monkeypatch.setenv("PYTHONPATH", str(Path(headroom_wrap.__file__).parent.parent))
    monkeypatch.setenv("ANTHROPIC_API_KEY", "canary-0123456789")
    found = findings(capfd, 0, "claude")["claude session"]
    assert found["state"] == "ok"
    assert "1 model call" in found["says"]
    environment = seen.read_text(encoding="utf-8")
    assert "canary" not in environment
    assert f"HOME={os.environ['HOME']}\n" not in environment


@pytest.mark.parametrize(
    ("last", "says"),
    [
        ("echo broken pipe >&2; exit 3", "ended with exit code 3; no request came through the proxy; it said: broken"),
        ("echo fine", "ended without the answer; no request came"),
    ],
)
def test_an_agent_that_fails_in_its_session_is_a_problem_with_what_it_said(
    last: str, says: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", as_claude(tmp_path, last))
    found = findings(capfd, 1, "claude")["claude session"]
    assert says in found["says"]
    assert found["fix"] == "See what it says: headroom wrap -v claude"


def test_an_agent_that_does_not_end_is_ended_with_its_session(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    env = {"PATH": as_claude(tmp_path, f"echo $$ > {pid}; exec sleep 600")}
    finding = probe(CLAUDE, env, EmulatedProvider, timeout_s=4)
    assert "did not end within 4 s" in finding.says
    assert not psutil.pid_exists(int(pid.read_text(encoding="utf-8")))


def test_edits_that_outlive_a_session_are_told_with_how_to_undo_them(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    home = paths.make_private_dir(paths.home(os.environ))
    file = tmp_path / "mcp.json"
    install(home, "cursor", {file: b"{}"})
    found = findings(capfd)["cursor installed"]
    assert (found["state"], str(file) in found["says"]) == ("ok", True)
    assert "headroom unwrap cursor" in found["says"]
    file.unlink()
    found = findings(capfd, 1)["cursor installed"]
    assert "is gone" in found["says"]
    assert "headroom unwrap cursor" in found["fix"]
