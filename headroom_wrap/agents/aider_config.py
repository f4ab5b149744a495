"""What Aider's layers say, in the order in which Aider itself reads them (measured with 0.86.2).

A setting: its flag, its variable `AIDER_...`, the file of `--config`, `.aider.conf.yml` in the folder, in the git root
and in the home (https://aider.chat/docs/config/aider_conf.html). The environment: that of the process, then each `.env`
over what stands there already (https://aider.chat/docs/config/dotenv.html), then `set-env`, then `openai-api-base`.
"""

from __future__ import annotations

import io
import itertools
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headroom_wrap.agents.agent import Context

CONF_FILE = ".aider.conf.yml"
MODEL_SETTINGS_FILE = ".aider.model.settings.yml"
HISTORY_FILE = ".aider.chat.history.md"
API_BASE = "OPENAI_API_BASE"

_SHORTEST = {
    "config": "--con",
    "env-file": "--env",
    "openai-api-base": "--openai-api-b",
    "openai-api-key": "--openai-api-k",
    "anthropic-api-key": "--anth",
    "chat-history-file": "--chat-h",
    "model": "--model",
    "weak-model": "--we",
    "editor-model": "--editor-m",
    "model-settings-file": "--model-s",
}
"""The options that count here, and how far Aider lets each be shortened."""
_LISTS = {"set-env": "--se", "api-key": "", "alias": "", "lint-cmd": "", "file": "", "read": ""}
"""Aider's options that may stand several times; of the first the values count too."""
_CONFIG_LETTER = "-c"
_READ_FLAGS = frozenset({"--read", "--message-file", "-f", _CONFIG_LETTER})
"""Options whose files say nothing of the repository."""
_DOTENV_OFF = "PYTHON_DOTENV_DISABLED"
_TRUE = frozenset({"1", "true", "t", "yes", "y"})

Words = tuple[tuple[str, ...], str, str]
"""The words of one option on the command line, the option's name (empty for other words), its value."""


@dataclass(frozen=True, slots=True)
class Setting:
    """The values of one setting, and the layer that gave them."""

    values: tuple[str, ...]
    source: str


@dataclass(frozen=True, slots=True)
class AiderConfig:
    """What is in force.

    Attributes:
        env: the environment in which Aider calls its providers.
        sources: of the variables that the process did not have so, who set them.
        settings: of the options in `_SHORTEST` and `_LISTS` those that are set.
        git_root: the work tree that Aider finds; None outside of one.
        env_file: the file that Aider loads last, by `--env-file` or by default.
        is_env_file_moved: whether another `--env-file` in its place would change what the other files say.
        reads_dotenv: whether it loads such files at all.
    """

    env: Mapping[str, str]
    sources: Mapping[str, str]
    settings: Mapping[str, Setting]
    git_root: Path | None
    env_file: Path
    is_env_file_moved: bool
    reads_dotenv: bool

    def value(self, option: str) -> str:
        """The value of a setting with one value; empty where it is not set."""
        setting = self.settings.get(option)
        return setting.values[-1] if setting and setting.values else ""

    def files(self, name: str, context: Context, told: str = "") -> tuple[Path, ...]:
        """The places where Aider looks for a file, the strongest last."""
        return _search_path(name, context, self.git_root, told)


def read(context: Context, written: Mapping[Path, str] | None = None) -> AiderConfig:
    """Read all layers; what is missing or broken counts as empty: Aider itself speaks of it.

    Args:
        context: the user's side.
        written: files that a session will write, and what will be in them.
    """
    written = written or {}
    root = git_root(context)
    confs = tuple(_confs(context, root))
    env, sources = dict(context.env), dict[str, str]()
    told = _settings(context.args, env, confs).get("env-file")
    default = root / ".env" if root else Path(".env")
    last = told.values[-1] if told and told.values else str(default)
    files = _search_path(".env", context, root, last)
    reads_dotenv = True
    for file in (context.home / ".aider" / "oauth-keys.env", *files):
        reads_dotenv = env.get(_DOTENV_OFF, "").casefold() not in _TRUE
        if reads_dotenv:
            loaded = _dotenv(_text(file, written), env)
            env.update(loaded)
            sources.update(dict.fromkeys(loaded, str(file)))
    settings = _settings(context.args, env, confs, sources)
    for entry in settings["set-env"].values if "set-env" in settings else ():
        name, equals, value = entry.partition("=")
        if equals:
            env[name.strip()] = value.strip()
            sources[name.strip()] = settings["set-env"].source
    base = settings.get("openai-api-base")
    if base and base.values and base.values[-1]:
        env[API_BASE], sources[API_BASE] = base.values[-1], base.source
    is_moved = told is not None or files[-1] != _search_path(".env", context, root, "")[-1]
    return AiderConfig(env, sources, settings, root, files[-1], is_moved, reads_dotenv)


