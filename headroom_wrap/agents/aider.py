"""Aider: pointed at the proxy by its environment and by an env file of the session's own.

It loads every `.env` over the environment of its process, so the variables alone would be beaten by a file of the
user's; the file of `--env-file` is loaded last. `set-env` comes later still and is taken over in the variable
`AIDER_SET_ENV`, which beats configuration files and, unlike a flag, is not for everybody to read.
It can send no header of ours, so the session key is in the URL. It has no tools: nothing of its requests is changed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from headroom_wrap.agents import aider_config
from headroom_wrap.agents.agent import (
    NETWORK_VARIABLES,
    Agent,
    Context,
    Plan,
    Probe,
    Route,
    Upstream,
    find_program,
    without_proxy_for_loopback,
)
from headroom_wrap.agents.aider_config import AiderConfig
from headroom_wrap.proxy.config import OFFICIAL_URLS

_BASE_URLS = {
    "openai": ("OPENAI_BASE_URL", "OPENAI_API_BASE"),
    "anthropic": ("ANTHROPIC_API_BASE", "ANTHROPIC_BASE_URL"),
}
"""The variables by provider, the one that wins first (litellm 1.81.10)."""
_MESSAGES = "/v1/messages"
"""Anthropic's base URL may have it at its end already."""
_NO_SUFFIX = "LITELLM_ANTHROPIC_DISABLE_URL_SUFFIX"
_NO_PROXY = ("no_proxy", "NO_PROXY")
_BASE_OPTION, _BASE_VARIABLE = "openai-api-base", "AIDER_OPENAI_API_BASE"
_SET_ENV_OPTION, _SET_ENV_VARIABLE = "set-env", "AIDER_SET_ENV"
_READ_OPTION, _BRIEF = "read", "headroom-notes.md"
_MODEL_OPTIONS = ("model", "weak-model", "editor-model")
_OTHER_PROVIDERS = {
    "azure": ("Azure OpenAI", "AZURE_API_BASE"),
    "bedrock": ("Amazon Bedrock", ""),
    "deepseek": ("DeepSeek", "DEEPSEEK_API_BASE"),
    "gemini": ("Gemini", "GEMINI_API_BASE"),
    "groq": ("Groq", "GROQ_API_BASE"),
    "lm_studio": ("LM Studio", "LM_STUDIO_API_BASE"),
    "ollama": ("Ollama", "OLLAMA_API_BASE"),
    "ollama_chat": ("Ollama", ""),
    "openrouter": ("OpenRouter", "OPENROUTER_API_BASE"),
    "vertex_ai": ("Google Vertex AI", ""),
    "xai": ("xAI", "XAI_API_BASE"),
}
"""The beginning of a model's name: who serves it, and the variable with its base URL."""
_ALIASES = {
    "deepseek": "deepseek/", "r1": "deepseek/", "flash": "gemini/", "flash-lite": "gemini/", "gemini": "gemini/",
    "gemini-2.5-pro": "gemini/", "gemini-3-pro-preview": "gemini/", "gemini-exp": "gemini/", "grok3": "xai/",
    "quasar": "openrouter/", "optimus": "openrouter/",
}  # fmt: skip
_ALL_MODELS = "aider/extra_params"
_OWN_URL = ("api_base", "base_url")
_KEY_OPTIONS = ("openai-api-key", "anthropic-api-key", "api-key")
_KEY_VARIABLES = tuple(
    f"{name}_API_KEY" for name in ("OPENAI", "ANTHROPIC", "AZURE", "DEEPSEEK", "GEMINI", "GROQ", "OPENROUTER", "XAI")
)
_MODEL_PRICES = ".aider/caches/model_prices_and_context_window.json"


def upstreams(context: Context) -> Mapping[str, Upstream]:
    """Where this user's Aider sends its requests, as the strongest of its layers says."""
    config = aider_config.read(context)
    found = {}
    for provider, names in _BASE_URLS.items():
        name = next((name for name in names if config.env.get(name)), None)
        if name is None:
            found[provider] = Upstream(OFFICIAL_URLS[provider], "default")
        else:
            url = config.env[name].rstrip("/")
            url = url.removesuffix(_MESSAGES) if provider == "anthropic" else url
            found[provider] = Upstream(url, config.sources.get(name, name))
    return found


def network_env(context: Context) -> Mapping[str, str]:
    """Proxies and certificates as they hold inside Aider."""
    env = aider_config.read(context).env
    return {name: env[name] for name in NETWORK_VARIABLES if env.get(name)}


def plan(context: Context, route: Route) -> Plan:
    """Start Aider through the route."""
    config = aider_config.read(context)
    env, taken = _environment(config, route), ["env-file"]
    if config.value(_BASE_OPTION):
        env[_BASE_VARIABLE] = env[aider_config.API_BASE]
        taken.append(_BASE_OPTION)
    # A pipe can be read once, and that is for Aider to do: it stays where it is.
    is_pipe = config.is_env_file_moved and config.env_file.is_fifo()
    told = config.settings.get(_SET_ENV_OPTION)
    entries = told.values if told else ()
    others = [entry for entry in entries if entry.partition("=")[0].strip() not in env]
    if len(others) < len(entries) or is_pipe or not config.reads_dotenv:
        # A list of this variable stands in the place of every weaker one, so the user's other entries are in it.
        ours = [f"{name}={value}" for name, value in env.items()]
        env[_SET_ENV_VARIABLE] = _listed([*others, *ours])
        taken.append(_SET_ENV_OPTION)
    read, files = _read(config, route)
    if is_pipe:
        args = (*read, *aider_config.without(context.args, *taken[1:]))
        return Plan(args, env, files, bypasses(context), brief=route.brief)
    file = route.files / "aider.env"
    before = aider_config.statements(config.env_file) if config.is_env_file_moved else ""
    own = "".join(f"{name}={value}\n" for name, value in env.items())
    args = ("--env-file", str(file), *read, *aider_config.without(context.args, *taken))
    return Plan(args, env, {**files, file: before + own}, bypasses(context), brief=route.brief)


