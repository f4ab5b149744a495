"""Aider: whose layer sets a base URL, and a plan that every one of them loses to."""

from __future__ import annotations

import io
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from dotenv import dotenv_values

from headroom_wrap.agents import Context, Plan, Route, aider_config
from headroom_wrap.agents.aider import AIDER
from headroom_wrap.proxy.config import OFFICIAL_URLS

KEY = "0" * 64
KEYED = f"http://127.0.0.1:9/k/{KEY}"
FOUR = {
    "OPENAI_BASE_URL": f"{KEYED}/v1",
    "OPENAI_API_BASE": f"{KEYED}/v1",
    "ANTHROPIC_API_BASE": KEYED,
    "ANTHROPIC_BASE_URL": KEYED,
}
ENV_NAMES = (*FOUR, "no_proxy", "NO_PROXY")
ENV_FILE = Path("/files/aider.env")

HOME, ROOT, CWD, CONF = ("home/{}", "repo/{}", "repo/sub/{}", "other/{}")
DOTENV, YAML = ".env", ".aider.conf.yml"


@pytest.fixture
def user(tmp_path: Path) -> Context:
    """A home, and a folder inside a repository, with a `.git` of its own that is none."""
    for folder in ("home/.aider", "repo/.git", "repo/sub/.git", "other"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "repo/.git/HEAD").touch()
    return Context((), {}, tmp_path / "repo" / "sub", tmp_path / "home")


def given(user: Context, files: dict[str, str], *args: str, **env: str) -> Context:
    """The user with these files, paths relative to the folder around home and repository."""
    top = user.home.parent
    for name, text in files.items():
        (top / name).write_text(text.replace("{top}", str(top)), encoding="utf-8")
    return replace(user, args=tuple(arg.replace("{top}", str(top)) for arg in args), env=env)


def planned(context: Context) -> Plan:
    return AIDER.plan(context, Route("http://127.0.0.1:9", KEY, "s1", Path("/files"), Path("/data"), ("/mcp",)))


def inside(context: Context, plan: Plan) -> aider_config.AiderConfig:
    """What holds inside an Aider that was started by the plan."""
    started = replace(context, args=plan.args, env={**context.env, **plan.env})
    return aider_config.read(started, plan.files)


def conf(**values: object) -> str:
    return json.dumps({name.replace("_", "-"): value for name, value in values.items()})


