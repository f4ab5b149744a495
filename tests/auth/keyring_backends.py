"""Keyrings for real processes, named in PYTHON_KEYRING_BACKEND."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked


class InFile(KeyringBackend):
    """A keyring that works: a file of the test's."""

    priority = 1

    def _all(self) -> dict[str, Any]:
        file = Path(os.environ["TEST_KEYRING_FILE"])
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        return found

    def _keep(self, secrets: dict[str, Any]) -> None:
        Path(os.environ["TEST_KEYRING_FILE"]).write_text(json.dumps(secrets), encoding="utf-8")

    def get_password(self, service: str, username: str) -> str | None:
        return self._all().get(f"{service} {username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        self._keep({**self._all(), f"{service} {username}": password})

    def delete_password(self, service: str, username: str) -> None:
        secrets = self._all()
        del secrets[f"{service} {username}"]
        self._keep(secrets)


class Locked(KeyringBackend):
    """A keyring that nobody unlocks."""

    priority = 1

    def get_password(self, service: str, username: str) -> str | None:
        raise KeyringLocked(f"{service} {username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        raise KeyringLocked(f"{service} {username} {password}")

    def delete_password(self, service: str, username: str) -> None:
        raise KeyringLocked(f"{service} {username}")


class Hanging(KeyringBackend):
    """A keyring that waits for a person who never comes."""

    priority = 1

    def get_password(self, *_asked: str) -> str | None:
        threading.Event().wait()
        return None

    def get_credential(self, *_asked: str | None) -> None:
        threading.Event().wait()

    def set_password(self, *_asked: str) -> None:
        threading.Event().wait()

    def delete_password(self, *_asked: str) -> None:
        threading.Event().wait()
