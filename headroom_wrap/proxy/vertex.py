"""Google's hosts for models of Anthropic on Vertex AI."""

from __future__ import annotations

VERTEX_URL = "https://aiplatform.googleapis.com"
"""Google's host for Vertex AI. It serves the location `global`; others have hosts of their own, see `vertex_url`."""

_VERTEX_MULTI_REGIONS = frozenset({"us", "eu"})


def vertex_url(location: str) -> str:
    """Google's host for a location (https://cloud.google.com/vertex-ai/docs/general/locations)."""
    if location == "global":
        return VERTEX_URL
    if location in _VERTEX_MULTI_REGIONS:
        return f"https://aiplatform.{location}.rep.googleapis.com"
    return f"https://{location}-aiplatform.googleapis.com"
