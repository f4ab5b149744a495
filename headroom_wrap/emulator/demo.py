"""The demo: what the scripted agent is asked, about which log, and how it is started."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from headroom_wrap.emulator.recording import RecordedRequest

LOG_FILE = Path(__file__).parent / "data" / "demo.log"
NEEDLE = "FATAL"
API_KEY = "sk-ant-demo-no-key-needed"


@dataclass(frozen=True, slots=True)
class AgentStart:
    """How to start the scripted agent.

    Attributes:
        args: its arguments, behind the program and what a session adds.
        env: what it needs in its environment, over the caller's own.
        folder: the folder to start it in.
    """

    args: tuple[str, ...]
    env: Mapping[str, str]
    folder: Path


def fatal_line() -> str:
    """The one line of the log that matters."""
    return next(line for line in LOG_FILE.read_text(encoding="utf-8").splitlines() if NEEDLE in line)


def prompt(log_file: Path = LOG_FILE) -> str:
    """What the agent is asked; the directives are what the emulated model does about it."""
    read = json.dumps({"command": f"cat {shlex.quote(str(log_file))}"})
    return "\n".join(
        (
            "The ledger stopped taking entries last night. Find the cause in the log, and quote it.",
            f"[[tool Bash {read}]]",
            f"[[retrieve before {NEEDLE}]]",
            f"[[find {NEEDLE}]]",
        )
    )


def agent_start(provider_url: str, folder: Path) -> AgentStart:
    """How to start the scripted agent on the demo.

    Args:
        provider_url: the emulated provider, as if the user had configured it.
        folder: an empty folder to run in, so that settings of the user's own do not take part.
    """
    return AgentStart(
        args=("-p", prompt()),
        env={
            "ANTHROPIC_BASE_URL": provider_url,
            "ANTHROPIC_API_KEY": API_KEY,
            "ANTHROPIC_AUTH_TOKEN": "",
            "ANTHROPIC_CUSTOM_HEADERS": "",
            "CLAUDE_CODE_OAUTH_TOKEN": "",
            "CLAUDE_CONFIG_DIR": str(folder),
        },
        folder=folder,
    )


def as_the_model_read_it(requests: Sequence[RecordedRequest]) -> list[str]:
    """The lines of the log as they stood in the last request, after whatever was done to them on the way."""
    messages = requests[-1].json["messages"] if requests else []
    for message in messages:
        for block in message["content"] if isinstance(message["content"], list) else ():
            if block.get("type") == "tool_result":
                return str(block["content"]).splitlines()
    return []
