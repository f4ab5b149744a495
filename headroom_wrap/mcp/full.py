"""The full server (`headroom mcp serve`), on the official SDK: https://py.sdk.modelcontextprotocol.io.

It comes with the extra `mcp`. Its tools are those of the light server and two more, with the form of their answers
declared; its resources are originals and the project's notes.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit
from urllib.request import url2pathname

import anyio
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ListRootsRequest,
    ListRootsResult,
    ListToolsResult,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    ReadResourceResult,
    Resource,
    ResourceTemplate,
    TextContent,
    TextResourceContents,
)
from mcp_types import Tool as ListedTool

from headroom_wrap import __version__, paths
from headroom_wrap.errors import HeadroomError
from headroom_wrap.mcp.compressing import COMPRESS, STATS
from headroom_wrap.mcp.notes import MEMORY_TOOLS, brief_of_project
from headroom_wrap.mcp.originals import RETRIEVE_IN_FULL, read_and_note
from headroom_wrap.mcp.protocol import RESOURCE_NOT_FOUND
from headroom_wrap.mcp.resources import TEMPLATE, parse_uri
from headroom_wrap.mcp.server import AGENT_VARIABLE, EMBEDDINGS_VARIABLE, MEMORY_VARIABLE
from headroom_wrap.mcp.tool import Scene, Tool
from headroom_wrap.memory import project_of

_ROOTS_TIMEOUT_S = 3.0
_MAX_NAME_CHARS = 40
_MEMORY_TEMPLATE = {
    "uriTemplate": "headroom://memory/{project}",
    "name": "memory",
    "title": "Notes on the project",
    "description": "The best notes on the project that this server works for, by the name of its folder.",
    "mimeType": "text/plain",
}
_CHANGED = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "what": {"type": "string"},
        "replaced": {"type": "array", "items": {"type": "string"}},
        "linked": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["id", "what"],
}
_INSTRUCTIONS = (
    "Headroom shortens long tool outputs and keeps every original: a line [headroom ID: ...] names what"
    " headroom_retrieve returns. The memory tools hold notes on this project that all agents share: search them before"
    " you explore, and save what the next session should know."
)


def tools() -> tuple[Tool, ...]:
    """What is offered. Notes that are found are a text alone: only there does their frame hold."""
    memory = (tool if tool.is_read_only else dataclasses.replace(tool, output=_CHANGED) for tool in MEMORY_TOOLS)
    return (COMPRESS, RETRIEVE_IN_FULL, STATS, *memory)


def serve(env: Mapping[str, str], cwd: Path, home: Path, project: Path | None) -> None:
    """Serve on standard input and output until the client closes its end.

    Args:
        env: as of the light server.
        cwd: where the client started it: the project, where the client tells no roots.
        home: the user's; it is nobody's project.
        project: any folder of the project; None: that of `HEADROOM_MEMORY`, or as the client says.
    """

    async def run() -> None:
        server = FullServer(env, cwd, home, project).sdk
        async with stdio_server() as (reading, writing):
            await server.run(reading, writing, server.create_initialization_options())

    anyio.run(run)


class FullServer:
    """The tools and resources behind the SDK's server, which is `sdk`; the arguments are those of `serve`.

    Every call runs on the main thread, one after the other: a client waits for its answer, and only there can a
    pattern that takes too long be stopped.
    """

    def __init__(self, env: Mapping[str, str], cwd: Path, home: Path, project: Path | None) -> None:
        self._env = env
        self._cwd = cwd
        self._home = home
        told = env.get(MEMORY_VARIABLE)
        self._project = project or (Path(told) if told else None)
        self._tools = {tool.name: tool for tool in tools()}
        self.sdk: Server[Any] = Server(
            "headroom",
            version=__version__,
            title="Headroom",
            instructions=_INSTRUCTIONS,
            on_list_tools=self._list_tools,
            on_call_tool=self._call_tool,
            on_list_resources=self._list_resources,
            on_list_resource_templates=self._list_templates,
            on_read_resource=self._read_resource,
        )

    async def _list_tools(self, _ctx: ServerRequestContext[Any], _params: PaginatedRequestParams | None) -> Any:
        return ListToolsResult(tools=[ListedTool.model_validate(tool.listed()) for tool in self._tools.values()])

    async def _call_tool(self, ctx: ServerRequestContext[Any], params: CallToolRequestParams) -> CallToolResult:
        tool = self._tools.get(params.name)
        if tool is None:
            message = f"There is no tool {params.name[:_MAX_NAME_CHARS]!r} here, only {', '.join(self._tools)}."
            raise MCPError(INVALID_PARAMS, message)
        answer, is_error = tool.call(await self._scene(ctx), params.arguments)
        data = None if answer.data is None or tool.output is None or is_error else _sendable(dict(answer.data))
        content = TextContent(text=_sendable(answer.text))
        return CallToolResult(content=[content], structured_content=data, is_error=is_error)

    async def _list_resources(self, ctx: ServerRequestContext[Any], _params: PaginatedRequestParams | None) -> Any:
        scene = await self._scene(ctx)
        if scene.project is None:
            return ListResourcesResult(resources=[])
        name = scene.project.name
        told = {**_MEMORY_TEMPLATE, "name": f"memory of {name}", "uri": f"headroom://memory/{quote(name)}"}
        return ListResourcesResult(resources=[Resource.model_validate(told)])

    async def _list_templates(self, _ctx: ServerRequestContext[Any], _params: PaginatedRequestParams | None) -> Any:
        found = [ResourceTemplate.model_validate(template) for template in (TEMPLATE, _MEMORY_TEMPLATE)]
        return ListResourceTemplatesResult(resource_templates=found)

    async def _read_resource(
        self, ctx: ServerRequestContext[Any], params: ReadResourceRequestParams
    ) -> ReadResourceResult:
        uri = str(params.uri)
        scene = await self._scene(ctx)
        try:
            text = _memory(scene, uri) if urlsplit(uri).netloc == "memory" else _original(scene, uri)
        except (HeadroomError, OSError, ValueError) as error:
            raise MCPError(RESOURCE_NOT_FOUND, str(error)) from error
        contents = TextResourceContents(uri=params.uri, mime_type="text/plain", text=_sendable(text))
        return ReadResourceResult(contents=[contents])

    async def _scene(self, ctx: ServerRequestContext[Any]) -> Scene:
        client = ctx.session.client_params
        name = self._env.get(AGENT_VARIABLE) or (client.client_info.name if client is not None else "") or "agent"
        store_file = paths.store_file(paths.home(self._env))
        project = self._project or await self._told_project(ctx) or self._cwd
        return Scene(
            store_file,
            self._env.get("HEADROOM_SESSION", ""),
            name[:_MAX_NAME_CHARS],
            self._root_of(project),
            self._env.get(EMBEDDINGS_VARIABLE, ""),
        )

    async def _told_project(self, ctx: ServerRequestContext[Any]) -> Path | None:
        """The first folder that the client tells, or the one in which it started us; None where it tells none."""
        client = ctx.session.client_params
        if client is None or client.capabilities.roots is None:
            return None
        found: list[Path] = []
        with anyio.move_on_after(_ROOTS_TIMEOUT_S):
            try:
                told = await ctx.session.send_request(ListRootsRequest(), ListRootsResult)
            except MCPError:
                return None
            urls = [urlsplit(str(root.uri)) for root in told.roots]
            found = [Path(url2pathname(url.path)) for url in urls if url.scheme == "file"]
        return next((root for root in found if self._cwd.is_relative_to(root)), found[0] if found else None)

    def _root_of(self, folder: Path) -> Path | None:
        """The project of a folder. The home, and what holds it, is none: every project's notes would meet there."""
        root = project_of(folder)
        return None if self._home.resolve().is_relative_to(root) else root


def _original(scene: Scene, uri: str) -> str:
    id_, part = parse_uri(uri)
    return read_and_note(scene.store_file, scene.session, id_, part)


def _memory(scene: Scene, uri: str) -> str:
    name = unquote(urlsplit(uri).path.strip("/"))
    if scene.project is None or name not in (scene.project.name, str(scene.project).strip("/")):
        here = "none" if scene.project is None else f"headroom://memory/{quote(scene.project.name)}"
        raise ValueError(f"There are no notes at {uri[:200]!r} here; those of this project: {here}.")
    return brief_of_project(scene)


def _sendable(value: Any) -> Any:
    """Lone surrogates, which the SDK's JSON refuses, as question marks."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, list):
        return [_sendable(item) for item in value]
    if isinstance(value, dict):
        return {_sendable(key): _sendable(inner) for key, inner in value.items()}
    return value


def main(project: Path | None) -> int:
    """Serve with what this process was started with; gives the exit code."""
    serve(os.environ, Path.cwd(), Path.home(), project)
    return 0
