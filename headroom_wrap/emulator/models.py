"""`GET /models` in the three dialects that clients expect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ANTHROPIC_MODELS = ("claude-opus-4-8", "claude-sonnet-5", "claude-haiku-4-5")
OPENAI_MODELS = ("gpt-6.1-sol", "gpt-5.5", "gpt-5-mini")
_CREATED = "2026-01-01T00:00:00Z"


def model_list(headers: Mapping[str, str], query: Mapping[str, str]) -> dict[str, Any]:
    """The list of models: Codex's (it sends `client_version`), Anthropic's (by its version header), or OpenAI's."""
    if "client_version" in query:
        return {"models": []}
    if "anthropic-version" in headers:
        data = [
            {"type": "model", "id": name, "display_name": name, "created_at": _CREATED} for name in ANTHROPIC_MODELS
        ]
        return {"data": data, "has_more": False, "first_id": ANTHROPIC_MODELS[0], "last_id": ANTHROPIC_MODELS[-1]}
    names = (*OPENAI_MODELS, *ANTHROPIC_MODELS)
    return {
        "object": "list",
        "data": [{"id": name, "object": "model", "created": 1767225600, "owned_by": "system"} for name in names],
    }
