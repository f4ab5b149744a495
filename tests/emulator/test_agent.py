from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from headroom_wrap.compression.markers import elision, header
from headroom_wrap.compression.model import Profile, WayBack
from headroom_wrap.emulator import faults, first_prefix_break
from headroom_wrap.emulator.provider import Options
from headroom_wrap.emulator.server import EmulatedProvider

MCP_SERVER = Path(__file__).parent / "mcp_server.py"
ROOT = Path(__file__).parents[2]
AGENT = [sys.executable, "-m", "headroom_wrap.emulator.agent"]
Environment = dict[str, str]
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def env(provider: EmulatedProvider, tmp_path: Path) -> Environment:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "PYTHONPATH": str(ROOT),
        "ANTHROPIC_BASE_URL": provider.url,
        "ANTHROPIC_API_KEY": "sk-ant-test",
    }


@pytest.fixture
def run(env: Environment, tmp_path: Path) -> Run:
    def start(*argv: str, **changes: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*AGENT, *argv],
            env={**env, **changes},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    return start


def test_a_task_with_tools_ends_with_the_right_answer(run: Run, provider: EmulatedProvider, tmp_path: Path) -> None:
    (tmp_path / "app.log").write_text("INFO a\nFATAL disk full\nINFO b\n", encoding="utf-8")
    prompt = '[[say Looking.]] [[tool Bash {"command": "cat app.log"} & Read {"file_path": "app.log"}]] [[find FATAL]]'
    ended = run("-p", prompt)
    assert ended.returncode == 0
    assert ended.stdout == "     2\tFATAL disk full\nFATAL disk full\n"
    assert ended.stderr.splitlines() == [
        "step 1: Bash cat app.log -> 29 characters",
        "step 1: Read app.log -> 50 characters",
    ]
    assert [(record.method, record.path) for record in provider.requests] == [
        ("HEAD", "/"),
        ("POST", "/v1/messages?beta=true"),
        ("POST", "/v1/messages?beta=true"),
    ]


def test_requests_look_like_claude_codes(run: Run, provider: EmulatedProvider) -> None:
    run("-p", '[[tool Bash {"command": "echo é"}]]')
    first, second = provider.model_requests
    assert first_prefix_break(first.content, second.content) is None
    body = second.json
    assert [message["role"] for message in body["messages"]] == ["user", "system", "assistant", "user"]
    assert isinstance(body["messages"][1]["content"], str)
    marked = [block for block in (*body["tools"], *body["system"]) if "cache_control" in block]
    assert marked == [body["tools"][-1], body["system"][-1]]
    assert body["messages"][-1]["content"][-1]["cache_control"] == {"type": "ephemeral"}
    assert "cache_control" not in json.dumps(body["messages"][:-1])
    session = json.loads(body["metadata"]["user_id"])["session_id"]
    assert second.header("X-Claude-Code-Session-Id") == session
    assert "é".encode() in second.body
    assert body["stream"] is True
    rows = provider.cache_report().rows
    assert rows[1].usage.read == rows[0].usage.written > 1024


def test_oauth_marks_live_for_an_hour(run: Run, provider: EmulatedProvider) -> None:
    changes = {"ANTHROPIC_API_KEY": "", "CLAUDE_CODE_OAUTH_TOKEN": "sk-ant-oat01"}
    run("-p", "hello", **changes)
    request = provider.model_requests[0]
    assert request.header("authorization") == "Bearer sk-ant-oat01"
    assert request.header("x-api-key") is None
    assert request.json["system"][-1]["cache_control"] == {"type": "ephemeral", "ttl": "1h"}
    assert request.usage is not None
    assert request.usage.written_1h > 0


