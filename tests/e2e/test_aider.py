"""The real Aider through a whole session: edits committed, the user's layers respected and beaten, failures told."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from headroom_wrap import paths
from headroom_wrap.agents import Context, Route, aider_config
from headroom_wrap.agents.aider import AIDER
from headroom_wrap.emulator import faults
from headroom_wrap.emulator.server import EmulatedProvider
from tests.agents.test_aider import OPENAI, given
from tests.e2e.conftest import AGENTS
from tests.e2e.sandbox import AGENTS_VARIABLE, Sandbox, wrap_scripted

pytestmark = pytest.mark.e2e

WRAP = (sys.executable, "-m", "headroom_wrap", "wrap")
QUIET = (
    "--yes-always", "--no-show-model-warnings", "--no-gitignore", "--no-analytics", "--no-check-update",
    "--no-show-release-notes", "--map-tokens", "0",
)  # fmt: skip
GREETING = 'def greet(name):\n    return "hi " + name\n'
POLITE = GREETING.replace("hi ", "Good day, ")
COMMIT = "feat: greet politely"
EDIT = f"""Make greet polite. [[say hello.py
```python
<<<<<<< SEARCH
    return "hi " + name
=======
    return "Good day, " + name
>>>>>>> REPLACE
```
]] [[commit {COMMIT}]]"""
MODELS = {"openai": "openai/gpt-4o", "anthropic": "anthropic/claude-sonnet-4-20250514"}
PATHS = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages"}
KEY = "sk-test-0123456789"
KEY_IN_PATH = re.compile(rb"/k/[0-9a-f]{64}")


@pytest.fixture
def aider_sandbox(sandbox: Sandbox, provider: EmulatedProvider) -> Sandbox:
    """The sandbox with a repository, where the real Aider is installed; the test skips where it is not."""
    if shutil.which("aider", path=AGENTS) is None:
        pytest.skip(f"Aider is not installed: {AGENTS_VARIABLE} names no folder with it")
    sandbox.env.update(
        TERM="dumb",
        OPENAI_API_BASE=f"{provider.url}/v1",
        OPENAI_API_KEY=KEY,
        ANTHROPIC_API_KEY=KEY,
    )
    (sandbox.work / "hello.py").write_text(GREETING, encoding="utf-8")
    (sandbox.work / ".gitignore").write_text(".aider*\n.env\n*.env\n", encoding="utf-8")
    git(sandbox, "init", "-q")
    for name in ("name", "email"):
        git(sandbox, "config", f"user.{name}", "a@b.c")
    git(sandbox, "add", "-A")
    git(sandbox, "commit", "-qm", "first")
    return sandbox


@pytest.fixture
def corporate() -> Iterator[EmulatedProvider]:
    """A second provider, which the user's own files name."""
    with EmulatedProvider() as provider:
        yield provider


