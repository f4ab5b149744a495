"""A wrapper in small: `driver.py OPTIONS -- CHILD...` supervises a child with a listening socket in a thread.

Everything a session has is here: a directory with a journaled edit, a port, the guard. `state.json` in the folder says
what the tests must know.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path

from headroom_wrap.wrap import sessions
from headroom_wrap.wrap.child import ChildExit, ChildSpec, reraise
from headroom_wrap.wrap.guard import Guard
from headroom_wrap.wrap.journal import Transaction
from headroom_wrap.wrap.supervise import Pace, supervise


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--tick", type=float, default=0.1)
    parser.add_argument("--grace", type=float, default=1.5)
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--fail-at-tick", type=int, default=0)
    parser.add_argument("--dies-untold", action="store_true")
    parser.add_argument("child", nargs="+")
    return parser.parse_args()


def open_descriptors() -> list[str]:
    return sorted(entry.name for entry in Path("/dev/fd").iterdir())


def answer(listener: socket.socket) -> None:
    while True:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"alive\n")


def die_once_the_child_runs(folder: Path) -> None:
    """Be killed between the child's start and the word of it to the guard."""

    def tell(self: Guard, **facts: object) -> None:  # noqa: ARG001 - as what it stands for
        while not (folder / "child").exists():
            time.sleep(0.005)
        os.kill(os.getpid(), signal.SIGKILL)

    Guard.tell = tell  # type: ignore[method-assign]


def run_once(args: argparse.Namespace, port: int) -> ChildExit:
    session = sessions.create(args.home, "test", port)
    with Transaction(session.directory) as transaction:
        transaction.write(args.folder / "config.toml", b"edited\n")
    state = {"wrapper": os.getpid(), "port": port, "session": session.record.id, "directory": str(session.directory)}
    temporary = args.folder / ".state"
    temporary.write_text(json.dumps(state), encoding="utf-8")
    temporary.rename(args.folder / "state.json")
    ticks = 0

    def on_tick() -> None:
        nonlocal ticks
        ticks += 1
        if ticks == args.fail_at_tick:
            message = "a bug of ours"
            raise RuntimeError(message)

    def clean_up() -> None:
        removed = sessions.remove(session)
        assert removed.conflicts == ()
        assert removed.broken == ""

    return supervise(
        ChildSpec(tuple(args.child), {**os.environ, sessions.SESSION_VARIABLE: session.record.id}),
        on_tick=on_tick,
        session=session,
        clean_up=clean_up,
        pace=Pace(args.tick, args.grace),
    )


def main() -> int:
    args = options()
    if args.dies_untold:
        die_once_the_child_runs(args.folder)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=answer, args=(listener,), daemon=True).start()
        for turn in range(args.repeat):
            ended = run_once(args, listener.getsockname()[1])
            if turn == 0:
                open_before = open_descriptors()
        if args.repeat > 1:
            open_after = open_descriptors()
            (args.folder / "leaks").write_text(json.dumps([open_before, open_after]), encoding="utf-8")
        return reraise(ended)


if __name__ == "__main__":
    sys.exit(main())
