"""An emulated GitHub on loopback: sign-in by device flow, tokens for Copilot, and Copilot's API in front of the model.

One port stands for several hosts: the first segment of a path names the host, so `https://api.github.com/user` is
`http://127.0.0.1:PORT/api.github.com/user` here, and `host_url` builds such a URL.
"""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from aiohttp import web

from headroom_wrap.emulator.provider import Options
from headroom_wrap.emulator.server import EmulatedProvider

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
EXCHANGE_PATH = "/copilot_internal/v2/token"
_GONE = {"message": "Not Found", "documentation_url": "https://docs.github.com/rest", "status": "404"}
_SEAT = {"copilot_plan": "business", "chat_enabled": True, "is_mcp_enabled": True}
_BAD_CREDENTIALS = {"message": "Bad credentials", "documentation_url": "https://docs.github.com/rest", "status": "401"}


@dataclass(frozen=True, slots=True)
class Planned:
    """An answer that stands in for GitHub's own: status, headers, and a JSON body or none."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None


@dataclass(frozen=True, slots=True)
class Call:
    """A request to GitHub itself, not to Copilot's API: what a test may want to see of it."""

    method: str
    host: str
    path: str
    headers: Mapping[str, str]
    form: Mapping[str, str]
    at: float


@dataclass(slots=True)
class Device:
    """A sign-in that was begun: `state` is what the person did so far: pending, approved or denied."""

    device_code: str
    user_code: str
    client_id: str
    scope: str
    expires_at: float
    state: str = "pending"
    polls: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Account:
    """The one account there is, and how its tokens behave.

    Attributes:
        login: its name.
        domain: `github.com`, or the domain of an enterprise; GitHub answers on the hosts that go with it alone.
        api_host: the host of Copilot's API that the exchange and `/copilot_internal/user` name.
        lifetime_s: how long an exchanged token lives.
        refresh_in_s: what the exchange says of when to come again.
        device_lifetime_s, interval_s: what is told at the beginning of a sign-in.
        approves_at_poll: at which poll the person has approved; 0: when `approve` is called.
    """

    login: str = "octo"
    domain: str = "github.com"
    api_host: str = ""
    lifetime_s: float = 1800.0
    refresh_in_s: float = 1500.0
    device_lifetime_s: int = 900
    interval_s: int = 5
    approves_at_poll: int = 0

    @property
    def copilot_host(self) -> str:
        """Where Copilot's API is for this account."""
        default = "api.githubcopilot.com" if self.domain == "github.com" else f"copilot-api.{self.domain}"
        return self.api_host or default


