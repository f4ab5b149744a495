"""What a session asks of an agent, as plain data and pure functions."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from headroom_wrap.compression.markers import RETRIEVE_TOOL
from headroom_wrap.mcp import notes
from headroom_wrap.mcp.server import AGENT_VARIABLE, EMBEDDINGS_VARIABLE, MEMORY_VARIABLE
from headroom_wrap.paths import HOME_VARIABLE
from headroom_wrap.proxy.headers import keyed_url
from headroom_wrap.proxy.ports import Credential
from headroom_wrap.store import Kind

NETWORK_VARIABLES = (
    "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy",
    "SSL_CERT_FILE", "SSL_CERT_DIR",
)  # fmt: skip
"""What holds for the agent's way to its provider, and so for ours."""

MEMORY_TOOLS = tuple(tool.name for tool in notes.MEMORY_TOOLS)
"""What the MCP server of a session offers besides retrieval, where the memory is shared."""

LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class Option:
    """An option of `headroom wrap AGENT` that one agent has.

    Attributes:
        name: with its dashes.
        help: one line.
        value: what its value is called in the help; empty for a switch.
    """

    name: str
    help: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class Context:
    """The user's side: the agent's own arguments, the environment, the folder, the user's home.

    `options` are those of the agent's `Option`s that were given: name -> value, empty for a switch.
    """

    args: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path
    home: Path
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shared:
    """What a session shares of the memory with its agent.

    Attributes:
        project: the root of the project whose facts these are.
        agent: under which name the agent's own facts are saved.
        brief: the notes that stand at the start of its conversations; "" where there are none.
        folder: where the notes may be written for agents that put a file's path into their prompts: the same for
            the same notes, so that a conversation that is taken up again gets the same bytes.
        earlier: what conversations got that began earlier: unix seconds and notes, the oldest first.
        embeddings: the folder of the model for a search by meaning; "" where there is none.
    """

    project: Path
    agent: str
    brief: str
    folder: Path
    earlier: tuple[tuple[float, str], ...] = ()
    embeddings: str = ""


@dataclass(frozen=True, slots=True)
class Route:
    """Our side: where the proxy listens, and what belongs to this session.

    Attributes:
        url: the proxy, `http://127.0.0.1:PORT`, without a path.
        key: the session key; goes into headers and 0600 files, never into argv.
        session: the session's id.
        files: the session's own folder (0700).
        data: the data directory (`HEADROOM_HOME`), for the children that read originals.
        mcp_command: argv of the light MCP server.
        upstreams: provider name -> where its requests go in this session.
        shared: what the agent gets of the memory; None: neither notes nor tools.
    """

    url: str
    key: str
    session: str
    files: Path
    data: Path
    mcp_command: tuple[str, ...]
    upstreams: Mapping[str, Upstream] = field(default_factory=dict)
    shared: Shared | None = None

    @property
    def brief(self) -> str:
        """The notes for the start of a conversation; "" where there are none to give."""
        return "" if self.shared is None else self.shared.brief

    @property
    def mcp_env(self) -> dict[str, str]:
        """The environment of this session's MCP server."""
        env = {HOME_VARIABLE: str(self.data), "HEADROOM_SESSION": self.session}
        if self.shared is not None:
            env |= {MEMORY_VARIABLE: str(self.shared.project), AGENT_VARIABLE: self.shared.agent}
            env |= {EMBEDDINGS_VARIABLE: self.shared.embeddings} if self.shared.embeddings else {}
        return env

    @property
    def mcp_tools(self) -> tuple[str, ...]:
        """The tools that it offers, by their own names."""
        return (RETRIEVE_TOOL, *(() if self.shared is None else MEMORY_TOOLS))

    @property
    def keyed_url(self) -> str:
        """The proxy with the session key in the path: for agents that can send no header of ours."""
        return keyed_url(self.url, self.key)


@dataclass(frozen=True, slots=True)
class Upstream:
    """Where requests of one provider go, and who said so."""

    url: str
    source: str


