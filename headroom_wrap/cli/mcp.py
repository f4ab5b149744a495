"""`headroom mcp [serve | install | uninstall | status]`: the MCP servers, and setting one up in agents and editors."""

from __future__ import annotations

import sys
from pathlib import Path

from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.mcp.missing import without_sdk
from headroom_wrap.mcp.server import main

HELP = """\
Usage: headroom mcp [VERB] ...

  Serve over MCP on standard input and output, until the client closes its end. Without a verb: the light server that
  sessions start, with headroom_retrieve, and the memory's tools where HEADROOM_MEMORY names a project.

Verbs:
  serve      The full server: compress, retrieve, statistics, memory, resources (extra: headroom-wrap[mcp])
  install    Set the full server up in agents and editors
  uninstall  Undo that
  status     Show where it is set up

  headroom mcp VERB --help tells more.
"""
SERVE_HELP = """\
Usage: headroom mcp serve [--project DIR]

  Serve every tool over MCP on standard input and output, until the client closes its end: headroom_compress,
  headroom_retrieve, headroom_stats, and the memory's four. It needs the extra: pip install 'headroom-wrap[mcp]'

  --project DIR  Any folder of the project whose notes are offered. Unless told, that of the client's first root, or
                 of the folder in which the client starts the server.
"""
VERBS = ("serve", "install", "uninstall", "status")


def command(argv: list[str]) -> int:
    """Run the verb; gives the exit code."""
    if not argv:
        return main()  # a session waits for it: nothing else is imported
    if argv in (["--help"], ["-h"]):
        sys.stdout.write(HELP)
        return 0
    if argv[0] not in VERBS:
        message = f"headroom mcp has no verb {argv[0]!r}; it has {', '.join(VERBS)}."
        raise HeadroomError(Code.BAD_REQUEST, message, "See headroom mcp --help.")
    if argv[0] == "serve":
        return _serve(argv[1:])  # by hand: a client waits for this one, too
    from headroom_wrap.cli import mcp_verbs  # noqa: PLC0415 - typer costs more than the light server

    return mcp_verbs.run(argv)


def _serve(words: list[str]) -> int:
    if words in (["--help"], ["-h"]):
        sys.stdout.write(SERVE_HELP)
        return 0
    project = None
    if words:
        name, has_value, value = words[0].partition("=")
        value = value if has_value else " ".join(words[1:2])
        if name != "--project" or not value or len(words) > (1 if has_value else 2):
            message = f"headroom mcp serve does not take {' '.join(words)}."
            raise HeadroomError(Code.BAD_REQUEST, message, "It takes --project DIR; see headroom mcp serve --help.")
        project = Path(value)
        if not project.is_dir():
            raise HeadroomError(Code.BAD_REQUEST, f"{project} is no folder.", "Give --project a folder of the project.")
    try:
        # Imported here: it comes with the extra.
        from headroom_wrap.mcp import full  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("mcp"):
            raise
        raise without_sdk() from error
    return full.main(project)
