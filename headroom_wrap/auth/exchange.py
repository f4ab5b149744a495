"""GitHub's token for one of Copilot's API: the call, its answers, and when to make it again.

Source: the public clients of `GET /copilot_internal/v2/token`; the endpoint itself is not documented.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

from headroom_wrap.auth.discovery import OWN, Found
from headroom_wrap.auth.hosts import Hosts
from headroom_wrap.auth.http import Answer, Request, get, seconds
from headroom_wrap.errors import Code, HeadroomError

BEFORE_REFRESH_S = 60.0
BEFORE_EXPIRY_S = 300.0
DEFAULT_WAIT_S = 60.0
"""After a 429 that does not say for how long."""
MAX_WAIT_S = 3600.0

_OK = 200
_UNAUTHORIZED = 401
_FORBIDDEN = 403
_NOT_FOUND = 404
_TOO_MANY = 429
_LIFETIME_S = 1800.0


class RefusedError(HeadroomError):
    """GitHub refused, or did not answer.

    Attributes:
        status: of its answer; 0 without one.
        retry_after_s: for how long it asks to be left alone; 0 if it does not.
    """

    def __init__(self, code: Code, message: str, hint: str, status: int, retry_after_s: float = 0.0) -> None:
        super().__init__(code, message, hint)
        self.status = status
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A token of Copilot's API. Times are Unix time.

    Attributes:
        api: the host that GitHub named for it; may be empty.
        refresh_at: when the next one is to be asked for.
        expires_at: when this one is worth nothing.
    """

    token: str = field(repr=False)
    api: str
    refresh_at: float
    expires_at: float


def exchange_request(hosts: Hosts, token: str) -> Request:
    """The call."""
    return get(f"{hosts.api}/copilot_internal/v2/token", token)


def user_request(hosts: Hosts, token: str) -> Request:
    """Who a token belongs to and where Copilot's API is for that account; works for tokens that need no exchange."""
    return get(f"{hosts.api}/copilot_internal/user", token)


def exchanged(answer: Answer, found: Found, now: float) -> ApiToken:
    """What the exchange's answer gives.

    Raises:
        RefusedError: `AUTH_REQUIRED` where another sign-in is needed, else `AUTH_FAILED`.
    """
    token = answer.json.get("token")
    if answer.status != _OK or not isinstance(token, str) or not token:
        raise refusal(answer, found, now)
    refresh_in = seconds(answer.json.get("refresh_in"), _LIFETIME_S - BEFORE_EXPIRY_S)
    expires_at = seconds(answer.json.get("expires_at"), now + _LIFETIME_S)
    if expires_at <= now:
        # This machine's clock is wrong; what counts from now on is right all the same.
        expires_at = now + refresh_in + BEFORE_EXPIRY_S
    return ApiToken(token, api_of(answer), refresh_time(now, refresh_in, expires_at), expires_at)


def refresh_time(now: float, refresh_in_s: float, expires_at: float) -> float:
    """When to renew: a minute before GitHub says, five before the end; at half time where that has passed."""
    early = min(now + refresh_in_s - BEFORE_REFRESH_S, expires_at - BEFORE_EXPIRY_S)
    return early if early > now else now + min(refresh_in_s, expires_at - now) / 2


def api_of(answer: Answer) -> str:
    """The API host that an answer names, or nothing."""
    endpoints = answer.json.get("endpoints")
    api = endpoints.get("api") if isinstance(endpoints, dict) else None
    return api if isinstance(api, str) else ""


def refusal(answer: Answer, found: Found, now: float) -> RefusedError:
    """The error for an answer that gives no token."""
    again = "headroom copilot-auth login"
    sign_in = again if found.source == OWN else f"Put a good token there, or unset it and run: {again}"
    says = f" It says: {answer.says}" if answer.says else ""
    kind = found.token_class.name
    code, message, hint = Code.AUTH_FAILED, "", ""
    wait_s = 0.0
    if answer.status == _UNAUTHORIZED:
        code = Code.AUTH_REQUIRED
        message = f"GitHub no longer accepts the sign-in (from: {found.source}).{says}"
        hint = f"Sign in again: {again}." if found.source == OWN else f"{sign_in}."
    elif answer.status == _FORBIDDEN:
        message = f"GitHub gives this account no access to Copilot (from: {found.source}).{says}"
        hint = "Check the subscription and the policies of the organization: https://github.com/settings/copilot."
    elif answer.status == _NOT_FOUND:
        code = Code.AUTH_REQUIRED
        message = f"The token is of the wrong class for the exchange: {kind} (from: {found.source}).{says}"
        hint = f"Sign in with Headroom: {again}." if found.source != OWN else f"Sign in again: {again}."
    elif answer.status == _TOO_MANY:
        wait_s = retry_after(answer.headers, now)
        message = f"GitHub asks to wait {wait_s:.0f} s before the next token for Copilot.{says}"
        hint = "Wait, and send the request again."
    else:
        message = f"GitHub gave no token for Copilot (status {answer.status}).{says}"
        hint = "Try again later; https://www.githubstatus.com says whether GitHub has trouble."
    return RefusedError(code, message, hint, answer.status, wait_s)


def retry_after(headers: Mapping[str, str], now: float) -> float:
    """For how many seconds the other end asks to be left alone (RFC 9110, section 10.2.3: a number, or a date)."""
    value: Any = headers.get("retry-after", "")
    wait_s = seconds(value, -1.0)
    if wait_s < 0:
        try:
            wait_s = parsedate_to_datetime(value).timestamp() - now
        except (TypeError, ValueError):
            wait_s = DEFAULT_WAIT_S
    return min(max(wait_s, 1.0), MAX_WAIT_S)
