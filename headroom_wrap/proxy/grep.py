"""Retrieval by a pattern, in a process of its own: a thread cannot stop a regular expression, a process can end."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headroom_wrap.compression.retrieval import retrieve
from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.store import Store

_PROGRAM = """
import sys
sys.path[:] = [*filter(None, sys.path), sys.argv[1]]  # never from the folder in which the session works
from headroom_wrap.proxy.grep import main
main()
"""
_PLACE = str(Path(__file__).absolute().parent.parent.parent)
LIMIT_S = 5.0
"""For the whole process. The pattern alone has `retrieval.GREP_CPU_S`, where the platform can enforce that."""


async def retrieve_apart(store_file: Path, id_: str, part: Mapping[str, Any], limit_s: float = LIMIT_S) -> str:
    """What `retrieval.retrieve` gives for these arguments; the process is gone when this returns or is cancelled.

    Raises:
        HeadroomError: as `retrieve` does; `BAD_REQUEST` where it takes longer than `limit_s`; `PROXY_FAILED`.
    """
    question = json.dumps({"store": str(store_file), "id": id_, "part": dict(part)})
    argv = (sys.executable, "-c", _PROGRAM, _PLACE)
    process = await asyncio.create_subprocess_exec(*argv, stdin=PIPE, stdout=PIPE, stderr=DEVNULL)
    try:
        told, _ = await asyncio.wait_for(process.communicate(question.encode()), limit_s)
        answer = json.loads(told)
    except asyncio.TimeoutError:
        message = f"The pattern {part.get('grep')!r} takes too long on this original."
        raise HeadroomError(Code.BAD_REQUEST, message, "Use a simpler one, without nested repeats.") from None
    except ValueError as error:
        message = "The process that looks for a pattern ended without an answer."
        raise HeadroomError(Code.PROXY_FAILED, message, "Ask again, or without grep.") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if "text" in answer:
        return str(answer["text"])
    raise HeadroomError(Code(answer["code"]), answer["message"], answer["hint"])


def main() -> None:
    """Answer the question on standard input."""
    question = json.load(sys.stdin)
    try:
        store = Store(Path(question["store"]), read_only=True)
        try:
            answer = {"text": retrieve(store, question["id"], **question["part"])}
        finally:
            store.close()
    except HeadroomError as error:
        answer = {"code": error.code.value, "message": error.message, "hint": error.hint}
    json.dump(answer, sys.stdout)
