"""The proxy ends in the middle of a session: it is restarted on its port, and the same bytes go out."""

from __future__ import annotations

import threading

import pytest

from headroom_wrap import settings
from headroom_wrap.agents import Context, agent_named
from headroom_wrap.emulator.server import EmulatedProvider
from headroom_wrap.proxy.embedded import EmbeddedProxy
from headroom_wrap.wrap import session
from headroom_wrap.wrap.child import ChildExit
from headroom_wrap.wrap.plan import Launch
from tests.e2e.sandbox import CREDENTIALS, Sandbox, assert_append_only, sent_results, with_tools
from tests.e2e.tasks import FATAL

pytestmark = pytest.mark.e2e

PROMPT = '[[tool Bash {"command":"cat app.log"}]] [[tool Bash {"command":"sleep 3"}]] [[find FATAL]]'
ARGUMENTS = {"demo": ("-p", PROMPT), "claude": ("--allowedTools=Bash", "-p", PROMPT)}


@pytest.fixture
def proxies(monkeypatch: pytest.MonkeyPatch) -> list[EmbeddedProxy]:
    """The proxies that sessions of this process start."""
    made: list[EmbeddedProxy] = []

    def make(*arguments: object) -> EmbeddedProxy:
        made.append(EmbeddedProxy(*arguments))  # type: ignore[arg-type]  # passed on as they are
        return made[-1]

    monkeypatch.setattr(session, "EmbeddedProxy", make)
    return made


@pytest.mark.parametrize("agent", ARGUMENTS)
def test_a_proxy_that_ends_in_mid_session_is_restarted_and_sends_the_same_bytes(
    agent: str,
    claude_sandbox: Sandbox,
    provider: EmulatedProvider,
    proxies: list[EmbeddedProxy],
    capfd: pytest.CaptureFixture[str],
) -> None:
    sandbox = claude_sandbox
    sandbox.env.update(CREDENTIALS["key"])
    context = Context(ARGUMENTS[agent], sandbox.env, sandbox.work, sandbox.home)
    launch = Launch(agent_named(agent), context, settings.load({}, sandbox.env), verbose=True)
    said: list[str] = []

    def end_the_proxy() -> None:
        provider.wait_for(lambda: len([call for call in provider.model_requests if call.finished]) == 2, 40)
        run = proxies[0].server._run  # noqa: SLF001 - the only way to break it from outside
        assert run is not None
        run.end()

    breaker = threading.Thread(target=end_the_proxy)
    breaker.start()
    ended = session.run(launch, said.append)
    breaker.join()
    assert ended == ChildExit(code=0)
    assert FATAL in capfd.readouterr().out
    assert any("proxy restarted" in line for line in said)
    assert_append_only(provider)
    second, third = with_tools(provider.model_requests)[1:]
    assert sent_results(third)[0] == sent_results(second)[0]
    assert "[headroom h" in sent_results(third)[0]
