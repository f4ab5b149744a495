"""Originals as MCP resources, for agents that defer tools but read resources directly (Codex in its classic form)."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from headroom_wrap.errors import Code, HeadroomError

_PARTS = ("lines", "rows", "grep")
TEMPLATE = {
    "uriTemplate": "headroom://original/{id}{?lines,rows,grep}",
    "name": "original",
    "title": "Elided output",
    "description": "Text that Headroom elided from a tool result, word for word; [headroom ID: ...] names the id.",
    "mimeType": "text/plain",
}


def parse_uri(uri: str) -> tuple[str, dict[str, Any]]:
    """The id and the part (`lines`, `rows` or `grep`) that a resource's URI asks for.

    Raises:
        HeadroomError: `BAD_REQUEST` for a URI that is not one of ours.
    """
    parts = urlsplit(uri)
    id_ = unquote(parts.path.strip("/"))
    query = parse_qs(parts.query, keep_blank_values=False)
    if (parts.scheme, parts.netloc) != ("headroom", "original") or not id_ or set(query) - set(_PARTS):
        message = f"There is no resource {uri!r} here."
        raise HeadroomError(Code.BAD_REQUEST, message, f"Ask for {TEMPLATE['uriTemplate']}.")
    return id_, {name: values[-1] for name, values in query.items()}
