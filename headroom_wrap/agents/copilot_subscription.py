"""Copilot CLI with a GitHub subscription: the proxy stands before Copilot's API, and before GitHub's own.

Where a sign-in is found (`headroom copilot-auth`, or any place that `auth.discovery` knows), the proxy holds it and the
CLI holds the session key, in the form of a token of GitHub's: it takes nothing else (run with 1.0.102). It shows that
key to GitHub's REST API, too, so that leads through the proxy as well. Without a sign-in the CLI's own one is passed
on as it is, and the session key is the beginning of the URL's path.
"""

from __future__ import annotations

from collections.abc import Mapping

from headroom_wrap import paths
from headroom_wrap.agents import copilot_settings
from headroom_wrap.agents.agent import Context, Route, Upstream
from headroom_wrap.agents.copilot_byok import BASE_URL
from headroom_wrap.auth.copilot import CopilotCredential, Effects
from headroom_wrap.auth.github_api import GitHubCredential
from headroom_wrap.auth.hosts import API_URL_VARIABLE, DOMAIN_VARIABLE, hosts_from
from headroom_wrap.auth.keyrings import SystemKeyring
from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.proxy.headers import token_form
from headroom_wrap.proxy.ports import Credential
from headroom_wrap.proxy.routes import GITHUB_PREFIX

UPSTREAM = "copilot"

_API_URL = "COPILOT_API_URL"
_GITHUB_URL = "COPILOT_DEBUG_GITHUB_API_URL"
_TOKEN = "COPILOT_GITHUB_TOKEN"  # noqa: S105 - the name of a variable
_KEYRING_TIMEOUT_S = 5.0
"""Whoever only looks at what there is waits for nobody to unlock it."""
_TERMS = (
    "Copilot's API is not documented for programs but GitHub's own; GitHub may limit accounts whose automated use of it"
    " is excessive."
)
_PASSED_ON = "no sign-in was found here (headroom copilot-auth login makes one): Copilot CLI's own is passed on."


def upstreams(context: Context) -> Mapping[str, Upstream]:
    """Where Copilot's API and GitHub's are for this user, as far as that is known without asking GitHub.

    Raises:
        HeadroomError: `BAD_SETTING` for a URL or a domain that no token may go to.
    """
    hosts = hosts_from(context.env)
    named = (name for name in (_API_URL, API_URL_VARIABLE, DOMAIN_VARIABLE) if context.env.get(name))
    source = next(named, "default")
    url = context.env[_API_URL].rstrip("/") if source == _API_URL else hosts.reached(hosts.copilot(""))
    return {UPSTREAM: Upstream(url, source), "github": Upstream(hosts.reached(hosts.api), source)}


def credentials(context: Context, found: Mapping[str, Upstream]) -> Mapping[str, Credential]:
    """What the proxy pays with; empty where nobody is signed in.

    Raises:
        HeadroomError: as `upstreams`.
    """
    copilot = _credential(context, found)
    if not copilot.status().is_signed_in:
        return {}
    return {UPSTREAM: copilot, "github": GitHubCredential(context.env, context.home, paths.home(context.env))}


def environment(context: Context, route: Route) -> tuple[dict[str, str], tuple[str, ...]]:
    """The variables that lead to the proxy, and what the user is told.

    Raises:
        HeadroomError: `BYPASS` where the CLI's settings name another URL, which would get the session key.
    """
    if copilot_settings.read(context).get("copilotUrl"):
        message = "Copilot CLI's settings set copilotUrl, which beats the environment; so nothing was started."
        hint = "Take it out of settings.json, and give the URL to: headroom wrap copilot --subscription --copilot-url"
        raise HeadroomError(Code.BYPASS, message, hint)
    # A provider of the user's own would come before the subscription.
    env = {BASE_URL: ""}
    url = route.upstreams[UPSTREAM].url
    if url == route.url or url.startswith(f"{route.url}/"):
        return env, ()  # inside a session: everything leads through its proxy already
    status = _credential(context, route.upstreams).status()
    if status.is_signed_in:
        env |= {_API_URL: route.url, _TOKEN: token_form(route.key), _GITHUB_URL: route.url + GITHUB_PREFIX}
        return env, (f"COPILOT_PROVIDER_API_URL={status.api_url}", _TERMS)
    return env | {_API_URL: route.keyed_url}, (f"COPILOT_PROVIDER_API_URL={url}", _TERMS, _PASSED_ON)


def sign_ins(context: Context) -> list[str]:
    """Where GitHub's token was found, the place that counts first; else what Copilot CLI itself keeps in plain text.

    Raises:
        HeadroomError: as `upstreams`; `AUTH_REQUIRED` where what was found is of no use, or the keyring is locked.
    """
    keyring = SystemKeyring(_KEYRING_TIMEOUT_S)
    status = CopilotCredential(
        context.env, context.home, paths.home(context.env), effects=Effects(keyring=keyring)
    ).status()
    if status.is_signed_in:
        account = f" as {status.login}" if status.login else ""
        places = {"environment": " in the environment", "gh": "", status.source: "", "": ""}
        kept = places.get(status.where, f", in {status.where}")
        return [f"{status.source}{kept} ({status.domain}{account}, for --subscription)"]
    # In another form than that of the proxy's, so it is the CLI's own, which a session passes on.
    tokens = copilot_settings.read(context).get("authTokens")
    if tokens:
        return [f"{copilot_settings.folder(context) / 'config.json'} (for --subscription)"]
    if status.passed_over:
        message = f"nothing that Copilot takes was found; passed over: {'; '.join(status.passed_over)}"
        raise HeadroomError(Code.AUTH_REQUIRED, message, "Sign in with: headroom copilot-auth login.")
    return []


def _credential(context: Context, found: Mapping[str, Upstream]) -> CopilotCredential:
    """The credential, for the URL that somebody named; else GitHub says where Copilot's API is."""
    own, used = upstreams(context)[UPSTREAM], found[UPSTREAM]
    told = used.url if used != own or own.source == _API_URL else ""
    return CopilotCredential(context.env, context.home, paths.home(context.env), copilot_url=told)
