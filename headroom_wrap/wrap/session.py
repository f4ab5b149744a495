"""One session: find the agent, start the proxy, start the agent, stay with it, sum up."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from headroom_wrap import paths
from headroom_wrap.agents import Upstream
from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.proxy.config import ProxyConfig
from headroom_wrap.proxy.embedded import Compression, EmbeddedProxy
from headroom_wrap.proxy.headers import keyed_url
from headroom_wrap.proxy.public import PublicEndpoint
from headroom_wrap.proxy.server import bind
from headroom_wrap.store import Limits
from headroom_wrap.wrap import gathering, journal, lessons, plan, sessions, sharing, summary
from headroom_wrap.wrap.child import ChildExit, ChildSpec
from headroom_wrap.wrap.plan import Launch, Start
from headroom_wrap.wrap.sessions import Session
from headroom_wrap.wrap.supervise import supervise
from headroom_wrap.wrap.watchdog import ProxyWatch, WatchEvent

_UNBOUND_URL = "http://127.0.0.1:<free port>"
_OUTER = ("HEADROOM_SESSION", "HEADROOM_SESSION_URL", "HEADROOM_SESSION_KEY")


@dataclass(frozen=True, slots=True)
class _Outer:
    """The session that this one runs in."""

    session: str
    url: str
    key: str

    def serves(self, upstream: Upstream) -> bool:
        """Whether requests for this upstream go to its proxy."""
        return upstream.url == self.url or upstream.url.startswith(f"{self.url}/")

    def opened(self, upstream: Upstream) -> str:
        """The upstream's URL; where it is its proxy, with its key, which a second proxy would not show otherwise."""
        keyed = keyed_url(self.url, self.key)
        if not self.serves(upstream) or upstream.url.startswith(keyed):
            return upstream.url
        return keyed + upstream.url.removeprefix(self.url)


def dry_run(launch: Launch) -> str:
    """The plan as text; nothing is bound, written or started.

    Raises:
        HeadroomError: as `run` does before the agent starts.
    """
    files = paths.sessions_dir(launch.data) / "<session>"
    port = launch.settings.port
    url = f"http://127.0.0.1:{port}" if port else _UNBOUND_URL
    shared = sharing.share(launch, time.time(), is_dry=True).shared
    route = plan.route(launch, url, plan.MASK, "<session>", files, shared)
    return plan.describe(launch, plan.start(launch, _program(launch), route))


def run(launch: Launch, say: Callable[[str], None]) -> ChildExit:
    """Run the agent behind a proxy of its own until it ends; main thread only.

    Args:
        launch: what the user asked for.
        say: prints one line for the user.

    Returns:
        How the agent ended.

    Raises:
        HeadroomError: nothing was started, and nothing is left behind.
    """
    program = _program(launch)
    for recovered in sessions.recover(launch.data):
        say(f"headroom: {recovery(recovered)}")
    upstreams = launch.upstreams()
    outer = _outer(launch.context.env)
    if outer is not None and all(map(outer.serves, upstreams.values())):
        return _run_inside(launch, program, outer, say)
    listener = bind(launch.settings.port)
    session = sessions.create(launch.data, launch.agent.name, listener.getsockname()[1])
    try:
        key = secrets.token_hex(32)
        url = f"http://127.0.0.1:{session.record.port}"
        given = sharing.share(launch, session.record.started)
        route = plan.route(launch, url, key, session.record.id, session.directory, given.shared)
        with sessions.editing(launch.data):
            start = plan.start(launch, program, route, given.note)
            _write_files(start, session.directory)
        config = ProxyConfig(
            key=key,
            session=session.record.id,
            agent=launch.agent.name,
            upstreams={name: outer.opened(upstream) if outer else upstream.url for name, upstream in upstreams.items()},
            credentials=launch.agent.credentials(launch.context, upstreams),
            public=_public(launch, start),
        )
        command = None
        if launch.agent.retrieves_by_shell:
            command = plan.retrieve_command(start.env, has_login_shell=launch.agent.has_login_shell)
        settings = launch.settings
        compression = Compression(
            settings.level, settings.exclude_tools, command, settings.cache_breakpoints, settings.kompress_dir
        )
        network = {**launch.context.env, **launch.agent.network_env(launch.context)}
        limits = Limits(launch.settings.retention_days, launch.settings.store_max_mb)
        proxy = EmbeddedProxy(config, compression, listener, launch.data, network, limits)
    except BaseException:
        listener.close()
        sessions.remove(session)
        raise
    ended = _Run(launch, session, start, proxy, say).run()
    if settings.learn and (learned := lessons.learn(launch, ended)):
        say(f"headroom: {learned}")
    return ended


