"""Our server among the MCP servers that a client's configuration lists."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

NAME = "headroom"


def is_ours(entry: object) -> bool:
    """Whether an entry starts one of our servers, whatever it is called."""
    if not isinstance(entry, Mapping):
        return False
    command, args = entry.get("command", ""), entry.get("args") or ()
    parts = [command] if isinstance(command, str) else command if isinstance(command, list) else ()
    words = [str(word) for word in (*parts, *(args if isinstance(args, list) else ()))]
    if any("headroom_wrap/mcp" in word.replace("\\", "/") for word in words):
        return True
    programs = [PurePath(word.replace("\\", "/")).stem for word in words]
    return any(
        words[at + 1 : at + 2] == ["mcp"] and program in ("headroom", "headroom_wrap")
        for at, program in enumerate(programs)
    )


def named(servers: Mapping[str, Any]) -> str | None:
    """The name of our server among some: that of an entry which starts it, else `headroom`; None where it is not."""
    return next((name for name, entry in servers.items() if is_ours(entry)), NAME if NAME in servers else None)
