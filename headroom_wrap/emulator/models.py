"""`GET /models` in the dialects that clients expect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ANTHROPIC_MODELS = ("claude-opus-4-8", "claude-sonnet-5", "claude-haiku-4-5")
OPENAI_MODELS = ("gpt-6.1-sol", "gpt-5.5", "gpt-5-mini")
COPILOT_MODELS: Mapping[str, tuple[str, ...]] = {
    "gpt-4o": ("/chat/completions",),
    "gpt-5-mini": ("/responses",),
    "gpt-6.1-sol": ("ws:/responses", "/responses"),
    "claude-sonnet-5": ("/v1/messages", "/chat/completions"),
}
"""Copilot's models, and where each is served."""
_CREATED = "2026-01-01T00:00:00Z"


def model_list(headers: Mapping[str, str], query: Mapping[str, str]) -> dict[str, Any]:
    """The list of models: Codex's (it sends `client_version`), Anthropic's or Copilot's (by a header), or OpenAI's."""
    if "client_version" in query:
        return {"models": []}
    if "copilot-integration-id" in headers:
        return {"data": [_copilot_model(name, endpoints) for name, endpoints in COPILOT_MODELS.items()]}
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


def _copilot_model(name: str, endpoints: tuple[str, ...]) -> dict[str, Any]:
    limits = {"max_context_window_tokens": 264_000, "max_prompt_tokens": 200_000, "max_output_tokens": 64_000}
    supports = {"streaming": True, "tool_calls": True, "parallel_tool_calls": True, "vision": False}
    capabilities = {"family": name, "type": "chat", "tokenizer": "o200k_base", "limits": limits, "supports": supports}
    return {
        "id": name,
        "name": name,
        "object": "model",
        "vendor": "emulator",
        "version": name,
        "preview": False,
        "model_picker_enabled": True,
        "policy": {"state": "enabled", "terms": ""},
        "supported_endpoints": list(endpoints),
        "capabilities": capabilities,
    }
