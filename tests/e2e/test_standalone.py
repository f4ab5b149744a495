"""`headroom proxy`: any client with a base URL, retrieval through its shell, and a clean end."""

from __future__ import annotations

import signal
import sys
from typing import Any

import anthropic
import httpx
import pytest

from headroom_wrap.emulator.server import EmulatedProvider
from tests.e2e.sandbox import CREDENTIALS, Sandbox, Standalone, assert_append_only, sent_results
from tests.e2e.tasks import HIDDEN, RETRIEVES

pytestmark = pytest.mark.e2e


def test_a_client_without_our_tool_retrieves_through_its_shell(
    proxy: Standalone, sandbox: Sandbox, provider: EmulatedProvider
) -> None:
    sandbox.env.update(CREDENTIALS["key"] | {"ANTHROPIC_BASE_URL": proxy.url})
    done = sandbox.run(sys.executable, "-m", "headroom_wrap.emulator.agent", "-p", RETRIEVES.prompt)
    assert done.returncode == 0, done.stderr
    assert HIDDEN in done.stdout
    assert "headroom retrieve h" in sent_results(provider.model_requests[-1])[0]
    assert_append_only(provider)


def test_the_providers_sdk_works_through_it(proxy: Standalone, provider: EmulatedProvider) -> None:
    client = anthropic.Anthropic(base_url=proxy.url, api_key="sk-ant-x", max_retries=0)
    messages = [{"role": "user", "content": "[[say good day]]"}]
    ask: dict[str, Any] = {"model": "claude-opus-4-8", "max_tokens": 100, "messages": messages}
    assert client.messages.create(**ask).content[0].text == "good day"
    with client.messages.stream(**ask) as stream:
        assert "".join(stream.text_stream) == "good day"
    del ask["max_tokens"]
    assert client.messages.count_tokens(**ask).input_tokens > 0
    assert [request.path.partition("?")[0] for request in provider.requests[-1:]] == ["/v1/messages/count_tokens"]
    client.close()


def test_the_key_of_the_control_route_is_in_a_private_file_that_goes_with_the_proxy(
    proxy: Standalone, sandbox: Sandbox
) -> None:
    url, process = proxy.url, proxy.process
    assert httpx.get(f"{url}/health").status_code == 403
    assert process.stderr is not None
    process.stderr.readline()
    (file,) = sandbox.data.glob("proxy-*.key")
    assert file.stat().st_mode & 0o777 == 0o600
    assert httpx.get(f"{url}/health", headers={"x-headroom-key": file.read_text()}).json()["status"] == "ok"
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=10)
    assert process.returncode == 0
    assert not file.exists()


def test_a_port_that_is_taken_is_an_error_that_says_what_to_type(proxy: Standalone, sandbox: Sandbox) -> None:
    port = proxy.url.rpartition(":")[2]
    done = sandbox.run(sys.executable, "-m", "headroom_wrap", "proxy", "--port", port)
    assert done.returncode == 2
    assert "--port" in done.stderr