def statements(file: Path) -> str:
    """An env file as it stands, without what python-dotenv passes over as broken: it could swallow what comes next."""
    from dotenv.parser import parse_stream  # noqa: PLC0415 - as in `yaml_in`

    bindings = parse_stream(io.StringIO(_text(file, {})))
    text = "".join(binding.original.string for binding in bindings if not binding.error)
    return f"{text}\n" if text and not text.endswith("\n") else text


def git_root(context: Context) -> Path | None:
    """The work tree of the files that Aider is given, else of the folder."""
    here = _work_tree(context.cwd)
    roots = {_work_tree(context.cwd / word) for word in _named_files(context)} - {None}
    return roots.pop() if len(roots) == 1 else here


def without(args: Sequence[str], *options: str) -> tuple[str, ...]:
    """The command line without these options."""
    return tuple(word for words, option, _ in _sorted_out(args) if option not in options for word in words)


def yaml_in(file: Path) -> Any:
    """The content of a YAML file; None where it cannot be read."""
    from ruamel.yaml import YAML  # noqa: PLC0415 - for this agent's files alone: other sessions start without it
    from ruamel.yaml.constructor import SafeConstructor  # noqa: PLC0415
    from ruamel.yaml.error import YAMLError  # noqa: PLC0415

    reader = YAML(typ="safe", pure=True)
    # As Aider's own parser (PyYAML): `yes` and `off` are truth values, and of two equal keys the last one holds.
    reader.version = "1.1"
    reader.Constructor = type("LastKeyHolds", (SafeConstructor,), {"check_mapping_key": lambda *_: True})
    try:
        return reader.load(_text(file, {}))
    except (YAMLError, ValueError):  # ValueError: a date that is none
        return None


def _settings(
    args: Sequence[str],
    env: Mapping[str, str],
    confs: Sequence[tuple[str, Mapping[str, Any]]],
    sources: Mapping[str, str] | None = None,
) -> dict[str, Setting]:
    """Every setting from the strongest layer that has it.

    As in Aider's parser (ConfigArgParse 1.7.1), a layer becomes words of one long command line, unless it has an option
    that stands there, spelt in full, already: in front of the others, or behind them where the layer has a list.
    """
    pairs = [(option, value, f"--{option}") for _, option, value in _sorted_out(args) if option]
    present = {word.partition("=")[0] for word in args}
    for layer in (_variables(env, sources or {}), *(_entries(*conf) for conf in confs)):
        new = [(option, setting) for option, setting in layer if f"--{option}" not in present]
        words = [(option, value, setting.source) for option, setting in new for value in setting.values]
        has_list = any(option in _LISTS for option, _ in new)
        pairs = [*pairs, *words] if has_list else [*words, *pairs]
        present |= {f"--{option}" for option, _, _ in words}
    found: dict[str, Setting] = {}
    for option, value, source in pairs:
        before = found[option].values if option in found and option in _LISTS else ()
        found[option] = Setting((*before, value), source)
    return found


def _variables(env: Mapping[str, str], sources: Mapping[str, str]) -> Iterator[tuple[str, Setting]]:
    for option in (*_SHORTEST, *_LISTS):
        variable = f"AIDER_{option}".replace("-", "_").upper()
        if variable in env and option != "config":
            values = _listed(env[variable]) if option in _LISTS else (env[variable],)
            yield option, Setting(values, f"{variable} in {sources[variable]}" if variable in sources else variable)


def _entries(file: str, content: Mapping[str, Any]) -> Iterator[tuple[str, Setting]]:
    for option in (*_SHORTEST, *_LISTS):
        value = content.get(option, content.get(f"--{option}"))
        if value is not None and option != "config":
            values = tuple(map(str, value)) if isinstance(value, list) else (str(value),)
            yield option, Setting(values, f"{option} in {file}")


