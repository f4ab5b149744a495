"""A session fails and finds its way; the next one is told before it begins. With the real agents, in a terminal."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable

import pexpect
import pytest

from headroom_wrap.emulator.server import EmulatedProvider
from headroom_wrap.learn import asking, refining
from tests.e2e.canaries import BODIES
from tests.e2e.sandbox import CREDENTIALS, Sandbox, with_tools, wrap_claude, wrap_codex, wrap_copilot
from tests.e2e.test_claude_tui import leave
from tests.e2e.test_codex import CLASSIC, CODE_MODE, EXEC, QUIET, classic, scripted, sign_in
from tests.e2e.test_copilot import PRINT
from tests.e2e.test_copilot import set_up as set_up_copilot
from tests.learn.making import PYTHON, finding

pytestmark = pytest.mark.e2e

LEARN = (sys.executable, "-m", "headroom_wrap", "learn")
REPORT = "scripts/report.py --month 3"


def missing(sandbox: Sandbox) -> str:
    """An interpreter that this machine does not have."""
    return next(name for name in ("python", "python2", "python1") if not shutil.which(name, path=sandbox.env["PATH"]))


def set_up(sandbox: Sandbox) -> None:
    """A project whose report is made by an interpreter that is not the first that one thinks of."""
    script = sandbox.work / "scripts" / "report.py"
    script.parent.mkdir()
    script.write_text("print('total 4711')\n", encoding="utf-8")
    if shutil.which("python3", path=sandbox.env["PATH"]) is None:
        pytest.skip("the planted correction needs a python3 on the system's PATH")


@pytest.fixture
def failing(claude_sandbox: Sandbox) -> Sandbox:
    """A user of Claude Code with such a project."""
    set_up(claude_sandbox)
    claude_sandbox.env.update(CREDENTIALS["key"])
    return claude_sandbox


def prompt(sandbox: Sandbox) -> str:
    """What leads the emulated model into the failure and out of it."""
    calls = (f"{missing(sandbox)} {REPORT}", f"python3 {REPORT}")
    tools = " ".join(f'[[tool Bash {{"command": "{command}"}}]]' for command in calls)
    return f"Make the report. {tools} [[say The total is 4711.]]"


def in_terminal(sandbox: Sandbox, provider: EmulatedProvider, *words: str) -> str:
    """A whole session in the TUI; gives what the terminal showed after it."""
    before = len(with_tools(provider.model_requests))
    terminal = sandbox.open_terminal(*wrap_claude(*words, "--allowedTools", "Bash", "--", prompt(sandbox)))
    assert provider.wait_for(lambda: len(with_tools(provider.model_requests)) == before + 3, 40)
    assert provider.wait_for(lambda: all(call.finished for call in provider.model_requests), 10)
    leave(terminal)
    terminal.expect_exact("headroom: ")
    terminal.expect(pexpect.EOF)
    terminal.wait()
    assert (terminal.exitstatus, terminal.signalstatus) == (0, None)
    shown = terminal.before or ""
    terminal.close()
    return shown


def test_the_session_after_headroom_learn_is_told_the_correction(failing: Sandbox, provider: EmulatedProvider) -> None:
    failing.onboard()
    in_terminal(failing, provider)
    first = provider.model_requests[0].body.decode()
    terminal = failing.open_terminal(*LEARN, "--apply")
    terminal.expect_exact("python3")
    terminal.expect_exact("Write 1 file?")
    terminal.sendline("y")
    terminal.expect_exact("wrote CLAUDE.md (1 new)")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0
    (line,) = [line for line in (failing.work / "CLAUDE.md").read_text("utf-8").splitlines() if line.startswith("- ")]
    said = line.removeprefix("- ").partition(" <!--")[0]
    assert "python3" in said
    assert "seen in 1 session" in said
    n_before = len(provider.model_requests)
    done = failing.run(*wrap_claude("-p", "Hello"))
    assert done.returncode == 0, done.stderr
    (request,) = with_tools(provider.model_requests[n_before:])
    assert json.dumps(said)[1:-1] in request.body.decode()
    assert json.dumps(said)[1:-1] not in first
    # The memory has it, too, and does not say it a second time.
    assert request.body.decode().count(json.dumps(said.partition(" (seen in")[0])[1:-1]) == 1


def test_a_session_with_learn_writes_what_it_taught(failing: Sandbox, provider: EmulatedProvider) -> None:
    failing.onboard()
    shown = in_terminal(failing, provider, "--learn")
    assert "headroom: learned: CLAUDE.md (1 new), the memory (1 new); headroom learn --undo takes it back." in shown
    assert "python3" in (failing.work / "CLAUDE.md").read_text(encoding="utf-8")
    assert failing.leftovers() == []
    done = failing.run(*wrap_claude("--learn", "-p", "Hello"))
    assert "headroom: learned nothing new from this session." in done.stderr


def test_with_watch_on_every_session_writes_what_it_taught(failing: Sandbox) -> None:
    failing.run(*LEARN, "--watch", "on")
    words = ("-p", prompt(failing), "--allowedTools", "Bash")
    done = failing.run(*wrap_claude(*words))
    assert done.returncode == 0, done.stderr
    assert (
        "headroom: learned: CLAUDE.md (1 new), the memory (1 new); headroom learn --undo takes it back." in done.stderr
    )
    undone = failing.run(*LEARN, "--undo")
    assert "CLAUDE.md is gone, as before" in undone.stderr
    failing.run(*LEARN, "--watch", "off")
    assert "learned" not in failing.run(*wrap_claude(*words)).stderr
    assert not (failing.work / "CLAUDE.md").exists()


@pytest.mark.parametrize("call", [scripted, classic], ids=["code mode", "classic"])
def test_codex_is_told_in_the_next_session(
    call: Callable[[str], str], codex_sandbox: Sandbox, provider: EmulatedProvider
) -> None:
    set_up(codex_sandbox)
    sign_in("key", codex_sandbox)
    words = (*QUIET, *EXEC, *(CLASSIC if call is classic else CODE_MODE))
    calls = (f"{missing(codex_sandbox)} {REPORT}", f"python3 {REPORT}")
    asked = f"Make the report. {' '.join(map(call, calls))} [[say The total is 4711.]]"
    done = codex_sandbox.run(*wrap_codex("--learn", *words, asked))
    assert (
        "headroom: learned: AGENTS.md (1 new), the memory (1 new); headroom learn --undo takes it back." in done.stderr
    )
    assert_next_is_told("AGENTS.md", codex_sandbox, provider, wrap_codex(*words, "Hello"))


def test_copilot_is_told_in_the_next_session(copilot_sandbox: Sandbox, provider: EmulatedProvider) -> None:
    set_up(copilot_sandbox)
    set_up_copilot(copilot_sandbox, provider)
    calls = (f"{missing(copilot_sandbox)} {REPORT}", f"python3 {REPORT}")
    tools = " ".join(f'[[tool bash {{"command": "{command}", "description": "report"}}]]' for command in calls)
    words = ("--allow-all-tools", *PRINT)
    asked = f"Make the report. {tools} [[say The total is 4711.]]"
    done = copilot_sandbox.run(*wrap_copilot("--learn", "-p", asked, *words))
    name = ".github/copilot-instructions.md"
    assert f"headroom: learned: {name} (1 new), the memory (1 new); headroom learn --undo takes it back." in done.stderr
    assert_next_is_told(name, copilot_sandbox, provider, wrap_copilot("-p", "Hello", *words))


def assert_next_is_told(name: str, sandbox: Sandbox, provider: EmulatedProvider, argv: tuple[str, ...]) -> None:
    """The line that was written into this file stands in the next session's request, and stood in none before."""
    (line,) = [line for line in (sandbox.work / name).read_text("utf-8").splitlines() if line.startswith("- ")]
    said = json.dumps(line.removeprefix("- ").partition(" <!--")[0])[1:-1]
    assert "python3" in said
    assert not any(said in request.content.decode() for request in provider.model_requests)
    provider.reset()
    done = sandbox.run(*argv)
    assert done.returncode == 0, done.stderr
    assert said in provider.model_requests[0].content.decode()


