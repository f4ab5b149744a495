"""The full server: the official SDK's client drives every tool and resource, in memory and over standard input."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from mcp import StdioServerParameters
from mcp.client import Client
from mcp.client.stdio import stdio_client
from mcp.shared.exceptions import MCPError
from mcp_types import ErrorData, ListRootsResult, Root
from pydantic import FileUrl

from headroom_wrap import paths
from headroom_wrap.mcp.full import FullServer
from tests.library.test_compress import LOG
from tests.mcp.test_notes import SECRET

T = TypeVar("T")
TOOLS = ["headroom_compress", "headroom_retrieve", "headroom_stats"]
MEMORY = ["memory_search", "memory_save", "memory_update", "memory_forget"]


class Place:
    """A home with a data directory and two projects, and how a client works in one of them."""

    def __init__(self, root: Path) -> None:
        self.home, self.data = root, root / "data"
        self.env: dict[str, str] = {}
        self.project, self.other = root / "one", root / "two"
        for folder in (self.project, self.other):
            (folder / ".git").mkdir(parents=True)
            (folder / ".git" / "HEAD").write_text("ref: refs/heads/main\n", encoding="utf-8")

    def use(
        self,
        work: Callable[[Client], Awaitable[T]],
        *,
        cwd: Path | None = None,
        project: Path | None = None,
        roots: list[Path] | None = None,
        mode: Any = "auto",
    ) -> T:
        async def told(context: Any) -> ListRootsResult | ErrorData:  # noqa: ARG001 - the SDK names it
            return ListRootsResult(roots=[Root(uri=FileUrl(root.as_uri())) for root in roots or ()])

        async def run() -> T:
            env = {paths.HOME_VARIABLE: str(self.data), "HEADROOM_SESSION": "s1", **self.env}
            server = FullServer(env, cwd or self.project, self.home, project)
            async with Client(server.sdk, mode=mode, list_roots_callback=None if roots is None else told) as client:
                return await work(client)

        return asyncio.run(run())

    def call(self, name: str, given: Any = None, **how: Any) -> Any:
        return self.use(lambda client: client.call_tool(name, given), **how)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_a_client_over_standard_input_drives_every_tool(place: Place, mode: Any) -> None:
    async def use() -> list[Any]:
        env = {**os.environ, paths.HOME_VARIABLE: str(place.data), "HOME": str(place.home)}
        argv = ["-m", "headroom_wrap", "mcp", "serve"]
        parameters = StdioServerParameters(command=sys.executable, args=argv, env=env, cwd=place.project)
        async with Client(stdio_client(parameters), mode=mode) as client:
            tools = (await client.list_tools()).tools
            short = await client.call_tool("headroom_compress", {"text": LOG, "query": "the error"})
            (id_,) = short.structured_content["ids"]
            back = await client.call_tool("headroom_retrieve", {"id": id_, "query": "cannot open the queue"})
            saved = await client.call_tool("memory_save", {"text": "Run make check.", "kind": "command"})
            found = await client.call_tool("memory_search", {"query": "check"})
            changed = await client.call_tool("memory_update", {"id": "m1", "text": "Run make test."})
            stats = await client.call_tool("headroom_stats", {})
            gone = await client.call_tool("memory_forget", {"id": "m1"})
            return [tools, short, back, saved, found, changed, stats, gone]

    tools, short, back, saved, found, changed, stats, gone = asyncio.run(use())
    assert [tool.name for tool in tools] == [*TOOLS, *MEMORY]
    assert all(tool.annotations.open_world_hint is False for tool in tools)
    assert {tool.name for tool in tools if tool.annotations.read_only_hint} == {
        "headroom_retrieve", "headroom_stats", "memory_search",
    }  # fmt: skip
    figures = short.structured_content
    assert figures["tokens_after"] < 0.4 * figures["tokens_before"]
    assert figures["text"] == short.content[0].text
    assert f'headroom_retrieve(id="{figures["ids"][0]}"' in short.content[0].text
    assert "ERROR cannot open /var/lib/queue.db" in back.content[0].text
    assert saved.structured_content == {"id": "m1", "what": "saved as m1", "replaced": [], "linked": []}
    assert "Run make check." in found.content[0].text
    assert found.structured_content is None
    assert changed.structured_content == {"id": "m1", "what": "changed m1"}
    assert (stats.structured_content["retrievals"], stats.structured_content["notes"]) == (1, 1)
    assert stats.structured_content["originals"] == 1
    assert gone.structured_content["what"] == "forgot m1"


def test_a_conversation_is_shortened_and_keeps_its_form(place: Place) -> None:
    messages = [
        {"role": "user", "content": "why does it fail?"},
        {"role": "assistant", "content": None, "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "bash", "arguments": '{"command": "cat app.log"}'}},
        ]},
        {"role": "tool", "tool_call_id": "c1", "content": LOG},
    ]  # fmt: skip
    result = place.call("headroom_compress", {"messages": messages})
    short = result.structured_content["messages"]
    assert short == json.loads(result.content[0].text)
    assert short[:2] == messages[:2]
    assert len(short[2]["content"]) < 0.5 * len(LOG)
    assert result.structured_content["tokens_after"] < result.structured_content["tokens_before"]


def test_a_json_document_is_read_by_path(place: Place) -> None:
    text = json.dumps({"items": [{"name": f"n{n}", "size": n} for n in range(400)], "total": 400})
    (id_,) = place.call("headroom_compress", {"text": text}).structured_content["ids"]
    found = place.call("headroom_retrieve", {"id": id_, "path": "$.items[7]"}).content[0].text
    assert found == f'[headroom original {id_}: path $.items[7], 1 value]\n{{"name":"n7","size":7}}'


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("headroom_compress", {}, "headroom_compress takes a text or messages."),
        ("headroom_compress", {"text": "x", "messages": []}, "takes a text or messages."),
        ("headroom_compress", {"text": ["x"]}, "text=['x'] is not a text."),
        ("headroom_compress", {"messages": "x"}, "messages='x' is not a list."),
        ("headroom_compress", {"messages": ["x"]}, "A message is a str."),
        ("headroom_compress", {"text": "x", "level": "most"}, "It is one of off, safe, balanced, aggressive."),
        ("headroom_retrieve", {}, "The argument id is missing."),
        ("headroom_retrieve", {"id": "h0"}, "There is no"),
        ("headroom_retrieve", {"id": "h" * 10_000}, "id has 10,000 characters"),
        ("headroom_retrieve", {"id": "h0", "regex": "x"}, "There is no argument regex."),
        ("headroom_stats", {"all": True}, "There is no argument all. It takes no arguments."),
        ("memory_save", {"txt": "x"}, "There is no argument txt. Its arguments are text, kind."),
        ("memory_save", {"text": f"The token is {SECRET}"}, "looks like a password, key or token"),
        ("memory_forget", {"id": "m5"}, "There is no fact 'm5'"),
    ],
)
def test_a_malformed_call_is_answered_for_the_model_to_mend(place: Place, name: str, given: Any, said: str) -> None:
    result = place.call(name, given)
    assert result.is_error
    assert result.structured_content is None
    assert said in result.content[0].text
    assert SECRET not in result.content[0].text


async def refused(asked: Awaitable[object]) -> str:
    """What the protocol's error says."""
    with pytest.raises(MCPError) as caught:
        await asked
    return str(caught.value)