def _listed(text: str) -> tuple[str, ...]:
    """A variable that stands for a list: JSON, `[a, b]`, or one value."""
    if not (text.startswith("[") and text.endswith("]")):
        return (text,)
    try:
        return tuple(map(str, json.loads(text)))
    except ValueError:
        return tuple(part.strip() for part in text[1:-1].split(","))


def _sorted_out(args: Sequence[str]) -> Iterator[Words]:
    """The command line, each option that counts here with its value."""
    words = iter(args)
    for word in words:
        if word == "--":
            yield (word, *words), "", ""
            return
        name, equals, value = word.partition("=")
        if word.startswith(_CONFIG_LETTER) and not word.startswith("--") and len(word) > len(_CONFIG_LETTER):
            yield (word,), "config", word[len(_CONFIG_LETTER) :].removeprefix("=")
            continue
        option = "config" if word == _CONFIG_LETTER else _option(name)
        if not option or equals:
            yield (word,), option, value
            continue
        following = next(words, None)
        yield (word,) if following is None else (word, following), option, following or ""


def _option(name: str) -> str:
    return next(
        (
            option
            for option, shortest in (*_SHORTEST.items(), *_LISTS.items())
            if shortest and name.startswith(shortest) and f"--{option}".startswith(name)
        ),
        "",
    )


def _named_files(context: Context) -> Iterator[str]:
    """The words that may name files to edit."""
    others = [words for words, option, _ in _sorted_out(context.args) if not option]
    flat = list(itertools.chain.from_iterable(others))
    for before, word in zip(["", *flat], flat, strict=False):
        if not word.startswith("-") and before not in _READ_FLAGS:
            yield word


def _work_tree(path: Path) -> Path | None:
    """The nearest folder around a file, or where it would be, that has a `.git`."""
    start = Path(os.path.realpath(path))
    if not os.path.exists(start):  # noqa: PTH110 - a word may be no possible name, which only this takes for an answer
        start = start.parent
    return next((folder for folder in (start, *start.parents) if _has_repository(folder)), None)


def _has_repository(folder: Path) -> bool:
    """Whether it has a `.git` that is one: a repository, or the file that names one elsewhere."""
    git = folder / ".git"
    return os.path.isfile(git) or os.path.isfile(git / "HEAD")  # noqa: PTH113 - as above


def _confs(context: Context, root: Path | None) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The configuration files, the strongest first."""
    told = [value for _, option, value in _sorted_out(context.args) if option == "config"]
    files = [*_search_path(CONF_FILE, context, root, "")]
    if told:
        home = str(context.home)
        files.append(context.cwd / (home + told[-1][1:] if told[-1].startswith("~/") else told[-1]))
    for file in reversed(files):
        content = yaml_in(file)
        if isinstance(content, dict):
            yield str(file), content


def _search_path(name: str, context: Context, root: Path | None, told: str) -> tuple[Path, ...]:
    """Home, git root, folder, and what was told, the strongest last and each once."""
    folders = (context.home, root, context.cwd)
    named = [*(folder / name for folder in folders if folder), *([context.cwd / told] if told else [])]
    resolved = [Path(os.path.realpath(file)) for file in named]
    return tuple(reversed(dict.fromkeys(reversed(resolved))))


def _dotenv(text: str, env: Mapping[str, str]) -> dict[str, str]:
    """What a `.env` sets in this environment, by python-dotenv's own grammar and substitution."""
    from dotenv.parser import parse_stream  # noqa: PLC0415 - as in `yaml_in`
    from dotenv.variables import parse_variables  # noqa: PLC0415

    found: dict[str, str] = {}
    for binding in parse_stream(io.StringIO(text)):
        if binding.key is not None and binding.value is not None:
            scope = {**env, **found}
            found[binding.key] = "".join(atom.resolve(scope) for atom in parse_variables(binding.value))
    return found


def _text(file: Path, written: Mapping[Path, str]) -> str:
    if file in written:
        return written[file]
    try:
        # Others than plain files, a password manager's pipe for one, are not ours to drain.
        return file.read_text(encoding="utf-8") if file.is_file() else ""
    except (OSError, UnicodeDecodeError):
        return ""