def test_a_failing_tool_is_an_error_result_and_the_agent_goes_on(run: Run, provider: EmulatedProvider) -> None:
    ended = run(
        "-p", '[[tool Bash {"command": "echo no; exit 3"}]] [[tool Read {"file_path": "nowhere"}]] [[say fine]]'
    )
    assert (ended.returncode, ended.stdout) == (0, "fine\n")
    assert "step 1: Bash echo no; exit 3 -> 14 characters (failed)" in ended.stderr
    results = [message["content"][-1] for message in provider.model_requests[-1].json["messages"][3::2]]
    assert [result["is_error"] for result in results] == [True, True]
    assert results[0]["content"] == "Exit code 3\nno"


def test_twelve_turns_keep_the_prefix(run: Run, provider: EmulatedProvider) -> None:
    assert run("-p", '[[repeat 12 Bash {"command": "echo {i}"}]] [[find 12]]').stdout == "12\n"
    rows = provider.cache_report().rows
    assert len(rows) == 13
    assert all(row.prefix_break is None for row in rows)
    assert provider.cache_report().hit_rate > 0.85


def test_a_resumed_conversation_sends_the_identical_messages(
    run: Run, provider: EmulatedProvider, tmp_path: Path
) -> None:
    file = tmp_path / "conversation.json"
    run("-p", '[[think hm]] [[tool Bash {"command": "echo 1"}]] [[say one]]', "--transcript", str(file))
    assert file.stat().st_mode & 0o777 == 0o600
    ended = run("-p", '[[tool Bash {"command": "echo 2"}]] [[say two]]', "--resume", str(file))
    assert ended.stdout == "two\n"
    requests = provider.model_requests
    assert len(requests) == 4
    breaks = [first_prefix_break(a.content, b.content) for a, b in itertools.pairwise(requests)]
    assert breaks == [None, None, None]
    assert len({request.header("X-Claude-Code-Session-Id") for request in requests}) == 1


def test_tools_of_mcp_servers_are_offered_and_called(run: Run, provider: EmulatedProvider, tmp_path: Path) -> None:
    sent = (
        header("h-1", 214, 240, "lines", Profile(way_back=WayBack.MCP))
        + "\nfirst\n"
        + elision(12, 225, "214 INFO")
        + "\nlast"
    )
    (tmp_path / "sent").write_text(sent, encoding="utf-8")
    config = {"mcpServers": {"headroom": {"command": sys.executable, "args": [str(MCP_SERVER)]}}}
    prompt = '[[tool Bash {"command": "cat sent"}]] [[retrieve]] [[find retrieved]]'
    ended = run("-p", prompt, "--mcp-config", json.dumps(config))
    assert ended.stdout == 'retrieved {"id": "h-1", "lines": "12-225"}\n'
    names = [[tool["name"] for tool in request.json["tools"]] for request in provider.model_requests]
    assert names == [["Bash", "Read", "mcp__headroom__headroom_retrieve"]] * 3


def test_an_mcp_server_that_does_not_start_is_told_and_left_out(run: Run) -> None:
    ended = run("-p", "[[say fine]]", "--mcp-config", '{"mcpServers": {"gone": {"command": "/nowhere/server"}}}')
    assert (ended.returncode, ended.stdout) == (0, "fine\n")
    assert "MCP server gone does not start" in ended.stderr


@pytest.mark.parametrize("status", [429, 500, 529])
def test_a_passing_failure_is_retried_with_the_same_bytes(run: Run, provider: EmulatedProvider, status: int) -> None:
    provider.faults.add(faults.status(status), times=2)
    assert run("-p", "[[say fine]]").stdout == "fine\n"
    assert len({request.body for request in provider.model_requests}) == 1
    assert [request.status for request in provider.model_requests] == [status, status, 200]


def test_retries_end(run: Run, provider: EmulatedProvider) -> None:
    provider.faults.add(faults.status(529), times=None)
    ended = run("-p", "[[say fine]]", "--max-retries", "1")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "API Error: 529 Overloaded" in ended.stderr
    assert len(provider.model_requests) == 2


def test_a_lasting_refusal_is_not_retried(run: Run, provider: EmulatedProvider) -> None:
    provider.faults.add(faults.status(400, body='{"error": {"message": "no such model"}}'), times=None)
    ended = run("-p", "[[say fine]]")
    assert ended.returncode == 1
    assert "API Error: 400 no such model" in ended.stderr
    assert len(provider.model_requests) == 1