A, B = "http://a.example/v1", "http://b.example/v1"
OPENAI = [
    ({}, (), {}, OFFICIAL_URLS["openai"], "default"),
    ({}, (), {"OPENAI_API_BASE": A}, A, "OPENAI_API_BASE"),
    ({}, (), {"OPENAI_API_BASE": A, "OPENAI_BASE_URL": B}, B, "OPENAI_BASE_URL"),
    ({}, (), {"OPENAI_API_BASE": A, "OPENAI_BASE_URL": ""}, A, "OPENAI_API_BASE"),
    ({}, ("--openai-api-base", A), {"OPENAI_API_BASE": B}, A, "--openai-api-base"),
    ({}, (f"--openai-api-b={A}",), {"AIDER_OPENAI_API_BASE": B}, A, "--openai-api-base"),
    ({}, ("--openai-api-base", A), {"OPENAI_BASE_URL": B}, B, "OPENAI_BASE_URL"),
    ({}, ("--", "--openai-api-base", A), {}, OFFICIAL_URLS["openai"], "default"),
    ({}, (), {"AIDER_OPENAI_API_BASE": A, "OPENAI_API_BASE": B}, A, "AIDER_OPENAI_API_BASE"),
    ({HOME.format(DOTENV): f"OPENAI_API_BASE={A}"}, (), {"OPENAI_API_BASE": B}, A, "home/.env"),
    ({HOME.format(DOTENV): f"OPENAI_API_BASE={B}", CWD.format(DOTENV): f"OPENAI_API_BASE={A}"}, (), {}, A, "sub/.env"),
    # The default of --env-file is the git root's, which therefore comes last.
    ({ROOT.format(DOTENV): f"OPENAI_API_BASE={A}", CWD.format(DOTENV): f"OPENAI_API_BASE={B}"}, (), {}, A, "repo/.env"),
    (
        {ROOT.format(DOTENV): f"OPENAI_API_BASE={B}", CONF.format("x.env"): f"export OPENAI_API_BASE='{A}' # mine"},
        ("--env-file", "{top}/other/x.env"), {}, A, "other/x.env",
    ),
    ({CONF.format("x.env"): f"OPENAI_API_BASE={A}"}, ("--env={top}/other/x.env",), {}, A, "other/x.env"),
    (
        {CWD.format("x.env"): f"OPENAI_API_BASE={A}", ROOT.format(YAML): conf(env_file="x.env")}, (), {}, A,
        "sub/x.env",
    ),
    ({CWD.format("x.env"): f"OPENAI_API_BASE={A}"}, (), {"AIDER_ENV_FILE": "x.env"}, A, "sub/x.env"),
    ({"home/.aider/oauth-keys.env": f"OPENAI_API_BASE={A}"}, (), {"OPENAI_API_BASE": B}, A, "oauth-keys.env"),
    ({CWD.format(DOTENV): "HOST=a.example\nOPENAI_API_BASE=http://${HOST}/v1"}, (), {}, A, "sub/.env"),
    ({CWD.format(DOTENV): "OPENAI_API_BASE=${BASE:-x}"}, (), {"BASE": A}, A, "sub/.env"),
    ({CWD.format(DOTENV): f"AIDER_OPENAI_API_BASE={A}"}, (), {}, A, "AIDER_OPENAI_API_BASE in"),
    (
        {CWD.format(DOTENV): f"OPENAI_API_BASE={B}"}, (), {"PYTHON_DOTENV_DISABLED": "1", "OPENAI_API_BASE": A}, A,
        "OPENAI_API_BASE",
    ),
    ({HOME.format(YAML): conf(openai_api_base=A)}, (), {"OPENAI_API_BASE": B}, A, "openai-api-base in"),
    ({HOME.format(YAML): conf(openai_api_base=B), ROOT.format(YAML): conf(openai_api_base=A)}, (), {}, A, "repo/.a"),
    ({ROOT.format(YAML): conf(openai_api_base=B), CWD.format(YAML): conf(openai_api_base=A)}, (), {}, A, "sub/.aider"),
    (
        {CWD.format(YAML): conf(openai_api_base=B), CONF.format("c.yml"): f"openai-api-base: {A}  # mine"},
        ("--config", "{top}/other/c.yml"), {}, A, "other/c.yml",
    ),
    ({CONF.format("c.yml"): f"openai-api-base: {A}"}, ("-c{top}/other/c.yml",), {}, A, "other/c.yml"),
    ({HOME.format("c.yml"): f"openai-api-base: {A}"}, ("--con", "~/c.yml"), {}, A, "home/c.yml"),
    ({CWD.format(YAML): f"openai-api-base: {B}\nopenai-api-base: {A}\n"}, (), {}, A, "openai-api-base in"),
    ({HOME.format(YAML): "openai-api-base: [broken"}, (), {"OPENAI_API_BASE": A}, A, "OPENAI_API_BASE"),
    ({CWD.format(YAML): conf(set_env=[f"OPENAI_BASE_URL={A}"])}, (), {"OPENAI_BASE_URL": B}, A, "set-env in"),
    ({CWD.format(YAML): conf(set_env=f" OPENAI_BASE_URL = {A} ")}, (), {}, A, "set-env in"),
    ({CWD.format(YAML): conf(set_env=[f"OPENAI_API_BASE={B}"])}, ("--set-env", f"OPENAI_API_BASE={A}"), {}, A, "--set"),
    ({CWD.format(YAML): conf(set_env=[f"OPENAI_BASE_URL={B}"])}, ("--set-env=X=1",), {"OPENAI_BASE_URL": A}, A, "OPE"),
    # A shortened flag is one that ConfigArgParse overlooks: the weaker list comes on top of it.
    ({CWD.format(YAML): conf(set_env=[f"OPENAI_BASE_URL={A}"])}, ("--se", "X=1"), {}, A, "set-env in"),
    ({CWD.format(YAML): conf(openai_api_base=B)}, ("--openai-api-b", A), {}, A, "--openai-api-base"),
    ({CWD.format(YAML): conf(openai_api_base=A, read=["x"])}, ("--openai-api-b", B), {}, A, "openai-api-base in"),
    ({CWD.format(YAML): conf(openai_api_base=B)}, ("--openai-api-b", A), {"AIDER_READ": "x"}, A, "--openai-api-base"),
    ({}, (), {"AIDER_SET_ENV": f'["X=1", "OPENAI_API_BASE={A}"]'}, A, "AIDER_SET_ENV"),
    ({}, (), {"AIDER_SET_ENV": f"[X=1, OPENAI_API_BASE={A}]"}, A, "AIDER_SET_ENV"),
    ({}, (), {"AIDER_SET_ENV": f"OPENAI_API_BASE={A}"}, A, "AIDER_SET_ENV"),
    ({CWD.format(YAML): conf(set_env=[f"OPENAI_API_BASE={A}"])}, (), {"AIDER_SET_ENV": "[]"}, A, "set-env in"),
    ({CWD.format(YAML): conf(set_env=[f"OPENAI_API_BASE={B}"])}, ("--openai-api-base", A), {}, A, "--openai-api-base"),
]  # fmt: skip