def git(sandbox: Sandbox, *words: str) -> str:
    done = sandbox.run("git", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def ask(
    sandbox: Sandbox, prompt: str, *flags: str, model: str = MODELS["openai"], wrapped: bool = True
) -> subprocess.CompletedProcess[str]:
    program = (*WRAP, "aider") if wrapped else ("aider",)
    return sandbox.run(*program, *QUIET, "--model", model, "--message", prompt, *flags, "hello.py")


@pytest.mark.parametrize("kind", MODELS)
def test_an_edit_is_committed_with_the_very_requests_that_aider_sends_without_us(
    kind: str, aider_sandbox: Sandbox, provider: EmulatedProvider
) -> None:
    # A log of the kind that would be shortened in a tool's result, at the level that shortens most.
    flags = ("--read", "app.log", "--cache-prompts")
    direct = ask(aider_sandbox, EDIT, *flags, model=MODELS[kind], wrapped=False)
    assert direct.returncode == 0, direct.stderr
    bodies = [request.body for request in provider.model_requests]
    git(aider_sandbox, "reset", "-q", "--hard", "HEAD~1")
    for file in aider_sandbox.work.glob(".aider*history*"):
        file.unlink()
    provider.reset()

    aider_sandbox.env["HEADROOM_LEVEL"] = "aggressive"
    done = ask(aider_sandbox, EDIT, *flags, model=MODELS[kind])
    assert done.returncode == 0, done.stderr
    assert [request.body for request in provider.model_requests] == bodies
    assert len(bodies) == 2
    assert {request.path for request in provider.model_requests} == {PATHS[kind]}
    assert {request.credential.removeprefix("Bearer ") for request in provider.model_requests} == {KEY}
    assert all(request.header("x-headroom-key") is None for request in provider.requests)
    assert (aider_sandbox.work / "hello.py").read_text(encoding="utf-8") == POLITE
    assert git(aider_sandbox, "log", "-1", "--format=%s") == COMMIT
    assert git(aider_sandbox, "status", "--porcelain") == ""
    assert "headroom: 2 requests; nothing saved: Aider calls no tools" in done.stderr
    assert_nothing_left(aider_sandbox)


def assert_nothing_left(sandbox: Sandbox) -> None:
    """Nothing of the session, and the key, which is in the URL, in no file that Aider has written."""
    assert sandbox.leftovers() == []
    for path in (*sandbox.work.rglob("*"), *sandbox.home.rglob("*")):
        assert not path.is_file() or not KEY_IN_PATH.search(path.read_bytes()), path


def everything(*folders: Path) -> dict[Path, bytes]:
    """The user's files, without what Aider itself notes."""
    files = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    return {path: path.read_bytes() for path in files if not {".git", ".aider"} & set(path.parts) and not noted(path)}


def noted(path: Path) -> bool:
    return path.name.startswith((".aider.chat", ".aider.input", ".aider.tags"))


HOSTILE = {
    "dotenv": ({".env": "OPENAI_API_BASE={url}/v1\nOPENAI_BASE_URL={url}/v1\nOPENAI_API_KEY=sk-theirs\n"}, ()),
    "conf": ({".aider.conf.yml": "# mine\nopenai-api-base: {url}/v1\nopenai-api-key: sk-theirs\n"}, ()),
    "set-env": (
        {".aider.conf.yml": "set-env:\n  - OPENAI_BASE_URL={url}/v1 # mine\n  - OPENAI_API_KEY=sk-theirs\n"}, (),
    ),
    "env-file": ({"own.env": "OPENAI_BASE_URL={url}/v1\nOPENAI_API_KEY=sk-theirs"}, ("--env-file", "own.env")),
}  # fmt: skip


@pytest.mark.parametrize("layer", HOSTILE)
def test_what_the_users_own_files_say_is_the_upstream_and_no_way_past_us(
    layer: str, aider_sandbox: Sandbox, provider: EmulatedProvider, corporate: EmulatedProvider
) -> None:
    files, flags = HOSTILE[layer]
    for name, text in files.items():
        (aider_sandbox.work / name).write_text(text.replace("{url}", corporate.url), encoding="utf-8")
    before = everything(aider_sandbox.work, aider_sandbox.home)
    done = ask(aider_sandbox, "Greet. [[say nothing to do]]", "-v", *flags)
    assert done.returncode == 0, done.stderr
    assert "nothing to do" in done.stdout
    assert provider.requests == []
    assert [request.credential for request in corporate.model_requests] == ["Bearer sk-theirs"]
    assert "headroom: 1 request;" in done.stderr
    assert f"-> {corporate.url}/v1 (openai, from: " in done.stderr
    assert everything(aider_sandbox.work, aider_sandbox.home) == before
    assert_nothing_left(aider_sandbox)


def test_an_anthropic_base_url_of_a_dotenv_is_the_upstream_too(
    aider_sandbox: Sandbox, provider: EmulatedProvider, corporate: EmulatedProvider
) -> None:
    (aider_sandbox.home / ".env").write_text("ANTHROPIC_API_BASE=http://127.0.0.1:9\n", encoding="utf-8")
    (aider_sandbox.work / ".aider.conf.yml").write_text(
        f"set-env: [ANTHROPIC_API_BASE={corporate.url}]\n", encoding="utf-8"
    )
    done = ask(aider_sandbox, "Greet. [[say nothing to do]]", model=MODELS["anthropic"])
    assert "nothing to do" in done.stdout
    assert provider.requests == []
    assert [request.path for request in corporate.model_requests] == ["/v1/messages"]
    assert "headroom: 1 request;" in done.stderr


@pytest.mark.parametrize(("status", "kind"), [(401, "openai"), (404, "anthropic")])
def test_a_failed_run_ends_with_aiders_own_exit_code_and_the_summary_says_what_happened(
    status: int, kind: str, aider_sandbox: Sandbox, provider: EmulatedProvider
) -> None:
    provider.faults.add(faults.status(status), times=None)
    done = ask(aider_sandbox, EDIT, model=MODELS[kind])
    assert done.returncode == 0, done.stderr
    assert f"headroom: 1 request, all failed: {status} from the provider" in done.stderr.splitlines()
    assert (aider_sandbox.work / "hello.py").read_text(encoding="utf-8") == GREETING
    assert_nothing_left(aider_sandbox)


def test_a_chat_in_the_terminal_goes_through_the_session_until_its_end(aider_sandbox: Sandbox) -> None:
    words = (*WRAP, "aider", *QUIET, "--model", MODELS["openai"], "hello.py")
    terminal = aider_sandbox.open_terminal(*words)
    # What is typed is echoed, with more behind it on its line.
    for prompt, said in ((EDIT, "Commit [0-9a-f]+ "), ("And now? [[say no more]]", "no more\r?\n")):
        terminal.expect("> ")
        terminal.send(f"{{prompt\n{prompt}\nprompt}}\n")
        terminal.expect(said)
    terminal.send("/exit\r")
    terminal.expect("headroom: 3 requests; nothing saved: Aider")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0
    assert git(aider_sandbox, "log", "-1", "--format=%s") == COMMIT
    assert_nothing_left(aider_sandbox)


def test_inside_another_agents_session_each_provider_is_reached_on_its_own_way(
    aider_sandbox: Sandbox, provider: EmulatedProvider, corporate: EmulatedProvider
) -> None:
    """Around it a session that knows Anthropic alone: OpenAI's requests may not go there."""
    aider_sandbox.env["OPENAI_API_BASE"] = f"{corporate.url}/v1"
    script = aider_sandbox.work / "inner.sh"
    asked = ("--message", "'Greet. [[say nothing to do]]'", "hello.py", "2>&1")
    lines = [" ".join([*WRAP, "aider", *QUIET, "--model", model, *asked]) for model in MODELS.values()]
    script.write_text("\n".join(["unset ANTHROPIC_CUSTOM_HEADERS", *lines, ""]), encoding="utf-8")
    done = aider_sandbox.run(*wrap_scripted("-p", 'Go. [[tool Bash {"command": "sh inner.sh"}]] [[find headroom:]]'))
    assert done.returncode == 0, done.stderr
    assert "headroom: 1 request; nothing saved: Aider" in done.stdout
    assert [request.path for request in corporate.model_requests] == [PATHS["openai"]]
    (inner,) = [request for request in provider.model_requests if "tools" not in request.json]
    assert inner.json["model"] == MODELS["anthropic"].partition("/")[2]
    assert inner.credential == KEY


def test_a_dry_run_shows_the_plan_and_no_secret(aider_sandbox: Sandbox) -> None:
    (aider_sandbox.work / "own.env").write_text("PLAIN=hidden-1\nPEM='a\nhidden-2'\n", encoding="utf-8")
    (aider_sandbox.work / ".aider.conf.yml").write_text(
        "set-env: [X=hidden-3, OPENAI_BASE_URL=http://u:hidden-4@h/v1]\n", encoding="utf-8"
    )
    done = aider_sandbox.run(*WRAP, "--dry-run", "aider", "--env-file", "own.env", "hello.py")
    assert done.returncode == 0, done.stderr
    shown = done.stdout.splitlines()
    assert "    OPENAI_BASE_URL=http://127.0.0.1:<free port>/k/********/v1" in shown
    assert "    PLAIN=********" in shown
    assert "    PEM=********" in shown
    assert "hidden" not in done.stdout
    assert not paths.sessions_dir(aider_sandbox.data).exists()


def test_aider_reads_its_layers_as_we_do_with_and_without_the_plan(aider_sandbox: Sandbox) -> None:
    top, cases, expected = aider_sandbox.root / "layers", [], []
    # A broken file is where Aider itself ends, and there is nothing to compare.
    readable = [row for row in OPENAI if not any("[broken" in text for text in row[0].values())]
    for number, (files, args, env, _, _) in enumerate(readable):
        folder = top / str(number)
        for inner in ("home/.aider", "repo/sub", "other"):
            (folder / inner).mkdir(parents=True)
        own = Context((), {}, folder / "repo" / "sub", folder / "home")
        git(aider_sandbox, "init", "-q", str(folder / "repo"))
        context = given(own, files, *args, HOME=str(own.home), PATH="/usr/bin:/bin", TERM="dumb", **env)
        route = Route("http://127.0.0.1:9", "0" * 64, "s1", folder, folder, ())
        plan = AIDER.plan(context, route)
        for path, text in plan.files.items():
            path.write_text(text, encoding="utf-8")
        for arguments, added in ((context.args, {}), (plan.args, plan.env)):
            started = Context(arguments, {**context.env, **added}, context.cwd, context.home)
            expected.append(dict(aider_config.read(started).env))
            cases.append({"cwd": str(started.cwd), "env": dict(started.env), "args": list(started.args)})
    wrapper = Path(shutil.which("aider", path=AGENTS) or "")
    python = wrapper.resolve().parent.parent / "venv" / "bin" / "python"
    program = str(Path(__file__).with_name("aider_layers.py"))
    done = subprocess.run(
        [python, program], input=json.dumps(cases), env=aider_sandbox.env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for case, ours, found in zip(cases, expected, json.loads(done.stdout), strict=True):
        assert {name: found.get(name) for name in ours} == ours, case