@pytest.mark.parametrize("fault", [faults.reset(3), faults.truncate(3)], ids=["reset", "truncate"])
def test_a_broken_stream_is_asked_again_without_streaming(
    run: Run, provider: EmulatedProvider, fault: faults.Fault
) -> None:
    provider.faults.add(fault)
    assert run("-p", "[[say fine]]").stdout == "fine\n"
    first, second = (request.json for request in provider.model_requests)
    assert first.pop("stream") is True
    assert first == second


def test_encoded_streams_are_read(env: Environment) -> None:
    with EmulatedProvider(options=Options(coding="gzip")) as provider:
        environment = {**env, "ANTHROPIC_BASE_URL": provider.url}
        ended = subprocess.run([*AGENT, "-p", "[[say fine]]"], env=environment, capture_output=True, check=True)
        assert ended.stdout == b"fine\n"
        assert provider.requests[1].header("accept-encoding") == "gzip"


def test_a_path_in_the_base_url_is_kept(run: Run, provider: EmulatedProvider) -> None:
    ended = run("-p", "hello", ANTHROPIC_BASE_URL=f"{provider.url}/gateway/", ANTHROPIC_CUSTOM_HEADERS="x-key: secret")
    assert ended.returncode == 1
    assert [request.path for request in provider.requests] == ["/gateway", "/gateway/v1/messages?beta=true"]
    assert provider.requests[1].header("x-key") == "secret"


def test_without_credentials_only_the_greeting_is_sent(run: Run, provider: EmulatedProvider) -> None:
    ended = run("-p", "hello", ANTHROPIC_API_KEY="")
    assert ended.returncode == 1
    assert "Not logged in" in ended.stderr
    assert [request.method for request in provider.requests] == ["HEAD"]


def test_nobody_at_the_address_is_an_api_failure(run: Run) -> None:
    ended = run("-p", "hello", "--max-retries", "0", ANTHROPIC_BASE_URL="http://127.0.0.1:9")
    assert ended.returncode == 1
    assert "API Error: cannot reach 127.0.0.1:9" in ended.stderr


def test_json_output_gives_the_sum_of_usage(run: Run) -> None:
    ended = run("-p", '[[tool Bash {"command": "true"}]] [[say fine]]', "--output-format", "json", "--quiet")
    said = json.loads(ended.stdout)
    assert (said["result"], said["num_turns"], said["is_error"], ended.stderr) == ("fine", 2, False, "")
    assert said["usage"]["cache_read_input_tokens"] > 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_an_interrupted_agent_ends_its_children_and_says_so(
    env: Environment, provider: EmulatedProvider, number: signal.Signals, code: int
) -> None:
    config = {"mcpServers": {"headroom": {"command": sys.executable, "args": [str(MCP_SERVER)]}}}
    held = provider.faults.add(faults.hold(2), after=1).hold
    assert held is not None
    prompt = '[[tool Bash {"command": "true"}]] [[say never]]'
    agent = subprocess.Popen([*AGENT, "-p", prompt, "--mcp-config", json.dumps(config)], env=env)
    assert held.reached.wait(10)
    children = psutil.Process(agent.pid).children(recursive=True)
    assert children
    agent.send_signal(number)
    assert agent.wait(5) == code
    assert psutil.wait_procs(children, 5)[1] == []
    assert provider.wait_for(lambda: provider.requests[-1].disconnected is not None)


def test_an_interrupt_ends_a_running_command(env: Environment, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    command = json.dumps({"command": f"echo $$ > {fifo}; exec sleep 600"})
    agent = subprocess.Popen([*AGENT, "-p", f"[[tool Bash {command}]]"], env=env)
    child = psutil.Process(int(fifo.read_text(encoding="utf-8")))
    agent.send_signal(signal.SIGINT)
    assert agent.wait(5) == 130
    assert psutil.wait_procs([child], 5)[1] == []