@pytest.mark.parametrize(("files", "args", "env", "url", "source"), OPENAI)
def test_the_strongest_layer_names_the_upstream_and_loses_to_the_plan(  # noqa: PLR0913, PLR0917 - a table
    files: dict[str, str], args: tuple[str, ...], env: dict[str, str], url: str, source: str, user: Context
) -> None:
    context = given(user, files, *args, **env)
    upstream = AIDER.upstreams(context)["openai"]
    assert upstream.url == url
    assert source in upstream.source
    held = inside(context, planned(context)).env
    assert {name: held[name] for name in FOUR} == FOUR


@pytest.mark.parametrize(
    ("env", "url"),
    [
        ({}, OFFICIAL_URLS["anthropic"]),
        ({"ANTHROPIC_BASE_URL": "http://a"}, "http://a"),
        ({"ANTHROPIC_BASE_URL": "http://b", "ANTHROPIC_API_BASE": "http://a"}, "http://a"),
        ({"ANTHROPIC_API_BASE": "http://a/x/v1/messages"}, "http://a/x"),
        ({"ANTHROPIC_API_BASE": "http://a/v1/messages", "LITELLM_ANTHROPIC_DISABLE_URL_SUFFIX": "1"}, "http://a"),
    ],
)
def test_anthropics_variables_have_an_order_of_their_own(env: dict[str, str], url: str, user: Context) -> None:
    context = given(user, {}, **env)
    assert AIDER.upstreams(context)["anthropic"].url == url
    held = inside(context, planned(context)).env
    assert {name: held[name] for name in FOUR} == FOUR
    assert held.get("LITELLM_ANTHROPIC_DISABLE_URL_SUFFIX", "false") == "false"


def test_the_users_own_env_file_is_read_as_before_with_ours_behind_it(user: Context) -> None:
    text = "# mine\nOPENAI_API_KEY='sk-mine'\nMOTTO=\"two\nlines\"\nOPENAI_API_BASE=http://a\nLAST=${MOTTO}"
    context = given(user, {CONF.format("x.env"): text}, "--env-file", "{top}/other/x.env", "--model", "4o", "f.py")
    plan = planned(context)
    assert plan.args == ("--env-file", str(ENV_FILE), "--model", "4o", "f.py")
    assert plan.files[ENV_FILE].startswith(f"{text}\n")
    assert dotenv_values(stream=io.StringIO(plan.files[ENV_FILE])) == {
        "OPENAI_API_KEY": "sk-mine", "MOTTO": "two\nlines", "LAST": "two\nlines", **plan.env,
    }  # fmt: skip


def test_a_default_env_file_keeps_its_rank(user: Context) -> None:
    files = {ROOT.format(DOTENV): "X=root\nY=root", CWD.format(DOTENV): "X=folder\nZ=folder"}
    context = given(user, files)
    before, held = aider_config.read(context).env, inside(context, planned(context)).env
    assert {name: held[name] for name in before} == before == {"X": "root", "Y": "root", "Z": "folder"}