class _Run:
    """A session whose parts stand ready."""

    def __init__(
        self, launch: Launch, session: Session, start: Start, proxy: EmbeddedProxy, say: Callable[[str], None]
    ) -> None:
        self._launch = launch
        self._session = session
        self._start = start
        self._proxy = proxy
        self._say = say
        self._is_clean = False

    def run(self) -> ChildExit:
        try:
            self._proxy.start()
            if not self._proxy.answers():
                message = "The proxy of this session started but did not answer; the agent was not started."
                raise HeadroomError(Code.PROXY_FAILED, message, "Try again, with -v to see more.")
            self._announce()
            watch = ProxyWatch(
                self._proxy.answers,
                self._proxy.server.restart,
                lambda: self._proxy.server.is_alive,
                report=self._on_watch,
            )
            spec = ChildSpec(self._start.argv, self._start.env, self._launch.context.cwd)
            ended = supervise(spec, on_tick=watch.tick, session=self._session, clean_up=self._clean_up)
            self._say(self._summary())
            self._remember()
            return ended
        finally:
            self._clean_up()
            self._proxy.close()

    def _announce(self) -> None:
        for note in self._start.notes:
            self._say(f"headroom: {note}")
        if self._proxy.why_not_compressing and self._launch.settings.level != "off":
            self._say(f"headroom: nothing will be compressed: {self._proxy.why_not_compressing}")
        if self._launch.verbose:
            for name, upstream in self._launch.upstreams().items():
                shown = plan.shown_url(upstream.url)
                route = f"{self._proxy.server.url} -> {shown} ({name}, from: {upstream.source})"
                self._say(f"headroom: session {self._session.record.id}, {route}, level {self._launch.settings.level}")

    def _summary(self) -> str:
        """The figures; a store that fails now must not cost the agent's exit code."""
        try:
            changes = self._proxy.prefix_changes()
            totals = self._proxy.totals()
            if not totals.requests and self._launch.agent.why_no_calls:
                return f"headroom: {self._launch.agent.why_no_calls}"
            return summary.describe(totals, self._launch.agent.title, self._why_nothing(), changes)
        except HeadroomError as error:
            return f"headroom: no figures for this session: {error}"

    def _remember(self) -> None:
        """Gather what the session said, and tell what the memory cost and got; a failing store costs only this."""
        record, launch = self._session.record, self._launch
        is_shared = bool(self._start.brief or self._start.has_memory_tools)
        gathered = gathering.gather(launch, record.id, record.started, is_shared=is_shared)
        with contextlib.suppress(HeadroomError):
            if is_shared or gathered:
                n_requests = self._proxy.totals().requests
                told = gathering.told(launch, record.id, self._start, n_requests, gathered)
                if told:
                    self._say(told)

    def _why_nothing(self) -> str:
        """What a person would look at first where nothing was saved."""
        settings = self._launch.settings
        known = self._proxy.why_not_compressing or self._launch.agent.no_savings
        if known or not (settings.exclude_tools or settings.level == "safe"):
            return known
        limits = ["level safe elides nothing"] if settings.level == "safe" else []
        limits += [f"excluded: {', '.join(settings.exclude_tools)}"] if settings.exclude_tools else []
        return f"no tool result was worth compressing ({'; '.join(limits)})"

    def _on_watch(self, event: WatchEvent) -> None:
        if self._launch.verbose:
            self._say(f"headroom: proxy {event.kind.value}: {event.reason}")

    def _clean_up(self) -> None:
        if self._is_clean:
            return
        self._is_clean = True
        self._proxy.stop()
        problems = _problems(sessions.remove(self._session))
        if problems:
            self._say(f"headroom: not all could be put back{problems}")


