"""`POST /embeddings` in OpenAI's form: texts that share words get vectors that point the same way.

Form: https://platform.openai.com/docs/api-reference/embeddings.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
import struct
from typing import Any

N_DIMENSIONS = 256

_WORD = re.compile(r"\w+")


def embed(body: bytes) -> dict[str, Any] | None:
    """The answer to a request; None for one that names no text."""
    try:
        request = json.loads(body)
    except ValueError:
        return None
    given = request.get("input") if isinstance(request, dict) else None
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        return None
    is_packed = request.get("encoding_format") == "base64"
    n_dimensions = request.get("dimensions") or N_DIMENSIONS
    data = []
    for index, text in enumerate(texts):
        vector = _vector(text, n_dimensions)
        packed = base64.b64encode(struct.pack(f"<{n_dimensions}f", *vector)).decode()
        data.append({"object": "embedding", "index": index, "embedding": packed if is_packed else vector})
    n_tokens = sum(len(_WORD.findall(text)) for text in texts)
    usage = {"prompt_tokens": n_tokens, "total_tokens": n_tokens}
    return {"object": "list", "data": data, "model": request.get("model", ""), "usage": usage}


def _vector(text: str, n_dimensions: int) -> list[float]:
    vector = [0.0] * n_dimensions
    for word in _WORD.findall(text.lower()):
        vector[int.from_bytes(hashlib.sha256(word.encode()).digest()[:4], "big") % n_dimensions] += 1.0
    length = math.hypot(*vector) or 1.0
    return [value / length for value in vector]
