"""A result that stands earlier in the request, word for word, becomes a reference to it."""

from __future__ import annotations

from headroom_wrap.compression import markers
from headroom_wrap.compression.model import Profile, Slot

_MAX_NAME_CHARS = 120
_TELLING_ARGUMENTS = ("command", "file_path", "path", "pattern", "query", "url")


def refer(text: str, earlier: Slot, original_id: str, profile: Profile) -> str:
    """The line that replaces `text`, naming the call whose result says the same."""
    n_lines = text.count("\n") + (not text.endswith("\n"))
    return markers.reference(original_id, _name(earlier), n_lines, profile)


def _name(slot: Slot) -> str:
    telling = next((slot.tool_input[key] for key in _TELLING_ARGUMENTS if key in slot.tool_input), None)
    tool = slot.tool_name or "the same tool"
    if not isinstance(telling, str):
        return tool
    words = " ".join(telling.split())
    return f"{tool} ({words if len(words) <= _MAX_NAME_CHARS else words[:_MAX_NAME_CHARS] + '…'})"
