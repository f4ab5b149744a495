"""`headroom proxy`: the same proxy, stand-alone, for any client that can be given a base URL."""

from __future__ import annotations

import os
import secrets
import signal
import sys
import threading
from collections.abc import Mapping
from typing import Annotated

import typer

from headroom_wrap import paths
from headroom_wrap import settings as settings_module
from headroom_wrap.proxy.config import OFFICIAL_URLS, ProxyConfig
from headroom_wrap.proxy.embedded import Compression, EmbeddedProxy
from headroom_wrap.proxy.server import bind
from headroom_wrap.settings import Settings
from headroom_wrap.store import Limits
from headroom_wrap.wrap.plan import retrieve_command
from headroom_wrap.wrap.summary import describe

DEFAULT_PORT = 8787


def command(  # noqa: PLR0913, PLR0917 - one per option
    port: Annotated[int | None, typer.Option(help=f"Port on 127.0.0.1; default {DEFAULT_PORT}.")] = None,
    level: Annotated[str | None, typer.Option(help="off, safe, balanced (default) or aggressive.")] = None,
    no_compress: Annotated[bool, typer.Option("--no-compress", help="The same as --level off.")] = False,  # noqa: FBT002 - typer's way
    exclude_tool: Annotated[list[str] | None, typer.Option(help="Never touch this tool's results.")] = None,
    cache_breakpoints: Annotated[  # noqa: FBT002 - typer's way
        bool,
        typer.Option("--cache-breakpoints", help="Mark prefixes for Anthropic's cache where the client marks none."),
    ] = False,
    anthropic_url: Annotated[str | None, typer.Option(help="Where Anthropic requests go, without /v1.")] = None,
    openai_url: Annotated[str | None, typer.Option(help="Where OpenAI requests go, with /v1.")] = None,
) -> None:
    """Run the proxy by itself, until Ctrl-C. Give its address to any client as its base URL."""
    env = dict(os.environ)
    flags = {
        "port": port,
        "level": "off" if no_compress else level,
        "exclude_tools": exclude_tool,
        "cache_breakpoints": cache_breakpoints or None,
        "anthropic_url": anthropic_url,
        "openai_url": openai_url,
    }
    settings = settings_module.load(flags, env)
    serve(settings, env)


def serve(settings: Settings, env: Mapping[str, str]) -> None:
    """Serve until SIGINT or SIGTERM.

    Raises:
        HeadroomError: `PORT_TAKEN`, `PROXY_FAILED`, `BAD_SETTING`.
    """
    data = paths.make_private_dir(paths.home(env))
    port = DEFAULT_PORT if settings.sources["port"] == "default" else settings.port
    session = f"proxy-{secrets.token_hex(4)}"
    key = secrets.token_hex(32)
    upstreams = {name: getattr(settings, f"{name}_url") or url for name, url in OFFICIAL_URLS.items()}
    config = ProxyConfig(key, session, "proxy", upstreams, require_key=False)
    retrieval = retrieve_command(env, has_login_shell=True)
    compression = Compression(
        settings.level, settings.exclude_tools, retrieval, settings.cache_breakpoints, settings.kompress_dir
    )
    limits = Limits(settings.retention_days, settings.store_max_mb)
    proxy = EmbeddedProxy(config, compression, bind(port), data, env, limits)
    key_file = data / f"proxy-{proxy.server.port}.key"
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: stopped.set())
    try:
        proxy.start()
        paths.write_private(key_file, key)
        if proxy.why_not_compressing:
            _say(f"headroom: nothing will be compressed: {proxy.why_not_compressing}")
        url = proxy.server.url
        _say(f"headroom: {url}, level {settings.level}; Ctrl-C ends it. The key of its control routes is in {key_file}")
        _say(f"headroom: ANTHROPIC_BASE_URL={url} goes to {upstreams['anthropic']}")
        _say(f"headroom: OPENAI_BASE_URL={url}/v1 goes to {upstreams['openai']}")
        stopped.wait()
    finally:
        key_file.unlink(missing_ok=True)
        proxy.stop()
        _say(describe(proxy.totals(), "the client", proxy.why_not_compressing, proxy.prefix_changes()))
        proxy.close()


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