def _run_inside(launch: Launch, program: tuple[str, ...], outer: _Outer, say: Callable[[str], None]) -> ChildExit:
    """Run the agent through the proxy of the session around us: what passes there needs no second proxy."""
    session = sessions.create(launch.data, launch.agent.name, 0)
    try:
        given = sharing.share(launch, session.record.started)
        route = plan.route(launch, outer.url, outer.key, outer.session, session.directory, given.shared)
        with sessions.editing(launch.data):
            start = plan.start(launch, program, route)
            _write_files(start, session.directory)
        say(f"headroom: inside session {outer.session} already; its proxy serves this agent too.")
        ended = supervise(ChildSpec(start.argv, start.env, launch.context.cwd), session=session)
        is_shared = bool(start.brief or start.has_memory_tools)
        gathering.gather(launch, outer.session, session.record.started, is_shared=is_shared)
        return ended
    finally:
        sessions.remove(session)


def _program(launch: Launch) -> tuple[str, ...]:
    program = launch.agent.find(launch.context.env)
    if program is None:
        message = f"{launch.agent.title} is not installed: there is no {launch.agent.name!r} on your PATH."
        raise HeadroomError(Code.AGENT_NOT_FOUND, message, launch.agent.install_hint)
    return program


def _outer(env: Mapping[str, str]) -> _Outer | None:
    """The session around us, if there is one."""
    session, url, key = (env.get(name, "") for name in _OUTER)
    return _Outer(session, url, key) if url else None


def _public(launch: Launch, start: Start) -> PublicEndpoint | None:
    """The proxy's public name with its bearer, where the plan asks for one."""
    if start.public is None:
        return None
    if not launch.settings.port:
        message = f"A tunnel that leads here needs a port that it knows before; https://{start.public.host} has none."
        raise HeadroomError(Code.BAD_REQUEST, message, "Name the port to which it leads, for example --port 8787.")
    return PublicEndpoint(start.public.host, paths.kept_secret(start.public.bearer_file), start.public.authorization)


def _write_files(start: Start, directory: Path) -> None:
    """Write the session's files, its edits of the user's, and a link to our own command for its PATH."""
    if start.edits:
        with journal.Transaction(directory) as transaction:
            for file, new in start.edits.items():
                transaction.write(file, new)
            journal.hold(directory, start.edits)
    for file, text in start.files.items():
        if file.is_relative_to(directory):
            paths.make_private_dir(file.parent)
            paths.write_private(file, text)
        else:
            sharing.write(file, text)
    command = plan.own_command()
    if command is not None:
        (directory / "bin").mkdir(mode=0o700)
        (directory / "bin" / plan.COMMAND).symlink_to(command)


def recovery(recovered: sessions.Recovered) -> str:
    """What was done with a session that had left something behind, as a sentence without its full stop."""
    return f"cleared away session {recovered.id}, which had ended without doing so{_problems(recovered)}"


def _problems(recovered: sessions.Recovered) -> str:
    """What a recovery could not do, as clauses of a sentence; empty where it did all."""
    clauses = [f"; its journal could not be read ({recovered.broken})"] if recovered.broken else []
    clauses += [f"; {conflict.path} was left as it is ({conflict.reason})" for conflict in recovered.conflicts]
    if recovered.kept:
        clauses.append(f"; what was there before is kept in {recovered.kept}")
    return "".join(clauses)
