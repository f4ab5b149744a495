"""What `headroom doctor` finds of each agent: there, its version, what passes us by, its sign-in, a whole session."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Mapping

from headroom_wrap import settings
from headroom_wrap.agents import Agent, Context, Upstream
from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.proxy.config import check_base_url
from headroom_wrap.wrap.findings import Finding, State
from headroom_wrap.wrap.plan import Launch, shown_url
from headroom_wrap.wrap.probe import OpenProvider, probe

_VERSION_TIMEOUT_S = 20


def examine_agent(agent: Agent, context: Context, open_provider: OpenProvider | None) -> Iterator[Finding]:
    """Everything about one agent.

    Args:
        agent: which.
        context: the user's environment, folder and home; no arguments.
        open_provider: opens the provider for a session with the agent; None: there is none.
    """
    program = agent.find(context.env)
    if program is None:
        yield Finding(agent.name, State.NOTE, f"{agent.title} is not installed", agent.install_hint)
        return
    version = _version(agent, program, context)
    yield version
    yield from _route(agent, context)
    if agent.sign_ins is not None:
        yield _sign_in(agent, context, agent.sign_ins)
    if open_provider is None:
        return
    if agent.probe is not None and version.state is State.OK:
        yield probe(agent, context.env, open_provider)
    elif agent.why_no_probe:
        yield Finding(f"{agent.name} session", State.NOTE, agent.why_no_probe)


def _version(agent: Agent, program: tuple[str, ...], context: Context) -> Finding:
    try:
        done = subprocess.run(
            [*program, "--version"],
            env=dict(context.env), capture_output=True, text=True, errors="replace", timeout=_VERSION_TIMEOUT_S,
            check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding(agent.name, State.PROBLEM, f"{program[0]} does not start: {error}", agent.install_hint)
    said = (done.stdout.strip() or done.stderr.strip() or "nothing").splitlines()[0]
    if done.returncode:
        says = f"{program[0]} --version ended with exit code {done.returncode}: {said}"
        return Finding(agent.name, State.PROBLEM, says, agent.install_hint)
    return Finding(agent.name, State.OK, f"{said.rstrip('.')}, {program[0]}")


def _route(agent: Agent, context: Context) -> Iterator[Finding]:
    """Where its requests go in a session, or what leads them past the proxy."""
    about = f"{agent.name} route"
    said = agent.bypasses(context)
    for sentence in said:
        fix = f"Change that if {agent.title} is to be compressed; it works as it did before, without us."
        yield Finding(about, State.NOTE, sentence, fix)
    source = ""
    try:
        found = _upstreams(agent, context)
    except HeadroomError as error:
        yield Finding(about, State.NOTE, error.message, error.hint)
        return
    try:
        for name, upstream in found.items():
            source = upstream.source
            check_base_url(name, upstream.url)
    except HeadroomError as error:
        yield Finding(about, State.PROBLEM, f"{error.message} It came from: {source}", error.hint)
        return
    if not said:
        urls = dict.fromkeys(f"{shown_url(upstream.url)} ({upstream.source})" for upstream in found.values())
        yield Finding(about, State.OK, f"nothing bypasses the proxy; behind it: {', '.join(urls)}")


def _upstreams(agent: Agent, context: Context) -> Mapping[str, Upstream]:
    try:
        return Launch(agent, context, settings.load({}, context.env)).upstreams()
    except HeadroomError:
        return agent.upstreams(context)  # A bad setting of ours is said of the settings already.


def _sign_in(agent: Agent, context: Context, look: Callable[[Context], tuple[str, ...]]) -> Finding:
    about = f"{agent.name} sign-in"
    try:
        found = look(context)
    except HeadroomError as error:
        state = State.NOTE if error.code is Code.AUTH_REQUIRED else State.PROBLEM
        return Finding(about, state, error.message, error.hint)
    if found:
        return Finding(about, State.OK, f"found: {', '.join(found)}")
    return Finding(about, State.NOTE, "no credential was found where it keeps them", agent.sign_in_hint)
