"""Our server in the files of agents and editors: added once, taken out to the byte, whatever happens in between."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from headroom_wrap.edits import jsonc, toml
from headroom_wrap.errors import HeadroomError
from headroom_wrap.mcp.entries import is_ours
from headroom_wrap.wrap import journal, mcp_clients, sessions
from headroom_wrap.wrap.installed import installed
from headroom_wrap.wrap.journal import Outcome
from headroom_wrap.wrap.mcp_clients import CLIENTS, Client, Home, State
from tests.wrap.test_installed import count_kills

JSON = '{{\r\n\t// of the team\r\n\t"{0}": {{"docs": {{"command": "docs-mcp",}},}}, // kept\r\n\t"zoom": 1e2\r\n}}'
TEXTS = {
    "claude": '{\n  "numStartups": 12,\n  "mcpServers": {},\n  "projects": {"/p": {"mcpServers": {}}}\n}',
    "codex": '# mine\nmodel = "gpt-5.5"   # kept\n\n[mcp_servers.docs]\ncommand = \'docs-mcp\'\n\n[tui]\ntheme = "x"\n',
    "copilot": JSON.format("mcpServers"),
    "cursor": JSON.format("mcpServers"),
    "openclaw": "// mine\n{\n  mcp: {servers: {docs: {command: 'docs-mcp'}}}, /* kept */\n  gateway: {port: 1},\n}\n",
    "vscode": '{\n  // docs\n    "servers": {\n        "docs": {"command": "docs-mcp"}\n    },\n    "inputs": []\n}\n',
}
PLACES = {
    "claude": ".claude.json",
    "codex": ".codex/config.toml",
    "copilot": ".copilot/mcp-config.json",
    "cursor": ".cursor/mcp.json",
    "openclaw": ".openclaw/openclaw.json",
    "vscode": ".config/Code/User/mcp.json",
}


class User:
    """A home with the file of one client in it, or without."""

    def __init__(self, root: Path, client: Client, text: str | None) -> None:
        self.client = client
        self.home = Home(root / "home", {}, root / "data", "linux")
        self.home.home.mkdir()
        (self.home.home / "own.txt").write_text("mine", encoding="utf-8")
        self.file = client.file(self.home)
        if text is not None:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            self.file.write_bytes(text.encode())
        self.before = self.files()

    def files(self) -> dict[str, bytes]:
        """Files and folders of the home."""
        root = self.home.home
        return {str(path.relative_to(root)): path.read_bytes() if path.is_file() else b"" for path in root.rglob("*")}

    def install(self, step: journal.Step = journal.no_step) -> str:
        return mcp_clients.install(self.client, self.home, step)

    def uninstall(self, step: journal.Step = journal.no_step) -> None:
        assert mcp_clients.uninstall(self.client, self.home, step=step) == []

    def servers(self) -> Mapping[str, Mapping[str, object]]:
        form = toml if self.file.suffix == ".toml" else jsonc
        found = form.load(self.file.read_bytes().decode())
        for key in self.client.servers:
            found = found[key]
        return dict(found)

    def state(self) -> State:
        return mcp_clients.state(self.client, self.home)


@pytest.fixture(params=CLIENTS)
def client(request: pytest.FixtureRequest) -> Client:
    return CLIENTS[request.param]


@pytest.fixture(params=[True, False], ids=["with a file", "without one"])
def user(request: pytest.FixtureRequest, client: Client, tmp_path: Path) -> User:
    return User(tmp_path, client, TEXTS[client.name] if request.param else None)


def test_it_is_added_once_and_taken_out_to_the_byte(user: User) -> None:
    assert user.state().what == "none"
    assert user.install() == f"added to {user.file}"
    assert user.file == user.home.home / PLACES[user.client.name]
    text = user.file.read_bytes()
    for kept in (b"// of the team\r\n", b"# kept", b"/* kept */", b"// docs", b"numStartups"):
        assert (kept in text) == any(kept in before for before in user.before.values())
    entry = user.servers()["headroom"]
    assert entry["args"] in (["mcp", "serve"], ["-m", "headroom_wrap", "mcp", "serve"])
    assert entry["env"] == {"HEADROOM_HOME": str(user.home.data), "HEADROOM_AGENT": user.client.name}
    assert is_ours(entry)
    assert user.state() == State(user.client.name, "installed", "headroom", user.file)
    assert user.install() == f"{user.file} has it already"
    assert user.file.read_bytes() == text
    user.uninstall()
    assert user.files() == user.before
    assert user.state().what == "none"
    assert installed(user.home.data) == {}


def test_what_the_user_changed_since_stays(user: User) -> None:
    user.install()
    form = toml if user.file.suffix == ".toml" else jsonc
    path = (*user.client.servers, "mine")
    user.file.write_bytes(form.set_value(user.file.read_bytes().decode(), path, {"command": "mine"}).encode())
    outcomes: list[Outcome] = []
    assert mcp_clients.uninstall(user.client, user.home, lambda outcome, _path: outcomes.append(outcome)) == []
    assert outcomes == [Outcome.MERGED]
    assert "headroom" not in user.servers()
    assert user.servers()["mine"] == {"command": "mine"}


def test_an_entry_of_ours_under_another_name_is_found_and_left(client: Client, tmp_path: Path) -> None:
    form = toml if client.name == "codex" else jsonc
    path = (*client.servers, "shrink")
    text = form.set_value(TEXTS[client.name], path, {"command": "/opt/bin/headroom", "args": ["mcp", "serve"]})
    user = User(tmp_path, client, text)
    assert user.install() == f"{user.file} has it already, as shrink; it was left as it is"
    assert user.state() == State(client.name, "by hand", "shrink", user.file)
    user.uninstall()
    assert user.files() == user.before


def test_another_server_with_our_name_is_never_replaced(client: Client, tmp_path: Path) -> None:
    form = toml if client.name == "codex" else jsonc
    text = form.set_value(TEXTS[client.name], (*client.servers, "headroom"), {"command": "other-tool"})
    user = User(tmp_path, client, text)
    with pytest.raises(HeadroomError, match="has another MCP server with the name headroom; nothing was changed"):
        user.install()
    assert user.state().what == "another"
    assert user.files() == user.before


@pytest.mark.parametrize("text", ["{ broken", "\x00\x01", "[1"])
def test_a_file_that_cannot_be_read_is_refused_and_left(client: Client, tmp_path: Path, text: str) -> None:
    user = User(tmp_path, client, text)
    with pytest.raises(HeadroomError, match=r"was not edited"):
        user.install()
    assert user.files() == user.before
    assert installed(user.home.data) == {}


def test_a_program_that_has_moved_renews_the_entry_and_the_users_text_still_comes_back(
    user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    for program in ("/old/bin/headroom", "/new/bin/headroom"):
        monkeypatch.setattr(mcp_clients, "own_command", lambda program=program: Path(program))
        assert user.install() == f"added to {user.file}"
        assert user.servers()["headroom"]["command"] == program
    user.uninstall()
    assert user.files() == user.before


def test_a_kill_before_any_step_of_an_installation_leaves_all_or_nothing(user: User) -> None:
    def look() -> None:
        forget_lock(user)
        sessions.recover(user.home.data)
        if mcp_clients.is_installed(user.client, user.home):
            assert is_ours(user.servers()["headroom"])
            user.uninstall()
        assert user.files() == user.before

    assert count_kills(user.install, look) >= 8


def test_a_kill_before_any_step_of_an_undoing_is_finished_by_the_next_start(user: User) -> None:
    def look() -> None:
        forget_lock(user)
        sessions.recover(user.home.data)
        user.uninstall()
        assert user.files() == user.before
        user.install()

    user.install()
    assert count_kills(user.uninstall, look) >= 4


def forget_lock(user: User) -> None:
    """What Claude Code and we do with a lock whose holder is gone: after ten seconds it counts no more."""
    lock = Path(f"{user.file}.lock")
    if lock.exists():
        assert user.client.locks
        lock.rmdir()


def test_a_lock_of_the_client_is_respected_until_it_is_stale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mcp_clients, "_LOCK_WAIT_S", 0.1)
    user = User(tmp_path, CLIENTS["claude"], TEXTS["claude"])
    lock = Path(f"{user.file}.lock")
    lock.mkdir()
    with pytest.raises(HeadroomError, match="Claude Code holds"):
        user.install()
    assert user.file.read_bytes() == TEXTS["claude"].encode()
    long_ago = time.time() - 60
    os.utime(lock, (long_ago, long_ago))
    user.install()
    assert "headroom" in user.servers()
    assert not lock.exists()


@pytest.mark.parametrize(
    ("name", "env", "platform", "place"),
    [
        ("claude", {"CLAUDE_CONFIG_DIR": "/c"}, "linux", "/c/.claude.json"),
        ("codex", {"CODEX_HOME": "/c"}, "linux", "/c/config.toml"),
        ("copilot", {"COPILOT_HOME": "/c"}, "linux", "/c/mcp-config.json"),
        ("openclaw", {"OPENCLAW_CONFIG_PATH": "/c/o.json"}, "linux", "/c/o.json"),
        ("openclaw", {"OPENCLAW_STATE_DIR": "/c"}, "linux", "/c/openclaw.json"),
        ("vscode", {"XDG_CONFIG_HOME": "/c"}, "linux", "/c/Code/User/mcp.json"),
        ("vscode", {}, "darwin", "/home/u/Library/Application Support/Code/User/mcp.json"),
        ("vscode", {"APPDATA": "/c"}, "win32", "/c/Code/User/mcp.json"),
        ("vscode", {"VSCODE_PORTABLE": "/c"}, "linux", "/c/user-data/User/mcp.json"),
    ],
)
def test_the_variables_of_clients_are_honoured(name: str, env: dict[str, str], platform: str, place: str) -> None:
    assert CLIENTS[name].file(Home(Path("/home/u"), env, Path("/d"), platform)) == Path(place)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"command": "headroom", "args": ["mcp"]}, True),
        ({"command": "/usr/bin/headroom", "args": ["mcp", "serve"]}, True),
        ({"command": "C:\\Tools\\headroom.exe", "args": ["mcp", "serve"]}, True),
        ({"command": "python3", "args": ["-m", "headroom_wrap", "mcp", "serve"]}, True),
        ({"command": "python3", "args": ["/x/headroom_wrap/mcp/__main__.py"]}, True),
        ({"command": ["uvx", "headroom", "mcp"]}, True),
        ({"command": "headroom", "args": ["proxy"]}, False),
        ({"command": "docs-mcp", "args": ["headroom"]}, False),
        ({"url": "https://example.com/mcp"}, False),
        ("headroom mcp", False),
    ],
)
def test_an_entry_is_ours_by_what_it_starts(entry: object, *, expected: bool) -> None:
    assert is_ours(entry) is expected


def test_the_verbs_set_up_what_is_there_say_so_and_undo_it(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / ".codex").mkdir(parents=True)
    (home / ".codex" / "config.toml").write_text(TEXTS["codex"], encoding="utf-8")
    env = {"HOME": str(home), "PATH": "/nonexistent", "HEADROOM_HOME": str(tmp_path / "data")}
    env |= {"PYTHONPATH": os.environ["PYTHONPATH"]} if "PYTHONPATH" in os.environ else {}

    def run(*words: str) -> tuple[int, str, str]:
        argv = [sys.executable, "-m", "headroom_wrap", "mcp", *words]
        done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout, done.stderr

    file = home / ".codex" / "config.toml"
    assert run("install") == (0, "", f"headroom: Codex: added to {file}\n")
    states = {row["agent"]: row["state"] for row in json.loads(run("status", "--json")[1])}
    assert states == {name: "installed" if name == "codex" else "none" for name in CLIENTS}
    assert run("uninstall") == (0, "", f"headroom: {file} is again what it was\n")
    assert run("uninstall") == (0, "", "headroom: nothing is installed\n")
    assert file.read_text(encoding="utf-8") == TEXTS["codex"]
    assert run("install", "emacs")[2] == (
        "headroom: headroom mcp does not know 'emacs'. There are claude, codex, copilot, cursor, openclaw, vscode.\n"
    )
    assert run("frobnicate")[0] == 2
