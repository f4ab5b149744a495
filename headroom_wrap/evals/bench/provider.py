"""A provider that does next to nothing, for what the emulator's own work would hide: `--port N`, until killed.

It reads the whole request and answers a message whose id tells how many bytes came, or events that carry the time at
which they were written.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MESSAGE: dict[str, Any] = {
    "id": "msg_bench",
    "type": "message",
    "role": "assistant",
    "model": "claude-opus-4-8",
    "content": [{"type": "text", "text": "Done."}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 10, "output_tokens": 2},
}
N_EVENTS = 200
BETWEEN_EVENTS_S = 0.005


def stream() -> Iterator[bytes]:
    """The events of one answer, the deltas in their time; each says `at=N;`, nanoseconds of the monotonic clock."""
    yield _event("message_start", message={**MESSAGE, "content": [], "stop_reason": None})
    yield _event("content_block_start", index=0, content_block={"type": "text", "text": ""})
    for _ in range(N_EVENTS):
        time.sleep(BETWEEN_EVENTS_S)
        text = f"at={time.monotonic_ns()};"
        yield _event("content_block_delta", index=0, delta={"type": "text_delta", "text": text})
    yield _event("content_block_stop", index=0)
    yield _event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": N_EVENTS})
    yield _event("message_stop")


def _event(kind: str, **data: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **data})}\n\n".encode()


class Handler(BaseHTTPRequestHandler):
    """Answers every POST."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        """Read the request, answer it."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        # Proxies that write the body anew leave the space out.
        if b'"stream": true' in body or b'"stream":true' in body:
            self._begin("text/event-stream", "Transfer-Encoding", "chunked")
            for event in stream():
                self.wfile.write(b"%x\r\n%b\r\n" % (len(event), event))
            self.wfile.write(b"0\r\n\r\n")
        else:
            answer = json.dumps({**MESSAGE, "id": f"msg_{len(body)}_bytes"}).encode()
            self._begin("application/json", "Content-Length", str(len(answer)))
            self.wfile.write(answer)

    def _begin(self, content_type: str, name: str, value: str) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", content_type)
        self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def main() -> int:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    ThreadingHTTPServer(("127.0.0.1", parser.parse_args().port), Handler).serve_forever()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
