"""`headroom wrap AGENT`: run a coding agent behind a proxy of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headroom_wrap import settings as settings_module
from headroom_wrap.agents import AGENTS, Context, Option, agent_named
from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.wrap.child import require_posix, reraise

_FLAGS = {
    "--dry-run": "dry_run",
    "-v": "verbose",
    "--verbose": "verbose",
    "--no-compress": "no_compress",
    "--cache-breakpoints": "cache_breakpoints",
    "--learn": "learn",
}
_CHOICES = {"--memory": ("memory", "on"), "--no-memory": ("memory", "off")}
INSTALL = "--install"
"""Of agents that have it: what it does stays until `headroom unwrap AGENT`."""
_SHARED_FLAG = "--verbose"
"""Agents have it too (Claude Code's `--output-format stream-json` demands it): behind the agent's name it is theirs."""
_OPTIONS = {
    "--port": "port",
    "--level": "level",
    "--exclude-tool": "exclude_tools",
    "--anthropic-url": "anthropic_url",
    "--openai-url": "openai_url",
    "--chatgpt-url": "chatgpt_url",
    "--copilot-url": "copilot_url",
}

HELP = """\
Usage: headroom wrap [OPTIONS] AGENT [AGENT'S ARGUMENTS]

  Run a coding agent behind a local proxy that compresses what the model reads.
  Options that are not ours go to the agent, and so does everything after a --.

Agents:
{agents}

Options:
  --port PORT           port of the proxy on 127.0.0.1 (default: a free one)
  --level LEVEL         off, safe, balanced (default) or aggressive
  --no-compress         the same as --level off
  --exclude-tool NAME   never touch this tool's results; may be repeated
  --memory, --no-memory share the project's memory with the agent, or not (default: once it has facts)
  --learn               write what this session teaches into CLAUDE.md, AGENTS.md ... when it ends
  --cache-breakpoints   mark prefixes for Anthropic's cache where the agent marks none
  --anthropic-url URL   where Anthropic requests go, without /v1
  --openai-url URL      where OpenAI requests go, with /v1
  --chatgpt-url URL     where Codex goes with a ChatGPT login
  --copilot-url URL     where Copilot CLI goes with a subscription
  --dry-run             print what would be run, with secrets masked
  -v                    say where requests go (--verbose, too, before the agent's name)
  --help                this text (the agent's own: headroom wrap AGENT -- --help)
"""


@dataclass(slots=True)
class Words:
    """The words after `headroom wrap`, sorted into ours and the agent's."""

    agent: str = ""
    args: list[str] = field(default_factory=list)
    flags: dict[str, Any] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)
    wants_help: bool = False


def split(argv: list[str]) -> Words:
    """Sort the words: our options wherever they stand before `--`, the first other word is the agent.

    Raises:
        HeadroomError: `BAD_REQUEST` for an option of ours without its value, or one that is not the agent's.
    """
    words = Words()
    rest = iter(argv)
    for word in rest:
        name, has_value, value = word.partition("=")
        if word == "--":
            # Behind words of the agent's own the `--` is part of its command line, as it was without us.
            words.args += [word, *rest] if words.args else rest
        elif word in _FLAGS and not (word == _SHARED_FLAG and words.agent):
            words.flags[_FLAGS[word]] = True
        elif word in _CHOICES:
            name, value = _CHOICES[word]
            words.flags[name] = value
        elif name in _OPTIONS:
            _add(words.flags, name, value if has_value else next(rest, None))
        elif (option := _own_option(name, words.agent)) is not None:
            words.options[name] = _value(name, value if has_value else next(rest, None)) if option.value else ""
        elif word == "--help":
            words.wants_help = True
        elif words.agent:
            words.args.append(word)
        elif word.startswith("-"):
            message = f"headroom wrap does not know the option {word}, and no agent was named before it."
            raise HeadroomError(Code.BAD_REQUEST, message, f"For the agent's options: headroom wrap AGENT {word}")
        else:
            words.agent = word
    _refuse_options_of_others(words)
    return words


def _refuse_options_of_others(words: Words) -> None:
    for name in words.options:
        if words.agent in AGENTS and _own_option(name, words.agent) is None:
            message = f"{name} is no option for {words.agent}."
            raise HeadroomError(Code.BAD_REQUEST, message, "See headroom wrap --help.")


def _own_option(name: str, agent: str) -> Option | None:
    """The option of this name that the agent has, or any agent while none was named."""
    agents = [AGENTS[agent]] if agent in AGENTS else list(AGENTS.values())
    return next((option for each in agents for option in each.options if option.name == name), None)


def _value(option: str, value: str | None) -> str:
    if value is None:
        raise HeadroomError(Code.BAD_REQUEST, f"The option {option} needs a value.", "See headroom wrap --help.")
    return value


def command(argv: list[str]) -> int:
    """Run the verb; gives the exit code, or dies by the agent's signal."""
    words = split(argv)
    if words.wants_help:
        sys.stdout.write(HELP.format(agents="\n".join(_described())))
        return 0
    if not words.agent:
        raise HeadroomError(Code.BAD_REQUEST, "No agent was named.", "For example: headroom wrap claude")
    require_posix()
    if words.agent == "demo":
        from headroom_wrap.cli.demo import run_demo  # noqa: PLC0415 - the emulator is for the demo alone

        return run_demo(words)
    return run_agent(words, os.environ, Path.cwd())


def run_agent(words: Words, env: Mapping[str, str], cwd: Path) -> int:
    """Run one session; gives the exit code, or dies by the agent's signal."""
    from headroom_wrap.wrap import session  # noqa: PLC0415 - after `require_posix`: it needs what Windows lacks
    from headroom_wrap.wrap.plan import Launch  # noqa: PLC0415

    flags = words.flags
    if flags.get("no_compress"):
        flags["level"] = "off"
    launch = Launch(
        agent_named(words.agent),
        Context(tuple(words.args), dict(env), cwd, Path.home(), words.options),
        settings_module.load(flags, env),
        verbose=bool(flags.get("verbose")),
    )
    if INSTALL in words.options:
        from headroom_wrap.wrap import installed  # noqa: PLC0415 - as above

        installed.install_agent(launch, _say)
        return 0
    if flags.get("dry_run"):
        sys.stdout.write(session.dry_run(launch) + "\n")
        return 0
    return reraise(session.run(launch, _say))


def _described() -> Iterator[str]:
    """A line per agent, and one for each of its own options."""
    for agent in AGENTS.values():
        yield f"  {agent.name:<22}{agent.title}"
        for option in agent.options:
            yield f"    {f'{option.name} {option.value}':<20}{option.help}"


def _add(flags: dict[str, Any], option: str, given: str | None) -> None:
    value = _value(option, given)
    name = _OPTIONS[option]
    if name == "exclude_tools":
        flags.setdefault(name, []).append(value)
    else:
        flags[name] = value


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
