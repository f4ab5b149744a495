"""A user's machine with an emulated GitHub, a clock that is turned by hand, and a keyring in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from headroom_wrap.auth.copilot import CopilotCredential, Effects
from headroom_wrap.auth.hosts import EMULATED_VARIABLE
from headroom_wrap.auth.http import Answer, NoAnswerError, Request, Transport
from headroom_wrap.auth.keyrings import KeyringLockedError, NoKeyringError
from headroom_wrap.emulator.github import EmulatedGitHub


class Clock:
    """Unix time that only moves when it is told to; what sleeps moves it."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class MemoryKeyring:
    """A keyring: there, locked, or none."""

    def __init__(self, state: str = "there") -> None:
        self.state = state
        self.secrets: dict[tuple[str, str], str] = {}
        self.n_asked = 0

    def _look(self) -> None:
        self.n_asked += 1
        if self.state == "none":
            raise NoKeyringError("no backend")
        if self.state == "locked":
            raise KeyringLockedError("it is locked")

    def get(self, service: str, account: str) -> str | None:
        self._look()
        return self.secrets.get((service, account))

    def find(self, service: str) -> str | None:
        self._look()
        return next((secret for (name, _), secret in self.secrets.items() if name == service), None)

    def set(self, service: str, account: str, secret: str) -> None:
        self._look()
        self.secrets[service, account] = secret

    def delete(self, service: str, account: str) -> None:
        self._look()
        self.secrets.pop((service, account), None)


def no_program(_words: Sequence[str], _env: Mapping[str, str]) -> str:
    return ""


@dataclass
class User:
    """One user; `credential()` is a process of theirs."""

    root: Path
    github: EmulatedGitHub
    clock: Clock
    keyring: MemoryKeyring = field(default_factory=MemoryKeyring)
    env: dict[str, str] = field(default_factory=dict)
    transport: Transport | None = None

    @property
    def data(self) -> Path:
        return self.root / "data"

    def credential(self, copilot_url: str = "", root: str = "no-container") -> CopilotCredential:
        effects = Effects(self.transport, self.clock, self.clock.sleep, self.keyring, no_program, self.root / root)
        env = {EMULATED_VARIABLE: self.github.url, **self.env}
        return CopilotCredential(env, self.root / "home", self.data, copilot_url=copilot_url, effects=effects)


def broken(n_times: int, then: Transport) -> Transport:
    """A network that fails so often, then works."""
    left = [n_times]

    async def carry(request: Request) -> Answer:
        if left[0]:
            left[0] -= 1
            raise NoAnswerError("the line is down")
        return await then(request)

    return carry