def test_an_unknown_tool_is_an_error_of_the_protocol(place: Place) -> None:
    said = place.use(lambda client: refused(client.call_tool("memory_erase", {})))
    assert said.startswith("There is no tool 'memory_erase' here, only headroom_compress")


def test_the_project_is_the_roots_before_the_folder_of_the_server(place: Place) -> None:
    place.call("memory_save", {"text": "Project one uses tabs."}, cwd=place.other, roots=[place.project], mode="legacy")
    ask = {"query": "tabs"}
    assert "tabs" in place.call("memory_search", ask).content[0].text
    assert "No note" in place.call("memory_search", ask, cwd=place.other).content[0].text
    assert (
        "No note"
        in place.call("memory_search", ask, roots=[place.other], cwd=place.home, mode="legacy").content[0].text
    )
    assert "tabs" in place.call("memory_search", ask, cwd=place.other, project=place.project / ".git").content[0].text
    both = [place.other, place.project]
    assert "tabs" in place.call("memory_search", ask, roots=both, mode="legacy").content[0].text


def test_a_session_that_names_a_project_beats_the_folder_and_the_roots(place: Place) -> None:
    place.env = {"HEADROOM_MEMORY": str(place.other), "HEADROOM_AGENT": "openclaw"}
    place.call("memory_save", {"text": "Use tabs."}, roots=[place.project], mode="legacy")
    found = place.call("memory_search", {"query": "tabs"}).content[0].text
    assert json.loads(found.split("\n")[2])["from"] == "openclaw"
    place.env = {}
    assert "tabs" in place.call("memory_search", {"query": "tabs"}, cwd=place.other).content[0].text


