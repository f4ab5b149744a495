"""A result that stands earlier in the request becomes a reference to it; one that nearly does, its difference."""

from __future__ import annotations

from headroom_wrap.compression import markers
from headroom_wrap.compression.differences import difference
from headroom_wrap.compression.model import Profile, Slot

_MAX_NAME_CHARS = 120
_TELLING_ARGUMENTS = ("command", "cmd", "file_path", "filePath", "path", "pattern", "query", "url")
_IDLE_ARGUMENTS = frozenset({"description", "timeout", "timeout_seconds", "timeout_ms", "yield_time_ms"})
"""They do not change what a call prints."""
_DIFFERENCE_MIN_CHARS = 1500


def refer(text: str, earlier: Slot, original_id: str, profile: Profile) -> str:
    """The line that replaces `text`, naming the call whose result says the same."""
    n_lines = text.count("\n") + (not text.endswith("\n"))
    return markers.reference(original_id, _name(earlier), n_lines, profile)


def refer_with_difference(slot: Slot, earlier: Slot, original_id: str, profile: Profile) -> str | None:
    """`slot`'s text as what tells it from the result of the same call earlier on; None where that is no gain."""
    if len(slot.text) < _DIFFERENCE_MIN_CHARS:
        return None
    found = difference(slot.text, earlier.text)
    if found is None or not found.n_same:
        return None
    head = markers.difference(original_id, _name(earlier), found.n_same, found.total, profile)
    return "\n".join([head, *found.lines])


def call_key(slot: Slot) -> tuple[str, frozenset[tuple[str, str]]]:
    """What is equal where `is_same_call`: the tool, and of its arguments those that are texts."""
    texts = {
        (name, value)
        for name, value in slot.tool_input.items()
        if isinstance(value, str) and name not in _IDLE_ARGUMENTS
    }
    return slot.tool_name, frozenset(texts)


def is_same_call(slot: Slot, other: Slot) -> bool:
    """Whether two results are of calls of the same tool with the same arguments."""
    if slot.tool_name != other.tool_name or not slot.tool_name or not slot.tool_input:
        return False
    names = (slot.tool_input.keys() | other.tool_input.keys()) - _IDLE_ARGUMENTS
    return all(slot.tool_input.get(name) == other.tool_input.get(name) for name in names)


def _name(slot: Slot) -> str:
    telling = next((slot.tool_input[key] for key in _TELLING_ARGUMENTS if key in slot.tool_input), None)
    tool = slot.tool_name or "the same tool"
    if not isinstance(telling, str):
        return tool
    words = " ".join(telling.split())
    return f"{tool} ({words if len(words) <= _MAX_NAME_CHARS else words[:_MAX_NAME_CHARS] + '…'})"
