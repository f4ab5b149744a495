"""The operating system's keyring, asked with a time limit: a locked one may wait for a person for ever."""

from __future__ import annotations

import importlib
import queue
import threading
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

TIMEOUT_S = 30.0
"""Long enough for a person to unlock it in the window that it opens."""

T = TypeVar("T")


class NoKeyringError(Exception):
    """There is no keyring on this machine that could be asked."""


class KeyringLockedError(Exception):
    """There is a keyring, and it did not answer: locked, refused, or broken. The text says which."""


class Keyring(Protocol):
    """What is asked of a keyring; each call raises `NoKeyringError` or `KeyringLockedError`."""

    def get(self, service: str, account: str) -> str | None:
        """The secret, or None."""

    def find(self, service: str) -> str | None:
        """The secret of any account of that service, or None; None too where the keyring cannot search."""

    def set(self, service: str, account: str, secret: str) -> None:
        """Keep a secret."""

    def delete(self, service: str, account: str) -> None:
        """Remove a secret; one that is not there is no error."""


class SystemKeyring:
    """Implements `Keyring` with the library `keyring`, which is imported at the first call."""

    def __init__(self, timeout_s: float = TIMEOUT_S) -> None:
        self._timeout_s = timeout_s

    def get(self, service: str, account: str) -> str | None:
        """See `Keyring.get`."""
        found: str | None = self._ask(lambda keyring: keyring.get_password(service, account))
        return found

    def find(self, service: str) -> str | None:
        """See `Keyring.find`."""
        found = self._ask(lambda keyring: keyring.get_credential(service, None))
        return None if found is None else found.password

    def set(self, service: str, account: str, secret: str) -> None:
        """See `Keyring.set`."""
        self._ask(lambda keyring: keyring.set_password(service, account, secret))

    def delete(self, service: str, account: str) -> None:
        """See `Keyring.delete`."""

        def remove(keyring: Any) -> None:
            # Backends differ in how they refuse to delete what is not there.
            if keyring.get_password(service, account) is not None:
                keyring.delete_password(service, account)

        self._ask(remove)

    def _ask(self, question: Callable[[Any], T]) -> T:
        # A daemon thread: one that hangs must not keep the process alive.
        answers: queue.Queue[tuple[T | None, str, bool]] = queue.Queue()
        threading.Thread(target=_answer, args=(question, answers), name="keyring", daemon=True).start()
        try:
            answer, problem, is_there = answers.get(timeout=self._timeout_s)
        except queue.Empty:
            raise KeyringLockedError(f"it did not answer within {self._timeout_s:.0f} s") from None
        if not is_there:
            raise NoKeyringError(problem)
        if problem:
            raise KeyringLockedError(problem)
        return answer  # type: ignore[return-value]  # None only where the question gives None


def _answer(question: Callable[[Any], T], answers: queue.Queue[tuple[T | None, str, bool]]) -> None:
    """Put the answer, or what was wrong in words of the error's class alone: its text may hold the secret."""
    keyring = importlib.import_module("keyring")
    errors = importlib.import_module("keyring.errors")
    try:
        answers.put((question(keyring), "", True))
    except errors.NoKeyringError:
        answers.put((None, "no backend", False))
    except errors.KeyringLocked:
        answers.put((None, "it is locked", True))
    except Exception as error:  # noqa: BLE001 - backends raise what their system's library raises
        answers.put((None, f"it failed ({type(error).__name__})", True))
