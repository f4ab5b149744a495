"""`headroom mcp [serve | install | uninstall | status]`: the MCP servers, and setting one up in agents and editors."""

from __future__ import annotations

import sys

from headroom_wrap.errors import Code, HeadroomError
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
    from headroom_wrap.cli import mcp_verbs  # noqa: PLC0415 - typer costs more than the light server

    return mcp_verbs.run(argv)
