"""`python -m headroom_wrap.emulator --port 0`: serve until killed; the first line printed is the URL."""

from __future__ import annotations

import argparse
import signal
import threading

from headroom_wrap.emulator.provider import Options
from headroom_wrap.emulator.server import EmulatedProvider


def main() -> int:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m headroom_wrap.emulator", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--coding", choices=("", "gzip", "zstd", "br"), default="", help="content coding of answers")
    parser.add_argument("--minimum-tokens", type=int, help="shortest prefix that is cached, for every model")
    given = parser.parse_args()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with EmulatedProvider(given.port, Options(given.coding, given.minimum_tokens)) as provider:
        print(provider.url, flush=True)  # noqa: T201
        stop.wait()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
