"""`headroom mcp`: the light MCP server, for agents that are not started by `headroom wrap`."""

from __future__ import annotations

import sys

from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.mcp.server import main

HELP = """\
Usage: headroom mcp

  Serve the tool headroom_retrieve over MCP on standard input and output, until the client closes its end.
"""


def command(argv: list[str]) -> int:
    """Run the verb; gives the exit code."""
    if argv == ["--help"]:
        sys.stdout.write(HELP)
        return 0
    if argv:
        message = f"headroom mcp takes no arguments, and got {argv[0]}."
        raise HeadroomError(Code.BAD_REQUEST, message, "See headroom mcp --help.")
    return main()
