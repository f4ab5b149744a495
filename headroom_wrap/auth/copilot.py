"""The credential for GitHub Copilot: finds a sign-in, turns it into what calls carry, and renews that in time."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from headroom_wrap.auth import exchange, http, shared
from headroom_wrap.auth.aside import aside
from headroom_wrap.auth.device_flow import DeviceCode
from headroom_wrap.auth.discovery import OWN, Discovery, Found, Places, Run, discover, missing, run_program
from headroom_wrap.auth.exchange import RefusedError
from headroom_wrap.auth.grant import Grant
from headroom_wrap.auth.hosts import Hosts, hosts_from
from headroom_wrap.auth.http import Answer, NoAnswerError, Request, Transport
from headroom_wrap.auth.keyrings import Keyring, SystemKeyring
from headroom_wrap.auth.shared import Shared
from headroom_wrap.auth.sign_in import Flow, Pause, sign_in
from headroom_wrap.auth.storage import Kept, SignIn, Vault, is_unattended
from headroom_wrap.auth.token_class import APP, COPILOT, Way
from headroom_wrap.errors import Code

ATTEMPTS = 3
"""Of one call to GitHub that brings no answer, or a server's error."""
PATIENCE_S = 20.0
"""A 429 that asks for no longer is waited out once, if there is no token to go on with."""
DIRECT_CHECK_S = 86_400.0
"""How long the API's host is taken for granted where GitHub's own token is used as it is."""
FOLDER = "auth"

_BACK_OFF_S = 1.0
_PAUSE_S = 30.0
"""After a renewal that failed while the old token was still good."""
_SPARE_S = 10.0
_UNAUTHORIZED = 401
_NOT_FOUND = 404
_TOO_MANY = 429
_OK = 200
_EXPIRY = re.compile(r";exp=(\d+)")
_BEARER = b"Bearer "


@dataclass(frozen=True, slots=True)
class Effects:
    """The outside world.

    Attributes:
        transport: carries calls to GitHub; None: the user's network.
        clock: Unix time in seconds.
        keyring: asked unless this is a container or a CI job.
        run: runs `gh`.
        root: the file system in which marks of a container are looked for.
    """

    transport: Transport | None = None
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    keyring: Keyring = field(default_factory=SystemKeyring)
    run: Run = run_program
    root: Path = Path("/")


@dataclass(frozen=True, slots=True)
class Status:
    """What is known of the sign-in without a call to GitHub. Never holds a token.

    Attributes:
        domain: `github.com`, or the enterprise's.
        source: where the token was found; empty if there is none.
        token_class: of the token, in words.
        login: the account's name; may be empty.
        where: where the token is kept.
        way: `direct` or `exchange`: how it reaches Copilot's API.
        api_url: Copilot's API, as far as it is known.
        expires_at: Unix time of the end of the token that calls carry now; None if there is none, or it does not end.
        passed_over: places that held something of no use, in words.
    """

    domain: str
    source: str = ""
    token_class: str = ""
    login: str = ""
    where: str = ""
    way: str = ""
    api_url: str = ""
    expires_at: float | None = None
    passed_over: tuple[str, ...] = ()

    @property
    def is_signed_in(self) -> bool:
        """Whether there is a token that Copilot may take."""
        return bool(self.source)