@pytest.mark.parametrize("is_root", [True, False])
def test_the_home_is_no_project_where_notes_of_all_would_meet(place: Place, *, is_root: bool) -> None:
    result = place.call("memory_save", {"text": "Use tabs."}, cwd=Path(place.home.root) if is_root else place.home)
    assert result.is_error
    assert "It is not known to which project the notes belong." in result.content[0].text


def test_originals_and_the_projects_notes_are_resources(place: Place) -> None:
    async def use(client: Client) -> list[Any]:
        short = await client.call_tool("headroom_compress", {"text": LOG})
        (id_,) = short.structured_content["ids"]
        await client.call_tool("memory_save", {"text": "Run make check."})
        listed = (await client.list_resources()).resources
        templates = (await client.list_resource_templates()).resource_templates
        original = await client.read_resource(f"headroom://original/{id_}?lines=2-3")
        notes = await client.read_resource(str(listed[0].uri))
        return [listed, templates, original, notes]

    listed, templates, original, notes = place.use(use)
    assert [str(resource.uri) for resource in listed] == ["headroom://memory/one"]
    assert [template.uri_template for template in templates] == [
        "headroom://original/{id}{?lines,rows,grep}", "headroom://memory/{project}",
    ]  # fmt: skip
    assert original.contents[0].text.split("\n")[1:] == LOG.split("\n")[1:3]
    assert notes.contents[0].text.startswith("[Headroom memory: notes on this project, begin]")
    assert "Run make check." in notes.contents[0].text


@pytest.mark.parametrize(
    "uri", ["headroom://memory/two", "headroom://original/h0", "headroom://memory/", "file:///etc/passwd"]
)
def test_the_notes_of_another_project_are_no_resource_and_nothing_else_is(place: Place, uri: str) -> None:
    place.call("memory_save", {"text": "Run make check."}, cwd=place.other)
    said = place.use(lambda client: refused(client.read_resource(uri)))
    assert "make check" not in said
    assert said.startswith("There ")


def test_a_note_names_the_client_that_saved_it(place: Place) -> None:
    place.call("memory_save", {"text": "Run make check."}, mode="legacy")
    note = json.loads(place.call("memory_search", {"query": "check"}).content[0].text.split("\n")[2])
    assert note["from"] not in ("", "agent")


def test_a_text_that_json_of_the_sdk_cannot_hold_is_still_answered(place: Place) -> None:
    result = place.call("headroom_compress", {"text": "caf\ud800"})
    assert not result.is_error
    assert result.content[0].text == "caf?"


def test_without_the_sdk_it_says_what_to_type(place: Place) -> None:
    for verb in ("serve", "install"):
        code = (
            "import sys; sys.modules['mcp'] = sys.modules['mcp_types'] = None;"
            f" from headroom_wrap.cli.main import main; sys.exit(main(['mcp', '{verb}']))"
        )
        env = {**os.environ, paths.HOME_VARIABLE: str(place.data), "HOME": str(place.home)}
        done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, timeout=30, check=False)
        assert done.returncode == 2
        assert b"pip install 'headroom-wrap[mcp]'" in done.stderr
        assert done.stdout == b""
