"""The command `headroom`: finds the verb, loads that verb alone, turns errors into words and exit codes."""

from __future__ import annotations

import difflib
import importlib
import logging
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from headroom_wrap import __version__
from headroom_wrap.errors import HeadroomError

EXIT_ERROR = 2
EXIT_UNEXPECTED = 1
EXIT_INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb of the command.

    Its module has `command`: a typer function, a whole typer application, or, where `is_raw`, a function of its words.
    """

    module: str
    help: str
    is_raw: bool = False


VERBS = {
    "wrap": Verb("wrap", "Run a coding agent behind a compressing proxy: headroom wrap claude", is_raw=True),
    "unwrap": Verb("unwrap", "Undo what headroom wrap AGENT --install has set up"),
    "proxy": Verb("proxy", "Run the proxy by itself, for any client with a base URL"),
    "retrieve": Verb("retrieve", "Print an original, or lines of it, by the id in a marker"),
    "explain": Verb("explain", "Say what was dropped from an original, and why"),
    "compress": Verb("compress", "Compress a file or standard input, as a model would read it"),
    "store": Verb("store", "Show what is stored, or remove it"),
    "copilot-auth": Verb("copilot_auth", "Sign in to GitHub for Copilot: login, status, logout"),
    "memory": Verb("memory", "Show and change what is remembered of a project, for all agents"),
    "learn": Verb("learn", "Find what failed and what worked, and write corrections into CLAUDE.md and AGENTS.md"),
    "doctor": Verb("doctor", "Look whether everything is in order, and say what to do where it is not"),
    "mcp": Verb("mcp", "Serve over MCP, and set that up in agents: serve, install, uninstall, status", is_raw=True),
    "evals": Verb("evals", "Measure what is saved and what stays visible: headroom evals suite --tier 1", is_raw=True),
}

HELP = """\
Usage: headroom [--version] [--help] VERB ...

  Compress what coding agents read, and keep every original.

Verbs:
{verbs}

  headroom VERB --help tells more. A first look, without a key or a network: headroom wrap demo
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; gives the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    # The terminal is the agent's: what libraries would warn about on stderr goes nowhere.
    logging.getLogger().addHandler(logging.NullHandler())
    try:
        return _run(words)
    except HeadroomError as error:
        _complain(f"headroom: {error}")
        return EXIT_ERROR
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the last place where an error can become a sentence
        if os.environ.get("HEADROOM_DEBUG") == "1":
            traceback.print_exc()
        _complain(f"headroom: unexpected {type(error).__name__}: {error}. HEADROOM_DEBUG=1 shows where it came from.")
        return EXIT_UNEXPECTED


def _run(words: list[str]) -> int:
    if not words or words[0] in ("--help", "-h"):
        listed = "\n".join(f"  {name:<14}{verb.help}" for name, verb in VERBS.items())
        sys.stdout.write(HELP.format(verbs=listed))
        return 0 if words else EXIT_ERROR
    if words[0] in ("--version", "-V"):
        sys.stdout.write(f"headroom {__version__}\n")
        return 0
    if words[0] not in VERBS:
        kind = "option" if words[0].startswith("-") else "verb"
        near = "".join(f" Did you mean {name}?" for name in difflib.get_close_matches(words[0], VERBS, 1))
        _complain(f"headroom: there is no {kind} {words[0]!r}.{near} The verbs are: {', '.join(VERBS)}.")
        return EXIT_ERROR
    verb = VERBS[words[0]]
    command = importlib.import_module(f"headroom_wrap.cli.{verb.module}").command
    if verb.is_raw:
        return int(command(words[1:]))
    return _run_typer(command, words)


def _run_typer(command: Callable[..., None], words: list[str]) -> int:
    import typer  # noqa: PLC0415 - verbs with raw words do without it

    app = command
    if not isinstance(app, typer.Typer):
        app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
        app.command()(command)
    try:
        app(words[1:], prog_name=f"headroom {words[0]}")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else EXIT_ERROR
    return 0


def _complain(line: str) -> None:
    sys.stderr.write(line + "\n")
