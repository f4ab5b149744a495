"""Chat Completions as Cursor's backend asks for them: a body in the form of Responses, answered in the form of Chat."""

from __future__ import annotations

import json
from dataclasses import replace

from headroom_wrap.emulator import chat_api, responses_api
from headroom_wrap.emulator.format import Format

FORMAT = replace(chat_api.FORMAT, complaint=responses_api.complaint, dialogue=responses_api.dialogue)


def chosen(of_the_path: Format, body: bytes) -> Format:
    """The format in which a request is read: that of its path, but for Cursor's bodies."""
    if of_the_path is not chat_api.FORMAT:
        return of_the_path
    try:
        request = json.loads(body)
    except ValueError:
        return of_the_path
    return FORMAT if isinstance(request, dict) and "input" in request and "messages" not in request else of_the_path
