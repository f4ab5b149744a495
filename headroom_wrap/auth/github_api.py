"""The credential for GitHub's own REST API, which Copilot CLI asks about the account: the sign-in as it is."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from headroom_wrap.auth.copilot import FOLDER, Effects
from headroom_wrap.auth.discovery import Found, Places, discover, missing
from headroom_wrap.auth.grant import Grant
from headroom_wrap.auth.hosts import hosts_from
from headroom_wrap.auth.storage import Vault, is_unattended


class GitHubCredential:
    """Gives grants for the REST API of the GitHub at which the user is signed in; arguments as `CopilotCredential`'s.

    Raises:
        HeadroomError: `BAD_SETTING` for an unusable domain.
    """

    def __init__(self, env: Mapping[str, str], home: Path, data: Path, *, effects: Effects | None = None) -> None:
        effects = effects or Effects()
        self._hosts = hosts_from(env)
        keyring = None if is_unattended(env, effects.root) else effects.keyring
        self._places = Places(env, home, self._hosts.domain, Vault(data / FOLDER, keyring), keyring, effects.run)
        self._found: Found | None = None

    async def grant(self) -> Grant:
        """What a call carries.

        Raises:
            HeadroomError: `AUTH_REQUIRED` where nobody is signed in.
        """
        return self._grant(self._found or await self._look())

    async def renew(self, spent: Grant) -> Grant:  # noqa: ARG002 - what is refused is not renewed, but may have been replaced
        """The sign-in that there is now; raises as `grant`."""
        return self._grant(await self._look())

    async def _look(self) -> Found:
        discovery = await asyncio.to_thread(discover, self._places)
        if discovery.found is None:
            raise missing(discovery)
        self._found = discovery.found
        return discovery.found

    def _grant(self, found: Found) -> Grant:
        return Grant(self._hosts.reached(self._hosts.api), ((b"authorization", b"token " + found.token.encode()),))
