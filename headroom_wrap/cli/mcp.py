"""`headroom mcp`: the light MCP server, for agents that are not started by `headroom wrap`."""

from __future__ import annotations

import sys

from headroom_wrap.mcp.server import main

HELP = """\
Usage: headroom mcp

  Serve the tool headroom_retrieve over MCP on standard input and output, until the client closes its end.
"""


def command(argv: list[str]) -> int:
    """Run the verb; gives the exit code."""
    if argv:
        sys.stdout.write(HELP)
        return 0 if argv == ["--help"] else 2
    return main()
