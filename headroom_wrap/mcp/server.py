"""The light server that every session starts: `headroom_retrieve`, the memory's tools, originals as resources.

Its environment: `HEADROOM_HOME`; `HEADROOM_SESSION` and `HEADROOM_AGENT`, to which what is done is counted;
`HEADROOM_MEMORY`, the root of the project whose memory is offered; `HEADROOM_READY_FILE`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from headroom_wrap import paths
from headroom_wrap.mcp.notes import MEMORY_TOOLS
from headroom_wrap.mcp.originals import RETRIEVE
from headroom_wrap.mcp.protocol import Server
from headroom_wrap.mcp.tool import Scene

MEMORY_VARIABLE = "HEADROOM_MEMORY"
AGENT_VARIABLE = "HEADROOM_AGENT"
EMBEDDINGS_VARIABLE = "HEADROOM_EMBEDDINGS"


def make(env: Mapping[str, str]) -> Server:
    """The server that an environment asks for."""
    project = env.get(MEMORY_VARIABLE)
    scene = Scene(
        paths.store_file(paths.home(env)),
        env.get("HEADROOM_SESSION", ""),
        env.get(AGENT_VARIABLE) or "agent",
        Path(project) if project else None,
        env.get(EMBEDDINGS_VARIABLE, ""),
    )
    ready = env.get("HEADROOM_READY_FILE")
    return Server(scene, (RETRIEVE, *(MEMORY_TOOLS if project else ())), Path(ready) if ready else None)


def main() -> int:
    """Serve until the client closes its end; gives the exit code."""
    try:
        make(os.environ).serve(sys.stdin.buffer, sys.stdout.buffer)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # What is still buffered must not be tried again at the interpreter's end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0