def test_where_nothing_changes_rank_nothing_of_the_users_is_copied(user: Context) -> None:
    context = replace(given(user, {ROOT.format(DOTENV): "SECRET=1"}), cwd=user.cwd.parent)
    assert "SECRET" not in planned(context).files[ENV_FILE]


@pytest.mark.parametrize("where", ["conf", "variable", "flag", "dotenv"])
def test_other_entries_of_set_env_hold(where: str, user: Context) -> None:
    odd = "MOTTO=a # b ${HOME} 'c' \"d\"\u2026"
    entries = ["OPENAI_API_KEY=sk-mine", odd, "OPENAI_BASE_URL=http://a", "NO_PROXY=x"]
    variable = json.dumps(entries)
    escaped = variable.replace("#", "\\u0023").replace("$", "\\u0024")
    contexts = {
        "conf": given(user, {CWD.format(YAML): conf(set_env=entries)} if where == "conf" else {}),
        "variable": given(user, {}, AIDER_SET_ENV=variable),
        "flag": given(user, {}, *(word for entry in entries for word in ("--set-env", entry))),
        "dotenv": given(user, {HOME.format(DOTENV): f"AIDER_SET_ENV={escaped}"} if where == "dotenv" else {}),
    }
    context = contexts[where]
    assert AIDER.upstreams(context)["openai"].url == "http://a"
    plan = planned(context)
    held = inside(context, plan).env
    assert held["OPENAI_API_KEY"] == "sk-mine"
    assert f"MOTTO={held['MOTTO']}" == odd
    assert {name: held[name] for name in FOUR} == FOUR
    assert held["NO_PROXY"] == "x,127.0.0.1,localhost,::1"
    assert not any("--set-env" in word for word in plan.args)


def test_set_env_without_conflict_is_left_where_it_is(user: Context) -> None:
    context = given(user, {CWD.format(YAML): conf(set_env=["A=1"])}, "--set-env", "B=2")
    plan = planned(context)
    assert "AIDER_SET_ENV" not in plan.env
    assert plan.args[2:] == ("--set-env", "B=2")


def test_dotenv_files_that_are_switched_off_midway_do_not_lead_past_us(user: Context) -> None:
    files = {HOME.format(DOTENV): "OPENAI_BASE_URL=http://a\nPYTHON_DOTENV_DISABLED=true\n", ROOT.format(DOTENV): "X=1"}
    context = given(user, files)
    held = inside(context, planned(context)).env
    assert {name: held[name] for name in FOUR} == FOUR
    assert "X" not in held


def test_the_key_is_never_in_argv(user: Context) -> None:
    context = given(
        user, {CWD.format(YAML): conf(set_env=["OPENAI_BASE_URL=http://a"])}, "--openai-api-base", "http://b"
    )
    assert not any(KEY in word for word in planned(context).args)


def test_loopback_is_exempt_from_the_users_proxy_and_the_upstream_is_not(user: Context) -> None:
    context = given(user, {CWD.format(DOTENV): "HTTPS_PROXY=http://proxy:1\nNO_PROXY=corp"}, SSL_CERT_FILE="/ca.pem")
    held = inside(context, planned(context)).env
    assert held["NO_PROXY"] == held["no_proxy"] == "corp,127.0.0.1,localhost,::1"
    network = AIDER.network_env(context)
    assert network == {"HTTPS_PROXY": "http://proxy:1", "NO_PROXY": "corp", "SSL_CERT_FILE": "/ca.pem"}


@pytest.mark.parametrize(
    ("args", "found"),
    [
        (("f.py",), "repo"),
        (("../../two/new.py",), "two"),
        (("../../two/f.py", "--read", "f.py"), "two"),
        (("f.py", "../../two/f.py"), "repo"),
        (("-m", "fix this / that", "--read", "../../two/f.py"), "repo"),
        (("x" * 5000,), "repo"),
    ],
)
def test_the_git_root_is_that_of_the_files(args: tuple[str, ...], found: str, user: Context) -> None:
    two = user.home.parent / "two"
    two.mkdir()
    (two / ".git").write_text("gitdir: elsewhere\n", encoding="utf-8")
    assert aider_config.git_root(replace(user, args=args)) == (user.home.parent / found).resolve()


