"""Where our own sign-in is kept: in the keyring, or, where there is none, in a file that only the user can read."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from headroom_wrap import paths
from headroom_wrap.auth.keyrings import Keyring, KeyringLockedError, NoKeyringError
from headroom_wrap.errors import Code, HeadroomError

SERVICE = "headroom-wrap"
BACKEND_VARIABLE = "PYTHON_KEYRING_BACKEND"
"""Names a backend for the library `keyring`: who sets it wants the keyring asked even in a container."""

_IN_CONTAINER = ("CI", "KUBERNETES_SERVICE_HOST", "container")
_CONTAINER_FILES = (".dockerenv", "run/.containerenv")


@dataclass(frozen=True, slots=True)
class SignIn:
    """A sign-in at GitHub.

    Attributes:
        token: GitHub's own token.
        login: the account's name, empty if it is not known.
        created: Unix time.
    """

    token: str = field(repr=False)
    login: str = ""
    created: float = 0.0


@dataclass(frozen=True, slots=True)
class Kept:
    """A sign-in of ours, and where it is kept, in words."""

    sign_in: SignIn
    where: str


def is_unattended(env: Mapping[str, str], root: Path = Path("/")) -> bool:
    """Whether this is a container or a CI job: the keyring there is nobody's, and is not asked."""
    if env.get(BACKEND_VARIABLE):
        return False
    named = any(env.get(name, "").lower() not in ("", "0", "false") for name in _IN_CONTAINER)
    return named or any((root / file).exists() for file in _CONTAINER_FILES)


class Vault:
    """The sign-ins of this user, one for each domain.

    Args:
        folder: ours, for the file.
        keyring: None where it is not to be asked.
    """

    def __init__(self, folder: Path, keyring: Keyring | None) -> None:
        self._folder = folder
        self._keyring = keyring

    def place(self, domain: str, *, in_file: bool = False) -> tuple[str, str]:
        """Where a new sign-in would be kept, in words, and why it is not the keyring; the reason is empty if it is.

        Raises:
            HeadroomError: `AUTH_FAILED` if the keyring is there and locked.
        """
        if in_file:
            return str(self._file(domain)), "as you asked"
        if self._keyring is None:
            return str(self._file(domain)), "this is a container or a CI job"
        try:
            self._keyring.get(SERVICE, _account(domain))
        except NoKeyringError:
            return str(self._file(domain)), "this machine has no keyring"
        except KeyringLockedError as locked:
            raise _locked(str(locked)) from None
        return "the keyring", ""

    def load(self, domain: str) -> Kept | None:
        """The sign-in for a domain, or None.

        Raises:
            HeadroomError: `AUTH_FAILED` if the keyring is locked and no file has one.
        """
        from_file = self._load_file(domain)
        if self._keyring is None or from_file is not None:
            return from_file
        try:
            text = self._keyring.get(SERVICE, _account(domain))
        except NoKeyringError:
            return None
        except KeyringLockedError as locked:
            raise _locked(str(locked)) from None
        sign_in = _parsed(text)
        return Kept(sign_in, "keyring") if sign_in else None

    def save(self, domain: str, sign_in: SignIn, *, in_file: bool = False) -> Kept:
        """Keep a sign-in, and remove an older one from the other place; gives where it is.

        Raises:
            HeadroomError: `AUTH_FAILED` if the keyring is locked: nothing is written to a file then.
        """
        text = json.dumps({"token": sign_in.token, "login": sign_in.login, "created": sign_in.created})
        if self._keyring is not None and not in_file:
            try:
                self._keyring.set(SERVICE, _account(domain), text)
            except KeyringLockedError as locked:
                raise _locked(str(locked)) from None
            except NoKeyringError:
                pass
            else:
                self._file(domain).unlink(missing_ok=True)
                return Kept(sign_in, "keyring")
        paths.make_private_dir(self._folder)
        write_whole(self._file(domain), text)
        return Kept(sign_in, str(self._file(domain)))

    def remove(self, domain: str) -> list[str]:
        """Forget the sign-in, wherever it is; gives where it was.

        Raises:
            HeadroomError: `AUTH_FAILED` if the keyring is locked; the file is gone then.
        """
        removed = []
        if self._file(domain).exists():
            self._file(domain).unlink(missing_ok=True)
            removed.append(str(self._file(domain)))
        if self._keyring is not None:
            try:
                if self._keyring.get(SERVICE, _account(domain)) is not None:
                    self._keyring.delete(SERVICE, _account(domain))
                    removed.append("keyring")
            except NoKeyringError:
                pass
            except KeyringLockedError as locked:
                raise _locked(str(locked)) from None
        return removed

    def _load_file(self, domain: str) -> Kept | None:
        file = self._file(domain)
        try:
            sign_in = _parsed(file.read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError, UnicodeDecodeError):
            return None
        except OSError as error:
            hint = "Make it readable for you alone, or remove it and sign in again: headroom copilot-auth login."
            raise HeadroomError(Code.AUTH_FAILED, f"{file} cannot be read: {error.strerror}.", hint) from None
        return Kept(sign_in, str(file)) if sign_in else None

    def _file(self, domain: str) -> Path:
        return self._folder / f"sign-in-{domain}.json"


def write_whole(path: Path, text: str) -> None:
    """Write a 0600 file so that a reader sees the old text or the new one, whole."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    paths.write_private(fresh, text)
    fresh.replace(path)


def _account(domain: str) -> str:
    return f"copilot:{domain}"


def _parsed(text: str | None) -> SignIn | None:
    try:
        found = json.loads(text or "")
        return SignIn(str(found["token"]), str(found.get("login", "")), float(found.get("created", 0)))
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _locked(why: str) -> HeadroomError:
    return HeadroomError(
        Code.AUTH_FAILED,
        f"The keyring cannot be used: {why}. Nothing was written elsewhere.",
        "Unlock it and try again, or keep the sign-in in a file of yours: headroom copilot-auth login --file.",
    )