class CopilotCredential:
    """Gives grants for Copilot's API; one for each user and domain, for any number of tasks and processes.

    Args:
        env, home: of the user.
        data: our data directory; the folder `auth` in it is used.
        copilot_url: the setting for Copilot's API; empty: as GitHub says.
        effects: the outside world.

    Raises:
        HeadroomError: `BAD_SETTING` for an unusable domain or URL.
    """

    def __init__(
        self, env: Mapping[str, str], home: Path, data: Path, *, copilot_url: str = "", effects: Effects | None = None
    ) -> None:
        self._effects = effects or Effects()
        self.hosts: Hosts = hosts_from(env, copilot_url)
        self._folder = data / FOLDER
        keyring = None if is_unattended(env, self._effects.root) else self._effects.keyring
        self.vault = Vault(self._folder, keyring)
        self._places = Places(env, home, self.hosts.domain, self.vault, keyring, self._effects.run)
        self._transport = self.hosts.carried(self._effects.transport or http.transport(env))
        self._found: Found | None = None
        self._state: Shared | None = None

    async def grant(self) -> Grant:
        """What a call carries now. Costs nothing but a look at the clock until it is time to renew.

        Raises:
            HeadroomError: `AUTH_REQUIRED` or `AUTH_FAILED`; a `RefusedError` has GitHub's status.
        """
        state, now = self._state, self._effects.clock()
        if state is not None and _is_fresh(state, now):
            return self._grant(state)
        has_spare = state is not None and bool(state.token) and now < state.expires_at - _SPARE_S
        async with shared.locked(self._folder, waits=not has_spare) as is_ours:
            if not is_ours and state is not None:
                return self._grant(state)
            return self._grant(await self._renewed(""))

    async def renew(self, spent: Grant) -> Grant:
        """A newer grant than one that Copilot's API refused with 401; another task's or process's if there is one.

        Raises:
            HeadroomError: as `grant`.
        """
        state, now = self._state, self._effects.clock()
        if state is not None and _is_fresh(state, now) and self._grant(state) != spent:
            return self._grant(state)
        async with shared.locked(self._folder):
            self._found = None  # somebody may have signed in anew
            return self._grant(await self._renewed(_token_of(spent)))

    def status(self) -> Status:
        """What is known without a call to GitHub. May ask the keyring and `gh`: not for an event loop."""
        discovery = discover(self._places)
        found = discovery.found
        if found is None:
            return Status(self.hosts.domain, passed_over=discovery.passed_over)
        state = shared.read(shared.file_of(self._folder, self.hosts.domain, found.token))
        expires_at = state.expires_at if state and state.token and state.expires_at < float("inf") else None
        way = state.way if state else found.token_class.way
        return Status(
            self.hosts.domain,
            found.source,
            found.token_class.name,
            found.login or (state.login if state else ""),
            found.where,
            way.value if way else "",
            self.hosts.copilot(state.api if state else ""),
            expires_at,
            discovery.passed_over,
        )

    async def login(
        self, client_id: str, show: Callable[[DeviceCode], None], pause: Pause, *, in_file: bool = False
    ) -> tuple[Kept, Grant]:
        """Sign in by device flow, keep the sign-in, and try it.

        Raises:
            HeadroomError: `AUTH_FAILED`, `AUTH_REQUIRED`. Where only the trial failed, the sign-in is kept.
        """
        flow = Flow(self.hosts, client_id, self._transport, self._effects.clock, show, pause, self._effects.sleep)
        token = await sign_in(flow)
        login = await self._login_of(token)
        async with shared.locked(self._folder):
            new = SignIn(token, login, self._effects.clock())
            kept = await aside(lambda: self.vault.save(self.hosts.domain, new, in_file=in_file))
            shared.forget(self._folder)
            self._found, self._state = Found(token, OWN, login, kept.where), None
            return kept, self._grant(await self._renewed(""))

    async def logout(self) -> list[str]:
        """Forget our own sign-in and every token that came of it; gives where it was kept.

        Raises:
            HeadroomError: `AUTH_FAILED` if the keyring is locked.
        """
        async with shared.locked(self._folder):
            shared.forget(self._folder)
            self._found = self._state = None
            return await aside(lambda: self.vault.remove(self.hosts.domain))

    def _grant(self, state: Shared) -> Grant:
        url = self.hosts.reached(self.hosts.copilot(state.api))
        return Grant(url, ((b"authorization", _BEARER + state.token.encode()),))

    async def _renewed(self, spent: str) -> Shared:
        """The state with a token that is not `spent`; the lock is held."""
        found = self._found or await self._discovered()
        try:
            state = await self._renewed_for(found, spent)
        except RefusedError as refused:
            # The sign-in may have been replaced by a newer one since it was read.
            newer = await self._discovered() if refused.status == _UNAUTHORIZED and not spent else found
            if newer.token == found.token:
                raise
            state = await self._renewed_for(newer, spent)
        self._state = state
        return state

    async def _discovered(self) -> Found:
        discovery: Discovery = await aside(lambda: discover(self._places))
        if discovery.found is None:
            raise missing(discovery)
        self._found = discovery.found
        return discovery.found

    async def _renewed_for(self, found: Found, spent: str) -> Shared:
        now = self._effects.clock()
        file = shared.file_of(self._folder, self.hosts.domain, found.token)
        old = shared.read(file) or Shared(found.token_class.way or Way.DIRECT, login=found.login)
        if old.token != spent and _is_fresh(old, now):
            return old
        try:
            if now < old.not_before:
                raise _asked_to_wait(old.not_before - now)
            # With a token that is still good, nobody is kept waiting for the next one.
            has_spare = old.token not in ("", spent) and now < old.expires_at - _SPARE_S
            new = await self._fetched(found, old, spent, ATTEMPTS if not has_spare else 1)
        except RefusedError as refused:
            new = replace(old, not_before=now + refused.retry_after_s) if refused.retry_after_s else old
            if old.token in ("", spent) or now >= old.expires_at:
                if new is not old:
                    shared.write(file, new)
                raise
            new = replace(old, not_before=now + max(refused.retry_after_s, _PAUSE_S))
        shared.write(file, new)
        return new

    async def _fetched(self, found: Found, old: Shared, spent: str, attempts: int) -> Shared:
        """A new token, the way that worked the last time first."""
        if found.token_class is COPILOT:
            return self._as_it_is(found, old, spent)
        if old.way is Way.DIRECT and found.token != spent:
            return await self._direct(found, old)
        try:
            answer = await self._call(exchange.exchange_request(self.hosts, found.token), attempts)
            token = exchange.exchanged(answer, found, self._effects.clock())
        except RefusedError as refused:
            if refused.status != _NOT_FOUND or found.token_class is APP:
                raise
            if found.token == spent:
                raise _not_accepted(found) from None
            return await self._direct(found, old)
        return Shared(Way.EXCHANGE, token.api, token.token, token.refresh_at, token.expires_at, login=old.login)

    async def _direct(self, found: Found, old: Shared) -> Shared:
        """GitHub's own token as it is; where the API is for this account, GitHub is asked."""
        now = self._effects.clock()
        try:
            answer = await self._call(exchange.user_request(self.hosts, found.token))
        except RefusedError:
            answer = Answer(0)  # the API itself may be within reach
        if answer.status == _UNAUTHORIZED:
            raise exchange.refusal(answer, found, now)
        is_known = answer.status == _OK
        login = answer.json.get("login")
        return Shared(
            Way.DIRECT,
            exchange.api_of(answer) if is_known else old.api,
            found.token,
            now + (DIRECT_CHECK_S if is_known else _PAUSE_S * 10),
            float("inf"),
            login=login if is_known and isinstance(login, str) else old.login,
        )

    def _as_it_is(self, found: Found, old: Shared, spent: str) -> Shared:
        """A token of Copilot's API that the user brought: it has an end, and nobody can renew it."""
        match = _EXPIRY.search(found.token)
        expires_at = float(match[1]) if match else float("inf")
        if found.token == spent or expires_at <= self._effects.clock():
            raise _not_accepted(found)
        return Shared(Way.DIRECT, old.api, found.token, expires_at, expires_at)

    async def _login_of(self, token: str) -> str:
        """The account's name, for people; its absence harms nothing."""
        try:
            answer = await self._call(http.get(f"{self.hosts.api}/user", token))
        except RefusedError:
            return ""
        login = answer.json.get("login")
        return login if answer.status == _OK and isinstance(login, str) else ""

    async def _call(self, request: Request, attempts: int = ATTEMPTS) -> Answer:
        """Call GitHub, again where that may help.

        Raises:
            RefusedError: there was no answer.
        """
        why, answer = "", None
        has_waited = False
        for attempt in range(attempts):
            if attempt and not has_waited:
                await self._effects.sleep(_BACK_OFF_S * attempt)
            try:
                answer = await self._transport(request)
            except NoAnswerError as problem:
                why, answer = str(problem), None
                continue
            wait_s = exchange.retry_after(answer.headers, self._effects.clock())
            if answer.status == _TOO_MANY and wait_s <= PATIENCE_S and attempt + 1 < attempts and not has_waited:
                has_waited = True
                await self._effects.sleep(wait_s)
            elif not answer.is_server_error:
                return answer
        if answer is not None:
            return answer
        message = f"GitHub could not be reached for a token: {why}."
        hint = "Check the network, HTTPS_PROXY and NO_PROXY, and send the request again."
        raise RefusedError(Code.AUTH_FAILED, message, hint, 0)


def _is_fresh(state: Shared, now: float) -> bool:
    """Whether a token is good and need not be renewed, or may not be yet."""
    return bool(state.token) and now < state.expires_at and now < max(state.refresh_at, state.not_before)


def _token_of(grant: Grant) -> str:
    return next((value for name, value in grant.headers if name == b"authorization"), b"")[len(_BEARER) :].decode()


def _asked_to_wait(wait_s: float) -> RefusedError:
    message = f"GitHub asked to wait; {wait_s:.0f} s of that are left before the next token for Copilot."
    hint = "Wait, and send the request again."
    return RefusedError(Code.AUTH_FAILED, message, hint, _TOO_MANY, wait_s)


def _not_accepted(found: Found) -> RefusedError:
    message = f"Copilot does not accept the {found.token_class.name} (from: {found.source})."
    hint = "Sign in with: headroom copilot-auth login."
    if found.source != OWN:
        hint = f"Unset it, or put a good one there. {hint}"
    return RefusedError(Code.AUTH_REQUIRED, message, hint, _UNAUTHORIZED)
