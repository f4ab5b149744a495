"""What `headroom doctor` looks at: one check a subject, each finding with what to type where something is wrong."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Collection, Iterator, Mapping

from headroom_wrap import paths, settings
from headroom_wrap.agents import AGENTS, Context, agent_named
from headroom_wrap.agents.demo import DEMO
from headroom_wrap.compression import kompress_model
from headroom_wrap.errors import HeadroomError
from headroom_wrap.store import Store, has_full_text
from headroom_wrap.wrap import sessions
from headroom_wrap.wrap.agent_checks import examine_agent
from headroom_wrap.wrap.findings import Finding, State
from headroom_wrap.wrap.installed import installed
from headroom_wrap.wrap.plan import finds_command, own_command
from headroom_wrap.wrap.probe import OpenProvider
from headroom_wrap.wrap.session import recovery

_OTHER_DISTRIBUTION = "headroom-ai"


Check = Callable[[Mapping[str, str]], Iterator[Finding]]


def examine(
    user: Context,
    names: Collection[str] = (),
    open_provider: OpenProvider | None = None,
    tell: Callable[[str], None] = lambda _what: None,
) -> Iterator[Finding]:
    """Look at everything, one finding after the other. What ended without clearing up is cleared away meanwhile.

    Args:
        user: the user's environment, folder and home; without arguments.
        names: the agents to look at; empty: all.
        open_provider: opens a provider for a session with each agent; None: no session.
        tell: hears which agent is looked at, before that begins.

    Raises:
        HeadroomError: `AGENT_UNKNOWN` for a name that is none.
    """
    agents = [agent_named(name) for name in names] or [agent for agent in AGENTS.values() if agent is not DEMO]
    for check in CHECKS:
        yield from check(user.env)
    for agent in agents:
        tell(agent.title)
        yield from examine_agent(agent, user, open_provider)


def _settings(env: Mapping[str, str]) -> Iterator[Finding]:
    try:
        found = settings.load({}, env)
    except HeadroomError as error:
        yield Finding("settings", State.PROBLEM, error.message, error.hint)
        return
    set_ones = [f"{name} ({source})" for name, source in found.sources.items() if source != "default"]
    yield Finding("settings", State.OK, f"level {found.level}; set: {', '.join(set_ones) or 'nothing'}")


def _command(env: Mapping[str, str]) -> Iterator[Finding]:
    own = own_command()
    if finds_command(env):
        yield Finding("command", State.OK, "a shell finds headroom, so agents can fetch originals with it")
    elif own is not None:
        yield Finding("command", State.NOTE, f"{own.parent} is not in PATH; sessions add it for their agents")
    else:
        yield Finding("command", State.PROBLEM, "there is no headroom script", "Install it with: pip install .")


def _environment(_env: Mapping[str, str]) -> Iterator[Finding]:
    try:
        version = importlib.metadata.version(_OTHER_DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        return
    says = f"{_OTHER_DISTRIBUTION} {version} is installed in this environment: both bring the package `headroom`"
    yield Finding("environment", State.PROBLEM, says, f"Keep one of them: pip uninstall {_OTHER_DISTRIBUTION}")


def _sessions(env: Mapping[str, str]) -> Iterator[Finding]:
    home = paths.home(env)
    for recovered in sessions.recover(home):
        state = State.PROBLEM if recovered.broken else State.NOTE
        yield Finding("sessions", state, recovery(recovered))
    live = sessions.live_sessions(home)
    said = ", ".join(f"{record.agent} on port {record.port}" for record in live)
    yield Finding("sessions", State.OK, f"{len(live)} running: {said}" if live else "none running, none left behind")


def _store(env: Mapping[str, str]) -> Iterator[Finding]:
    if not has_full_text():
        says = "the SQLite of this Python was built without full-text search (FTS5), so there is no memory"
        fix = "Install with a Python whose SQLite has it, as those of python.org and of Debian do."
        yield Finding("memory", State.PROBLEM, says, fix)
    file = paths.store_file(paths.home(env))
    if not file.exists():
        yield Finding("store", State.OK, f"none yet; the first session makes {file}")
        return
    try:
        store = Store(file)
        held = store.stats().originals.rows
        store.close()
    except HeadroomError as error:
        yield Finding("store", State.PROBLEM, error.message, error.hint)
        return
    yield Finding("store", State.OK, f"{held:,} original{'' if held == 1 else 's'} in {file}")


def _installed(env: Mapping[str, str]) -> Iterator[Finding]:
    for name, what in installed(paths.home(env)).items():
        files = ", ".join(map(str, what.files))
        note = f" ({what.note})" if what.note else ""
        says = f"edits that outlive a session are in {files}{note}; to undo them: headroom unwrap {name}"
        missing = [str(file) for file in what.files if not file.exists()]
        if missing:
            says = f"edits that outlive a session were made in {', '.join(missing)}, and that is gone"
            yield Finding(f"{name} installed", State.PROBLEM, says, f"Forget the edits with: headroom unwrap {name}")
        else:
            yield Finding(f"{name} installed", State.OK, says)


def _conflicts(env: Mapping[str, str]) -> Iterator[Finding]:
    folder = paths.home(env) / "conflicts"
    kept = sorted(folder.iterdir()) if folder.is_dir() else []
    if kept:
        says = f"files of yours that an ended session could not put back are kept in {folder}: {len(kept)}"
        fix = "Compare them with your own, copy back what you want, then remove that folder."
        yield Finding("conflicts", State.NOTE, says, fix)


def _prose(env: Mapping[str, str]) -> Iterator[Finding]:
    try:
        name, why = kompress_model.backend(env)
    except HeadroomError:
        return  # Said of the settings already.
    yield Finding("prose", State.OK, f"{name} runs: {why}")


CHECKS: tuple[Check, ...] = (_settings, _command, _environment, _sessions, _store, _installed, _conflicts, _prose)