# -- refining, by the agents themselves


BETTER = "Use `python3`, not `python`."


def refine_with(agent: str, sandbox: Sandbox, provider: EmulatedProvider) -> str:
    """Ask an agent as `--refine` does; the emulated model answers what a directive behind the prompt says."""
    found = finding(PYTHON)
    said = json.dumps({"corrections": [{"id": found.id, "text": BETTER}]})
    answer = asking.ask(agent, f"{refining.prompt([found])}[[say {said}]]", sandbox.env)
    assert refining.refined([found], answer) == ({found.id: BETTER}, 0)
    requests = provider.model_requests
    assert any("there is no `python` here" in request.body.decode() for request in requests)
    # Codex cannot be told to leave its global AGENTS.md out.
    for foreign in (str(sandbox.work), *([] if agent == "codex" else [BODIES["instructions"]])):
        assert not any(foreign in request.body.decode() for request in requests)
    return answer


def test_claude_refines_without_tools_and_keeps_no_transcript(
    claude_sandbox: Sandbox, provider: EmulatedProvider
) -> None:
    claude_sandbox.env.update(CREDENTIALS["key"])
    (claude_sandbox.work / "CLAUDE.md").write_text("Not for this.\n", encoding="utf-8")
    refine_with("claude", claude_sandbox, provider)
    assert [request.json.get("tools") or [] for request in provider.model_requests] == [[]]
    assert not list((claude_sandbox.home / ".claude").rglob("*.jsonl"))


