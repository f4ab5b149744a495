"""Signing in with a code that the person types into GitHub's page: RFC 8628, as GitHub speaks it, without a socket.

Source: https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps#device-flow
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from headroom_wrap.auth.hosts import Hosts
from headroom_wrap.auth.http import Answer, Request, post, seconds
from headroom_wrap.auth.token_class import redacted
from headroom_wrap.errors import Code, HeadroomError

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:device_code"
SCOPE = "read:user"
MARGIN_S = 3.0
"""Added to each wait: a poll that comes a moment early costs five seconds more for each one after it."""
SLOWER_S = 5.0
MAX_FAILURES = 5
"""Of polls in a row that brought no answer; the wait doubles with each."""
MAX_INTERVAL_S = 60.0

_TOO_MANY = 429
_INTERVAL_S = 5.0
_LIFETIME_S = 900.0
_AGAIN = "Start again: headroom copilot-auth login."

_ENDINGS: dict[str, tuple[str, str]] = {
    "expired_token": ("The code has expired before it was typed in.", _AGAIN),
    "access_denied": ("The sign-in was refused on GitHub's page.", f"If that was not meant: {_AGAIN}"),
    "device_flow_disabled": (
        "GitHub does not allow sign-in by a code for this client id.",
        "Set HEADROOM_COPILOT_CLIENT_ID to one that allows it.",
    ),
    "incorrect_client_credentials": (
        "GitHub does not know the client id.",
        "Check HEADROOM_COPILOT_CLIENT_ID, or unset it.",
    ),
    "incorrect_device_code": ("GitHub does not know this sign-in.", _AGAIN),
    "bad_verification_code": ("GitHub does not know this sign-in.", _AGAIN),
}
"""What GitHub says when there is no use in asking again."""


@dataclass(frozen=True, slots=True)
class DeviceCode:
    """A sign-in that was begun.

    Attributes:
        user_code: what the person types in at `page`.
        device_code: what we poll with.
        expires_at: Unix time.
        interval_s: between two polls, as the server wants it.
    """

    user_code: str
    page: str
    device_code: str = field(repr=False)
    expires_at: float
    interval_s: float


@dataclass(frozen=True, slots=True)
class Waiting:
    """Between two polls."""

    interval_s: float
    n_failures: int = 0

    @property
    def wait_s(self) -> float:
        """For how long to wait before the next poll."""
        slowed_s = self.interval_s * 2.0**self.n_failures
        return float(min(slowed_s, max(self.interval_s, MAX_INTERVAL_S)) + MARGIN_S)


@dataclass(frozen=True, slots=True)
class Done:
    """The person has agreed."""

    token: str = field(repr=False)


def code_request(hosts: Hosts, client_id: str) -> Request:
    """Ask for a code."""
    return post(f"{hosts.web}/login/device/code", {"client_id": client_id, "scope": SCOPE})


def begun(answer: Answer, hosts: Hosts, now: float) -> DeviceCode:
    """The code that GitHub gave.

    Raises:
        HeadroomError: `AUTH_FAILED` where it gave none.
    """
    found = answer.json
    device_code, user_code = found.get("device_code"), found.get("user_code")
    if not (isinstance(device_code, str) and device_code and isinstance(user_code, str) and user_code):
        error = found.get("error")
        raise _ended(error if isinstance(error, str) else "", answer, hosts)
    page = found.get("verification_uri")
    is_theirs = isinstance(page, str) and page.startswith(f"{hosts.web}/")
    return DeviceCode(
        user_code,
        str(page) if is_theirs else f"{hosts.web}/login/device",
        device_code,
        now + seconds(found.get("expires_in"), _LIFETIME_S),
        max(seconds(found.get("interval"), _INTERVAL_S), 1.0),
    )


def poll_request(hosts: Hosts, client_id: str, code: DeviceCode) -> Request:
    """Ask whether the person has agreed."""
    form = {"client_id": client_id, "device_code": code.device_code, "grant_type": GRANT_TYPE}
    return post(f"{hosts.web}/login/oauth/access_token", form)


def polled(state: Waiting, answer: Answer | None, hosts: Hosts) -> Waiting | Done:
    """What follows from a poll; `answer` is None where the network brought none.

    Raises:
        HeadroomError: `AUTH_FAILED` where there is no use in asking again.
    """
    if answer is None or not answer.json:
        if state.n_failures + 1 >= MAX_FAILURES:
            raise unreachable(hosts, answer)
        return replace(state, n_failures=state.n_failures + 1)
    token, error = answer.json.get("access_token"), answer.json.get("error")
    if isinstance(token, str) and token:
        return Done(token)
    if error == "authorization_pending":
        return replace(state, n_failures=0)
    if error == "slow_down":
        slower = state.interval_s + SLOWER_S
        told = seconds(answer.json.get("interval"), slower)
        return Waiting(told if told > 0 else slower)
    if answer.is_server_error:
        return polled(state, None, hosts)
    if answer.status == _TOO_MANY:
        return Waiting(state.interval_s + SLOWER_S, state.n_failures)
    raise _ended(error if isinstance(error, str) else "", answer, hosts)


def expired() -> HeadroomError:
    """The error for a code whose time has passed."""
    return HeadroomError(Code.AUTH_FAILED, *_ENDINGS["expired_token"])


def unreachable(hosts: Hosts, answer: Answer | None, why: str = "") -> HeadroomError:
    """The error for a GitHub that gives no usable answer."""
    host = urlsplit(hosts.web).hostname
    what = f"gave no usable answer (status {answer.status})" if answer else "could not be reached"
    hint = "Check the network, HTTPS_PROXY and NO_PROXY. Then: headroom copilot-auth login."
    why = f": {why}" if why else ""
    return HeadroomError(Code.AUTH_FAILED, f"{host} {what}{why}. The sign-in was given up.", hint)


def _ended(error: str, answer: Answer, hosts: Hosts) -> HeadroomError:
    if error in _ENDINGS:
        return HeadroomError(Code.AUTH_FAILED, *_ENDINGS[error])
    if not error:
        return unreachable(hosts, answer)
    description = answer.json.get("error_description")
    words = f"{error}: {description}" if isinstance(description, str) and description else error
    return HeadroomError(Code.AUTH_FAILED, f"GitHub ended the sign-in ({redacted(words)[:300]}).", _AGAIN)
