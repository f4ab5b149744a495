"""A stdio MCP server with one tool, for the scripted agent's tests. It says on which lines it was asked."""

from __future__ import annotations

import json
import sys

SCHEMA = {"type": "object", "properties": {"id": {"type": "string"}, "lines": {"type": "string"}}}

for line in sys.stdin:
    request = json.loads(line)
    result: dict[str, object] = {}
    if request["method"] == "initialize":
        result = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "t"}}
    elif request["method"] == "tools/list":
        result = {"tools": [{"name": "headroom_retrieve", "description": "d", "inputSchema": SCHEMA}]}
    elif request["method"] == "tools/call":
        said = json.dumps(request["params"]["arguments"])
        result = {"content": [{"type": "text", "text": f"retrieved {said}"}], "isError": False}
    if "id" in request:
        notice = {"jsonrpc": "2.0", "method": "notifications/message", "params": {}}
        answer = {"jsonrpc": "2.0", "id": request["id"], "result": result}
        sys.stdout.write(f"{json.dumps(notice)}\n{json.dumps(answer)}\n")
        sys.stdout.flush()
