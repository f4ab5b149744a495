"""Where a token of GitHub's for Copilot may be found, and in which order the places are looked at."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headroom_wrap.auth.hosts import GITHUB
from headroom_wrap.auth.keyrings import Keyring, KeyringLockedError, NoKeyringError
from headroom_wrap.auth.storage import Vault
from headroom_wrap.auth.token_class import TokenClass, class_of
from headroom_wrap.errors import Code, HeadroomError

OWN = "headroom copilot-auth"
COPILOT_VARIABLES = ("GITHUB_COPILOT_TOKEN", "GITHUB_COPILOT_GITHUB_TOKEN", "COPILOT_GITHUB_TOKEN")
GITHUB_VARIABLES = ("GH_TOKEN", "GITHUB_TOKEN")
ENTERPRISE_VARIABLES = ("GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN")
"""What `gh` takes in place of the two above for a server that is neither github.com nor of ghe.com."""
SESSION_KEY_VARIABLE = "HEADROOM_SESSION_KEY"
CLI_SERVICE = "copilot-cli"

_GH_TIMEOUT_S = 5.0
_TENANTS = ".ghe.com"

Run = Callable[[Sequence[str], Mapping[str, str]], str]
"""Runs a program with an environment and gives its output; empty if it failed or is not there."""


@dataclass(frozen=True, slots=True)
class Found:
    """A token, where it was found, whose it is if that is known, and where it is kept, for people."""

    token: str = field(repr=False)
    source: str
    login: str = ""
    where: str = ""

    @property
    def token_class(self) -> TokenClass:
        """The class of the token."""
        return class_of(self.token)


@dataclass(frozen=True, slots=True)
class Places:
    """Everything that is looked at.

    Attributes:
        env, home: of the user.
        domain: only tokens for it are taken: one of github.com is never sent to an enterprise, nor the other way round.
        vault: our own sign-ins.
        keyring: for the sign-ins of Copilot CLI; None where it is not to be asked (containers, CI).
        run: for `gh`.
    """

    env: Mapping[str, str]
    home: Path
    domain: str
    vault: Vault
    keyring: Keyring | None
    run: Run


@dataclass(frozen=True, slots=True)
class Discovery:
    """What was found: the token in use, if any, and what was passed over, in words."""

    found: Found | None
    passed_over: tuple[str, ...] = ()
    locked: HeadroomError | None = None


def discover(places: Places) -> Discovery:
    """The first token that Copilot may take. Asks keyring and programs: up to some seconds, never on an event loop."""
    passed_over: list[str] = []
    locked: HeadroomError | None = None
    for look in _order(places):
        try:
            for found in look(places):
                if found.token_class.way is not None:
                    return Discovery(found, tuple(passed_over), locked)
                passed_over.append(f"{found.source}: {found.token_class.name}, which Copilot never takes")
        except HeadroomError as error:  # noqa: PERF203 - five places, and each may fail by itself
            locked = error
            passed_over.append(f"{OWN}: {error.message}")
        except KeyringLockedError as error:
            passed_over.append(f"keychain of Copilot CLI: {error}")
    return Discovery(None, tuple(passed_over), locked)


def missing(discovery: Discovery) -> HeadroomError:
    """The error for a discovery that found nothing."""
    if discovery.locked is not None:
        return discovery.locked
    seen = f" Passed over: {'; '.join(discovery.passed_over)}." if discovery.passed_over else ""
    return HeadroomError(
        Code.AUTH_REQUIRED,
        f"Nobody is signed in to GitHub Copilot here.{seen}",
        "Sign in with: headroom copilot-auth login, or set GITHUB_COPILOT_TOKEN.",
    )


def run_program(words: Sequence[str], env: Mapping[str, str]) -> str:
    """See `Run`."""
    try:
        done = subprocess.run(
            list(words), env=dict(env), stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=_GH_TIMEOUT_S, check=True,
        )  # fmt: skip
    except (OSError, ValueError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def _order(places: Places) -> list[Callable[[Places], Iterator[Found]]]:
    """Our own sign-in first; where the keyring is not asked, an explicit variable comes before it."""
    own_first = (_own, _variables) if places.keyring is not None else (_variables, _own)
    return [*own_first, _editor_files, _cli_keychain, _gh]


def _own(places: Places) -> Iterator[Found]:
    kept = places.vault.load(places.domain)
    if kept:
        yield Found(kept.sign_in.token, OWN, kept.sign_in.login, kept.where)


def _variables(places: Places) -> Iterator[Found]:
    env = places.env
    is_github = places.domain == GITHUB or places.domain.endswith(_TENANTS)
    # A session's key that stands in such a slot, for the agent in it, is no token of GitHub's.
    key = env.get(SESSION_KEY_VARIABLE) or None
    for name in (*COPILOT_VARIABLES, *(GITHUB_VARIABLES if is_github else ENTERPRISE_VARIABLES)):
        token = env.get(name, "").strip()
        if token and (key is None or key not in token):
            yield Found(token, name, where="environment")


def _editor_files(places: Places) -> Iterator[Found]:
    """What editors keep: `hosts.json` by host, `apps.json` by host and client id."""
    local = places.env.get("LOCALAPPDATA")
    base = Path(local) if local else Path(places.env.get("XDG_CONFIG_HOME") or places.home / ".config")
    for name in ("hosts.json", "apps.json"):
        file = base / "github-copilot" / name
        for key, entry in _json_object(file).items():
            token = entry.get("oauth_token") if isinstance(entry, dict) else None
            if isinstance(token, str) and token and key.partition(":")[0].lower() == places.domain:
                login = entry.get("user")
                yield Found(token, str(file), login if isinstance(login, str) else "", str(file))


def _cli_keychain(places: Places) -> Iterator[Found]:
    """What Copilot CLI keeps: under the account's name where its settings tell it, else whatever stands there."""
    if places.keyring is None:
        return
    config = Path(places.env.get("COPILOT_HOME") or places.home / ".copilot") / "config.json"
    last = _json_object(config).get("lastLoggedInUser")
    login, host = (last.get("login"), last.get("host")) if isinstance(last, dict) else (None, None)
    try:
        if isinstance(login, str) and login and _host_of(host) == places.domain:
            token = places.keyring.get(CLI_SERVICE, f"https://{places.domain}:{login}")
            if token:
                yield Found(token, "keychain of Copilot CLI", login, "keyring")
        # Without a name nobody knows for which host the token is: then it is github.com's, or not taken.
        token = places.keyring.find(CLI_SERVICE) if places.domain == GITHUB and _host_of(host) == GITHUB else None
    except NoKeyringError:
        return
    if token:
        yield Found(token, "keychain of Copilot CLI", where="keyring")


def _gh(places: Places) -> Iterator[Found]:
    token = places.run(("gh", "auth", "token", "--hostname", places.domain), places.env)
    if token and not any(map(str.isspace, token)):
        yield Found(token, "gh auth token", where="gh")


def _host_of(host: Any) -> str:
    return host.removeprefix("https://").strip("/").lower() if isinstance(host, str) else GITHUB


def _json_object(file: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