def test_codex_refines_and_keeps_no_transcript(codex_sandbox: Sandbox, provider: EmulatedProvider) -> None:
    codex_sandbox.env.update({"CODEX_API_KEY": "sk-test-0123456789", "OPENAI_API_KEY": "sk-test-0123456789"})
    folder = codex_sandbox.home / ".codex"
    folder.mkdir(exist_ok=True)
    folder.joinpath("config.toml").write_text(f'openai_base_url = "{provider.url}/v1"\n', encoding="utf-8")
    refine_with("codex", codex_sandbox, provider)
    assert not list(folder.rglob("rollout-*"))
    body = provider.model_requests[0].body.decode()
    assert "apply_patch" in body
    assert "exec_command(args" not in body
    assert "web__run(args" not in body


def test_copilot_refines(copilot_sandbox: Sandbox, provider: EmulatedProvider) -> None:
    copilot_sandbox.env.update(
        {
            "COPILOT_OFFLINE": "true",
            "COPILOT_PROVIDER_BASE_URL": f"{provider.url}/v1",
            "COPILOT_PROVIDER_API_KEY": "sk-test-0123456789",
            "COPILOT_MODEL": "gpt-5.4",
        }
    )
    refine_with("copilot", copilot_sandbox, provider)
    assert [request.json.get("tools") or [] for request in provider.model_requests] == [[]]


@pytest.mark.parametrize("variable", asking.KEYS)
def test_a_key_that_the_user_names_refines(variable: str, sandbox: Sandbox, provider: EmulatedProvider) -> None:
    sandbox.env.update({variable: "sk-test-0123456789", "OPENAI_BASE_URL": f"{provider.url}/v1"})
    refine_with(variable, sandbox, provider)
    assert "sk-test-0123456789" in str(provider.model_requests[0].headers)


def test_the_agents_that_can_be_asked_are_those_that_are_tested() -> None:
    tested = [name for name in globals() if name.startswith("test_") and name.endswith(("refines", "transcript"))]
    assert {name.split("_")[1] for name in tested} == {*asking.AGENTS, "a"}