@dataclass(frozen=True, slots=True)
class PublicName:
    """The name under which a tunnel of the user's makes the proxy known.

    Attributes:
        host: the `Host` of calls that come through it.
        bearer_file: holds what such calls must show; made where it is not there, and kept.
        authorization: what the upstream gets in its place.
    """

    host: str
    bearer_file: Path
    authorization: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Plan:
    """How to start the agent.

    Attributes:
        args: arguments after the program.
        env: variables to set for the child, on top of the user's.
        files: 0600 files to write first; all are inside `Route.files`, or inside `Shared.folder`.
        notes: sentences for the user, one line each.
        edits: files of the user's and what they hold during the session; undone when it ends.
        public: under which name the proxy answers to the user's own tunnel, if under any.
        brief: the notes of the memory that stand in its requests by this plan.
        has_memory_tools: whether the memory's tools do.
    """

    args: tuple[str, ...]
    env: Mapping[str, str]
    files: Mapping[Path, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    edits: Mapping[Path, bytes] = field(default_factory=dict)
    public: PublicName | None = None
    brief: str = ""
    has_memory_tools: bool = False


@dataclass(frozen=True, slots=True)
class Installation:
    """What `headroom wrap AGENT --install` does: it stays until `headroom unwrap AGENT`.

    Attributes:
        edits: files of the user's, and what they shall hold.
        note: a sentence on what is installed, kept with it.
        says: sentences for the user, one line each.
    """

    edits: Mapping[Path, bytes]
    note: str = ""
    says: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OwnNote:
    """One thing that an agent noted in a memory of its own: what, of which kind, in which file, in which words."""

    text: str
    kind: Kind
    file: Path
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Probe:
    """How `headroom doctor` tries the agent on one prompt, in an empty home and against an emulated provider.

    Attributes:
        args: its arguments in the mode that prints an answer and ends; the prompt comes behind them.
        env: made-up credentials, and what keeps it from updating itself and from talking to anybody else.
        files: what must stand in that home first: path below it -> text.
    """

    args: tuple[str, ...]
    env: Mapping[str, str]
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Agent:
    """One agent.

    Attributes:
        name: as typed after `headroom wrap`.
        title: as a person calls it.
        find: environment -> argv of the program (absolute), or None where it is not installed.
        install_hint: how to install it.
        upstreams: provider name -> where this user's agent sent its requests so far.
        network_env: the variables for proxies and certificates that hold for the agent.
        plan: how to start it through a route.
        has_login_shell: whether its commands run in login shells, which set PATH anew.
        retrieves_by_shell: whether its shell may run our command without asking anybody: else it is no way back.
        options: what `headroom wrap` takes for this agent alone.
        transcripts: the folders and files in which it keeps what was said and done; they need not exist.
        credentials: upstream name -> what pays there in the agent's place; asked with the upstreams of the session.
        began: when the conversation began that these arguments take up again (unix seconds); None: a new one, or one
            that the user has yet to pick.
        instructions: files of the user's with instructions that the agent reads by itself; they need not exist.
        own_notes: what it noted on the project in a memory of its own.
        works_elsewhere: whether its tools work in a folder of its own, whatever folder it is started in.
        bypasses: what would lead its requests past us, one sentence each.
        sign_ins: where credentials of its were found (a variable's name, a file), never what they are; None: not known.
        sign_in_hint: how to sign in.
        probe: how to try it; None: it cannot be tried by itself.
        why_no_probe: in that case, why not: one line.
        installation: what `--install` does: of the context, the data directory and the argv of the MCP server.
        no_savings: why nothing is saved with this agent, if that is its nature.
        why_no_calls: a sentence for the summary of a session through which no model call passed.
    """

    name: str
    title: str
    find: Callable[[Mapping[str, str]], tuple[str, ...] | None]
    install_hint: str
    upstreams: Callable[[Context], Mapping[str, Upstream]]
    network_env: Callable[[Context], Mapping[str, str]]
    plan: Callable[[Context, Route], Plan]
    has_login_shell: bool = False
    retrieves_by_shell: bool = True
    options: tuple[Option, ...] = ()
    transcripts: Callable[[Context], tuple[Path, ...]] = lambda _context: ()
    credentials: Callable[[Context, Mapping[str, Upstream]], Mapping[str, Credential]] = lambda _context, _upstreams: {}
    began: Callable[[Context], float | None] = lambda _context: None
    instructions: Callable[[Context], tuple[Path, ...]] = lambda _context: ()
    own_notes: Callable[[Context], Iterable[OwnNote]] = lambda _context: ()
    works_elsewhere: bool = False
    bypasses: Callable[[Context], tuple[str, ...]] = lambda _context: ()
    sign_ins: Callable[[Context], tuple[str, ...]] | None = None
    sign_in_hint: str = ""
    probe: Probe | None = None
    why_no_probe: str = ""
    installation: Callable[[Context, Path, tuple[str, ...]], Installation] | None = None
    no_savings: str = ""
    why_no_calls: str = ""


def find_program(name: str) -> Callable[[Mapping[str, str]], tuple[str, ...] | None]:
    """How an agent is found that is a program of this name on the user's PATH."""

    def find(env: Mapping[str, str]) -> tuple[str, ...] | None:
        program = shutil.which(name, path=env.get("PATH"))
        return None if program is None else (program,)

    return find


def variables_set(env: Mapping[str, str], *names: str) -> list[str]:
    """Those of the variables that hold something, as `sign_ins` names them."""
    return [f"{name} in the environment" for name in names if env.get(name)]


def without_proxy_for_loopback(value: str | None) -> str:
    """A `NO_PROXY` value that also names loopback."""
    hosts = [host.strip() for host in (value or "").split(",") if host.strip()]
    return ",".join([*hosts, *(host for host in LOOPBACK_HOSTS if host not in hosts)])