class EmulatedGitHub(EmulatedProvider):
    """GitHub and Copilot's API: `with EmulatedGitHub() as github: ... github.copilot_url, github.revoke()`.

    Everything of `EmulatedProvider` holds for the calls that reach the model (`requests`, `faults`); a call whose
    bearer is no live token is answered with 401 and does not reach it, but is counted in `refused`.

    Args:
        account: whose tokens these are.
        port: the port to listen on; 0 for any free one.
        options: of the model's side.
        clock: Unix time; tokens expire by it.
    """

    def __init__(
        self,
        account: Account | None = None,
        *,
        port: int = 0,
        options: Options | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(port, options)
        self.account = account or Account()
        self.clock = clock
        self.calls: list[Call] = []
        self.devices: list[Device] = []
        self.tokens: dict[str, float] = {}
        """Exchanged tokens -> when they expire."""
        self.sign_ins: set[str] = set()
        """GitHub's own tokens that are good."""
        self.plans: dict[str, deque[Planned]] = {}
        self.refused: list[int] = []
        """The status of each call to Copilot's API that did not reach the model."""
        self._numbers = itertools.count(1)
        self._lock = threading.Condition()

    def __enter__(self) -> EmulatedGitHub:  # noqa: PYI034 - Python 3.10 has no Self
        super().__enter__()
        return self

    def host_url(self, host: str) -> str:
        """Where `https://host` is here."""
        return f"{self.url}/{host}"

    @property
    def copilot_url(self) -> str:
        """Copilot's API of the account."""
        return self.host_url(self.account.copilot_host)

    @property
    def exchanges(self) -> list[Call]:
        """The calls that asked for a token for Copilot."""
        return [call for call in tuple(self.calls) if call.path == EXCHANGE_PATH]

    def new_sign_in(self, prefix: str = "ghu_") -> str:
        """A token of GitHub's, as if somebody had signed in."""
        token = f"{prefix}{next(self._numbers):036d}"
        self.sign_ins.add(token)
        return token

    def plan(self, path: str, *answers: Planned) -> None:
        """Answer the next calls to `path` (on any of GitHub's hosts) with these, one each."""
        with self._lock:
            self.plans.setdefault(path, deque()).extend(answers)

    def approve(self, user_code: str = "") -> None:
        """The person approves the sign-in with this code; without one, every sign-in that waits."""
        self._decide(user_code, "approved")

    def deny(self, user_code: str = "") -> None:
        """The person refuses."""
        self._decide(user_code, "denied")

    def revoke(self) -> None:
        """Every exchanged token is worth nothing from now on; sign-ins stay good."""
        self.tokens.clear()

    def wait_for_call(self, condition: Callable[[], bool], timeout_s: float = 10.0) -> bool:
        """Wait until `condition()` holds, looking at each call to GitHub; False after `timeout_s`."""
        with self._lock:
            return self._lock.wait_for(condition, timeout_s)

    def _decide(self, user_code: str, state: str) -> None:
        for device in self.devices:
            if device.state == "pending" and user_code in ("", device.user_code):
                device.state = state

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        host, _, rest = request.raw_path.removeprefix("/").partition("/")
        path = f"/{rest}"
        if host == "__emulator":
            return await super()._handle(request)
        if host == self.account.copilot_host:
            return await self._copilot(request, path)
        return await self._github(request, host, path.partition("?")[0])

    async def _copilot(self, request: web.Request, path: str) -> web.StreamResponse:
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        is_direct = bearer in self.sign_ins and bearer.startswith(("gho_", "github_pat_"))
        if is_direct or self.tokens.get(bearer, 0.0) > self.clock():
            return await super()._handle(request.clone(rel_url=path))
        self.refused.append(401)
        return web.Response(status=401, text="unauthorized: token expired\n")

    async def _github(self, request: web.Request, host: str, path: str) -> web.StreamResponse:
        form = {name: values[0] for name, values in parse_qs(await request.text()).items()}
        if request.content_type == "application/json":
            form = json.loads(await request.text())
        with self._lock:
            self.calls.append(Call(request.method, host, path, dict(request.headers), form, self.clock()))
            planned = self.plans[path].popleft() if self.plans.get(path) else None
            answer = planned or self._answer(request, host, path, form)
            self._lock.notify_all()
        body = b"" if answer.body is None else json.dumps(answer.body).encode()
        headers = {"Content-Type": "application/json; charset=utf-8", **answer.headers}
        return web.Response(status=answer.status, headers=headers, body=body)

    def _answer(self, request: web.Request, host: str, path: str, form: Mapping[str, str]) -> Planned:
        api = f"api.{self.account.domain}"
        routes: dict[tuple[str, str, str], Callable[[], Planned]] = {
            ("POST", self.account.domain, "/login/device/code"): lambda: self._begin(form),
            ("POST", self.account.domain, "/login/oauth/access_token"): lambda: self._poll(form),
            ("GET", api, EXCHANGE_PATH): lambda: self._exchange(self._sign_in_of(request)),
            ("GET", api, "/copilot_internal/user"): lambda: self._user(self._sign_in_of(request)),
            ("GET", api, "/copilot/mcp_registry"): lambda: Planned(200, body={"mcp_registries": []}),
            ("GET", api, "/user"): lambda: self._user(self._sign_in_of(request)),
        }
        route = routes.get((request.method, host, path))
        return route() if route else Planned(404, body=_GONE)

    def _begin(self, form: Mapping[str, str]) -> Planned:
        number = next(self._numbers)
        code = Device(
            f"device-{number:036d}", f"WDJB-{number:04d}", form.get("client_id", ""), form.get("scope", ""),
            self.clock() + self.account.device_lifetime_s,
        )  # fmt: skip
        self.devices.append(code)
        body = {
            "device_code": code.device_code,
            "user_code": code.user_code,
            "verification_uri": f"https://{self.account.domain}/login/device",
            "expires_in": self.account.device_lifetime_s,
            "interval": self.account.interval_s,
        }
        return Planned(200, body=body)

    def _poll(self, form: Mapping[str, str]) -> Planned:
        """GitHub's answers have status 200 whatever they say."""
        device = next((found for found in self.devices if found.device_code == form.get("device_code")), None)
        if device is None or form.get("grant_type") != DEVICE_GRANT or form.get("client_id") != device.client_id:
            return Planned(200, body={"error": "incorrect_device_code"})
        device.polls.append(self.clock())
        if device.state == "pending" and len(device.polls) == self.account.approves_at_poll:
            device.state = "approved"
        if device.expires_at <= self.clock():
            return Planned(200, body={"error": "expired_token", "error_description": "The device_code has expired."})
        if device.state != "approved":
            error = "access_denied" if device.state == "denied" else "authorization_pending"
            return Planned(200, body={"error": error, "error_description": "..."})
        device.state = "used"
        token = self.new_sign_in("ghu_" if device.client_id.startswith("Iv1.") else "gho_")
        return Planned(200, body={"access_token": token, "token_type": "bearer", "scope": device.scope})

    def _sign_in_of(self, request: web.Request) -> str:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        return token if scheme.lower() in ("token", "bearer") and token in self.sign_ins else ""

    def _exchange(self, sign_in: str) -> Planned:
        if not sign_in:
            return Planned(401, body=_BAD_CREDENTIALS)
        if not sign_in.startswith("ghu_"):
            return Planned(404, body=_GONE)
        expires_at = self.clock() + self.account.lifetime_s
        token = f"tid={next(self._numbers):032d};exp={int(expires_at)};sku=copilot_for_business_seat;proxy-ep=none"
        self.tokens[token] = expires_at
        body = {
            "token": token,
            "expires_at": int(expires_at),
            "refresh_in": int(self.account.refresh_in_s),
            "endpoints": {"api": f"https://{self.account.copilot_host}", "telemetry": "https://telemetry.invalid"},
            "sku": "copilot_for_business_seat",
        }
        return Planned(200, body=body)

    def _user(self, sign_in: str) -> Planned:
        if not sign_in:
            return Planned(401, body=_BAD_CREDENTIALS)
        endpoints = {"api": f"https://{self.account.copilot_host}"}
        return Planned(200, body={**_SEAT, "login": self.account.login, "endpoints": endpoints})
