"""Each agent that can be installed, with its own edits: killed before every step, the user's files stay the user's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from headroom_wrap.agents import AGENTS, Context, Installation
from headroom_wrap.wrap import journal, sessions
from headroom_wrap.wrap.installed import install, installed, uninstall
from tests.wrap.test_installed import count_kills

MCP = '{\r\n\t// of the team\r\n\t"mcpServers": {"docs": {"command": "docs-mcp",},}, // kept\r\n}'
OPENCLAW = """\
// mine
{
  agents: {defaults: {model: {primary: 'anthropic/claude-opus-4-6'}}},
  models: {providers: {anthropic: {baseUrl: 'https://gate', apiKey: 'sk-own'}}}, /* the gate */
  plugins: {load: {paths: ['/mine']}},
}
"""
USERS: dict[str, Mapping[str, str]] = {
    "cursor": {"project/.cursor/mcp.json": MCP, "project/.cursor/rules/own.mdc": "---\nalwaysApply: true\n---\nmine\n"},
    "openclaw": {"home/.openclaw/openclaw.json": OPENCLAW},
}
"""By agent, what this user has already."""


def files(root: Path) -> dict[str, bytes]:
    return {str(file.relative_to(root)): file.read_bytes() for file in root.rglob("*") if file.is_file()}


class User:
    """A home and a project, with the files of one agent."""

    def __init__(self, root: Path, name: str) -> None:
        self.name, self.data, self.root = name, root / "data", root / "user"
        for path, text in {"home/.profile": "", "project/app.py": "", **USERS[name]}.items():
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / path).write_bytes(text.encode())
        self.before = files(self.root)

    def wanted(self) -> Installation:
        make = AGENTS[self.name].installation
        assert make is not None
        context = Context((), {}, self.root / "project", self.root / "home")
        return make(context, self.data, ("/python", "/headroom_wrap/mcp/__main__.py"))

    def install(self, step: journal.Step = journal.no_step) -> None:
        wanted = self.wanted()
        install(self.data, self.name, wanted.edits, note=wanted.note, step=step)

    def is_complete(self) -> bool:
        return all(path.read_bytes() == data for path, data in self.wanted().edits.items())

    def uninstall(self, step: journal.Step = journal.no_step) -> None:
        assert uninstall(self.data, self.name, step=step) == []


@pytest.fixture(params=USERS)
def user(request: pytest.FixtureRequest, tmp_path: Path) -> User:
    return User(tmp_path, request.param)


def test_every_agent_that_can_be_installed_is_here() -> None:
    assert set(USERS) == {agent.name for agent in AGENTS.values() if agent.installation is not None}


def test_a_kill_before_any_step_of_an_installation_leaves_all_or_nothing(user: User) -> None:
    def look() -> None:
        sessions.recover(user.data)
        if user.name in installed(user.data):
            assert user.is_complete()
            user.uninstall()
        assert files(user.root) == user.before

    assert count_kills(user.install, look) >= 8


def test_a_kill_before_any_step_of_an_undoing_is_finished_by_the_next_start(user: User) -> None:
    def look() -> None:
        sessions.recover(user.data)
        if user.name in installed(user.data):
            user.uninstall()
        assert files(user.root) == user.before
        user.install()

    user.install()
    assert files(user.root) != user.before
    assert count_kills(user.uninstall, look) >= 5


@pytest.mark.parametrize("name", ["cursor"])
def test_a_session_that_is_killed_at_any_step_of_its_edits_leaves_the_users_files(name: str, tmp_path: Path) -> None:
    user = User(tmp_path, name)

    def edit(step: journal.Step) -> None:
        session = sessions.create(user.data, name, 0)
        try:
            with journal.Transaction(session.directory, step) as transaction:
                for file, new in user.wanted().edits.items():
                    transaction.write(file, new)
            step("agent")
        finally:
            sessions.remove(session)

    def look() -> None:
        assert all(recovered.conflicts == () for recovered in sessions.recover(user.data))
        assert files(user.root) == user.before

    assert count_kills(edit, look) >= 8
    assert files(user.root) == user.before
