"""What is said where the official SDK is not installed: it comes with an extra."""

from __future__ import annotations

from headroom_wrap.errors import Code, HeadroomError


def without_sdk() -> HeadroomError:
    """The error for whoever asks for the full server."""
    message = "The full server needs the official MCP SDK, which is not installed."
    return HeadroomError(Code.BAD_REQUEST, message, "Type: pip install 'headroom-wrap[mcp]'")