def _read(config: AiderConfig, route: Route) -> tuple[tuple[str, ...], dict[Path, str]]:
    """The notes as a file to read, beside those that the user's variable or configuration names.

    A flag, for it stands in the place of these. Aider puts the file's path into its prompt, hence the lasting one.
    """
    if route.shared is None or not route.brief:
        return (), {}
    file = route.shared.folder / _BRIEF
    told = config.settings.get(_READ_OPTION)
    values = (*(told.values if told else ()), str(file))
    return tuple(word for value in values for word in (f"--{_READ_OPTION}", value)), {file: f"{route.brief}\n"}


def _environment(config: AiderConfig, route: Route) -> dict[str, str]:
    urls = {"openai": f"{route.keyed_url}/v1", "anthropic": route.keyed_url}
    env = {name: urls[provider] for provider, names in _BASE_URLS.items() for name in names}
    exempt = without_proxy_for_loopback(next(filter(None, map(config.env.get, _NO_PROXY)), None))
    env |= dict.fromkeys(_NO_PROXY, exempt)
    return env | ({_NO_SUFFIX: "false"} if config.env.get(_NO_SUFFIX) else {})


def _listed(entries: list[str]) -> str:
    """A list as the variable holds it, spelt so that no env file takes a `$` or a `#` in it for its own."""
    return json.dumps(entries).replace("$", "\\u0024").replace("#", "\\u0023")


def bypasses(context: Context) -> tuple[str, ...]:
    """What of this user's Aider does not pass through a session: models of others, models with a URL of their own."""
    config = aider_config.read(context)
    return (*_other_models(config), *_other_urls(config), *_own_urls(config, context))


def _other_models(config: AiderConfig) -> Iterator[str]:
    for model in dict.fromkeys(filter(None, map(config.value, _MODEL_OPTIONS))):
        provider, slash, _ = _ALIASES.get(model, model).partition("/")
        if slash and provider not in _BASE_URLS:
            title = _OTHER_PROVIDERS.get(provider, (provider, ""))[0]
            yield f"Aider's model {model} is served by {title}: its requests do not pass here, nothing is compressed."


def _other_urls(config: AiderConfig) -> Iterator[str]:
    for title, variable in _OTHER_PROVIDERS.values():
        if variable and config.env.get(variable):
            source = config.sources.get(variable, "the environment")
            yield f"Requests to {title} go where {variable} of {source} says, and do not pass here."


def _own_urls(config: AiderConfig, context: Context) -> Iterator[str]:
    told = config.value("model-settings-file")
    for file in config.files(aider_config.MODEL_SETTINGS_FILE, context, told):
        content = aider_config.yaml_in(file)
        for entry in content if isinstance(content, list) else ():
            name, params = _params(entry)
            if any(params.get(key) for key in _OWN_URL):
                models = "all models" if name == _ALL_MODELS else f"the model {name}"
                yield f"{file} gives {models} a URL of its own: such requests do not pass here, nothing is compressed."


def _params(entry: Any) -> tuple[str, Mapping[str, Any]]:
    params = entry.get("extra_params") if isinstance(entry, dict) else None
    return (str(entry.get("name")), params) if isinstance(params, dict) else ("", {})


def transcripts(context: Context) -> tuple[Path, ...]:
    """The chat history: where the user wants it, and where it is by default."""
    config = aider_config.read(context)
    default = (config.git_root or context.cwd) / aider_config.HISTORY_FILE
    told = config.value("chat-history-file")
    named = [context.cwd / told] if told else []
    return tuple(dict.fromkeys(Path(os.path.realpath(file)) for file in (*named, default)))


def sign_ins(context: Context) -> tuple[str, ...]:
    """The keys of the environment, of each `.env`, and of Aider's own options."""
    config = aider_config.read(context)
    names = [name for name in _KEY_VARIABLES if config.env.get(name)]
    found = [f"{name} in {config.sources.get(name, 'the environment')}" for name in names]
    return (*found, *(config.settings[name].source for name in _KEY_OPTIONS if config.value(name)))


AIDER = Agent(
    name="aider",
    title="Aider",
    find=find_program("aider"),
    install_hint="Install it with: pipx install aider-chat",
    upstreams=upstreams,
    network_env=network_env,
    plan=plan,
    transcripts=transcripts,
    bypasses=bypasses,
    sign_ins=sign_ins,
    sign_in_hint="Set your provider's key, OPENAI_API_KEY for example, in the environment or in a .env file.",
    probe=Probe(
        (
            "--model",
            "openai/gpt-4o",
            "--no-git",
            "--yes-always",
            "--no-show-model-warnings",
            "--no-check-update",
            "--no-analytics",
            "--no-show-release-notes",
            "--message",
        ),
        {"OPENAI_API_KEY": "sk-headroom-doctor", "LITELLM_LOCAL_MODEL_COST_MAP": "True"},
        # A table of prices that is there and new is not fetched; an empty one would be.
        {_MODEL_PRICES: '{"sample_spec": {}}'},
    ),
    no_savings="Aider calls no tools, and the text of the files that it sends stays exact",
)