def test_a_pipe_in_the_place_of_an_env_file_is_left_to_aider(user: Context) -> None:
    os.mkfifo(user.cwd / "pipe.env")
    context = given(user, {CWD.format(YAML): conf(set_env=["A=1"])}, "--env-file", "pipe.env", "f.py")
    assert AIDER.upstreams(context)["openai"].source == "default"
    plan = planned(context)
    assert (plan.args, plan.files) == (context.args, {})
    assert json.loads(plan.env["AIDER_SET_ENV"]) == ["A=1", *(f"{name}={plan.env[name]}" for name in ENV_NAMES)]


def test_a_broken_statement_of_the_users_env_file_swallows_none_of_ours(user: Context) -> None:
    files = {CONF.format("x.env"): 'A=1\nB="open\nC=\'open\nAIDER_SET_ENV=["OPENAI_BASE_URL=http://a", "D=\'"]\nE=2'}
    context = given(user, files, "--env-file", "{top}/other/x.env")
    before, held = aider_config.read(context).env, inside(context, planned(context)).env
    assert {name: held[name] for name in FOUR} == FOUR
    assert {name: held.get(name) for name in "ABCDE"} == {name: before.get(name) for name in "ABCDE"}
    assert (held["A"], held["E"]) == ("1", "2")


MODELS = """\
- name: gpt-4o
  extra_params: {api_base: http://x}
- name: aider/extra_params
  extra_params: {base_url: http://y}
"""


@pytest.mark.parametrize(
    ("files", "args", "env", "said"),
    [
        ({}, ("--model", "openai/gpt-4o", "--weak-model=anthropic/claude-haiku-4-5"), {}, []),
        ({}, ("--model", "gpt-4o"), {}, []),
        ({}, ("--model", "deepseek"), {}, ["model deepseek is served by DeepSeek"]),
        ({CWD.format(YAML): conf(model="openrouter/x/y")}, (), {}, ["openrouter/x/y is served by OpenRouter"]),
        ({}, ("--model", "strange/x"), {}, ["model strange/x is served by strange"]),
        ({CWD.format(DOTENV): "DEEPSEEK_API_BASE=http://x"}, (), {}, ["DeepSeek go where DEEPSEEK_API_BASE of {top}"]),
        ({}, (), {"XAI_API_BASE": "http://x"}, ["xAI go where XAI_API_BASE of the environment says"]),
        (
            {CONF.format("m.yml"): MODELS}, ("--model-settings-file", "{top}/other/m.yml"), {},
            ["m.yml gives the model gpt-4o a URL", "m.yml gives all models a URL"],
        ),
        ({HOME.format(".aider.model.settings.yml"): "- name: x\n- 3\n"}, (), {}, []),
    ],
)  # fmt: skip
def test_what_passes_us_by_is_said(
    files: dict[str, str], args: tuple[str, ...], env: dict[str, str], said: list[str], user: Context
) -> None:
    context = given(user, files, *args, **env)
    found = AIDER.bypasses(context)
    assert planned(context).notes == found
    assert len(found) == len(said)
    for sentence, part in zip(found, said, strict=True):
        assert part.replace("{top}", str(user.home.parent)) in sentence


@pytest.mark.parametrize(
    ("files", "args", "env", "expected"),
    [
        ({}, (), {}, ["repo/.aider.chat.history.md"]),
        ({}, ("--chat-h", "log.md"), {}, ["repo/sub/log.md", "repo/.aider.chat.history.md"]),
        ({CWD.format(YAML): conf(chat_history_file="{top}/a.md")}, (), {}, ["a.md", "repo/.aider.chat.history.md"]),
        (
            {CWD.format(DOTENV): "AIDER_CHAT_HISTORY_FILE=b.md"},
            (),
            {},
            ["repo/sub/b.md", "repo/.aider.chat.history.md"],
        ),
    ],
)
def test_the_chat_history_is_found_where_it_is_kept(
    files: dict[str, str], args: tuple[str, ...], env: dict[str, str], expected: list[str], user: Context
) -> None:
    found = AIDER.transcripts(given(user, files, *args, **env))
    assert found == tuple((user.home.parent / name).resolve() for name in expected)
