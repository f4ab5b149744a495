"""`headroom copilot-auth login | status | logout`: signing in to GitHub for Copilot."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from headroom_wrap import paths
from headroom_wrap import settings as settings_module
from headroom_wrap.auth.copilot import CopilotCredential, Status
from headroom_wrap.auth.device_flow import DeviceCode
from headroom_wrap.auth.discovery import OWN
from headroom_wrap.cli.display import console, printable, when
from headroom_wrap.settings import Settings

command = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Sign in to GitHub for Copilot: headroom wrap copilot --subscription uses it.",
)

TERMS = "Copilot's endpoint for other programs is undocumented, and GitHub may limit excessive automated use."

_EXIT_SIGNED_OUT = 1
_EXIT_INTERRUPTED = 130
_TICK_S = 0.25


@command.command()
def login(
    in_file: Annotated[  # noqa: FBT002 - typer's way
        bool, typer.Option("--file", help="Keep the sign-in in a file readable by you alone, not in the keyring.")
    ] = False,
) -> None:
    """Sign in with a code that you type into GitHub's page."""
    settings, credential = _open()
    out = console()
    out.print(TERMS)
    place, why = credential.vault.place(credential.hosts.domain, in_file=in_file)
    if why:
        out.print(f"The sign-in will be kept in {place}, readable by you alone: {why}.", soft_wrap=True)
    countdown = _Countdown(out, time.time)
    try:
        with countdown:
            kept, _ = asyncio.run(
                credential.login(settings.copilot_client_id, countdown.show, countdown.pause, in_file=in_file)
            )
    except KeyboardInterrupt:
        sys.stderr.write("headroom: the sign-in was stopped, and nothing was kept.\n")
        raise typer.Exit(_EXIT_INTERRUPTED) from None
    who = f" as {printable(kept.sign_in.login)}" if kept.sign_in.login else ""
    out.print(f"Signed in to {credential.hosts.domain}{who}. Kept in: {kept.where}.", soft_wrap=True)
    now = credential.status()
    if now.source != OWN:
        out.print(f"Another token comes before it here: {now.source}. Unset it to use this sign-in.", soft_wrap=True)


@command.command()
def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,  # noqa: FBT002 - typer's way
) -> None:
    """Say who is signed in, by what, and until when; exit code 1 if nobody is. Tokens are never shown."""
    _, credential = _open()
    found = credential.status()
    if as_json:
        sys.stdout.write(json.dumps(_as_json(found), indent=2) + "\n")
    else:
        console().print(_table(found))
    if not found.is_signed_in:
        raise typer.Exit(_EXIT_SIGNED_OUT)


@command.command()
def logout() -> None:
    """Forget the sign-in and every token that came of it; those of other programs stay."""
    _, credential = _open()
    removed = asyncio.run(credential.logout())
    out = console()
    if not removed:
        out.print(f"Nobody was signed in to {credential.hosts.domain} with Headroom.")
    else:
        out.print(f"Signed out of {credential.hosts.domain}. Removed from: {', '.join(removed)}.", soft_wrap=True)
        out.print(f"To revoke it at GitHub too: {credential.hosts.web}/settings/apps/authorizations", soft_wrap=True)
    left = credential.status()
    if left.is_signed_in:
        out.print(f"Another token is still found: {left.source}.", soft_wrap=True)


class _Countdown:
    """Shows the code and how long it lives: in place on a terminal, else once in plain lines."""

    def __init__(self, out: Console, clock: Callable[[], float]) -> None:
        self._out = out
        self._clock = clock
        self._live = Live(console=out, auto_refresh=False, transient=True) if out.is_terminal else None

    def __enter__(self) -> _Countdown:  # noqa: PYI034 - Python 3.10 has no Self
        return self

    def __exit__(self, *ending: object) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, code: DeviceCode) -> None:
        """Tell the code."""
        page = Text(code.page, style=f"link {code.page}") if self._live is not None else Text(code.page)
        self._out.print(Text.assemble("Open ", page, " and type in the code ", (printable(code.user_code), "bold")))
        if self._live is None:
            self._out.print(f"The code expires in {_clock_face(code.expires_at - self._clock())}.")
            self._out.file.flush()
            return
        self._live.start()

    async def pause(self, seconds: float, code: DeviceCode) -> None:
        """Let time pass, counting down."""
        deadline = time.monotonic() + seconds
        while (left_s := deadline - time.monotonic()) > 0:
            if self._live is not None:
                face = _clock_face(code.expires_at - self._clock())
                self._live.update(Text(f"Waiting for you; the code expires in {face}. Ctrl-C stops."), refresh=True)
            await asyncio.sleep(min(left_s, _TICK_S) if self._live is not None else left_s)


def _open(env: Mapping[str, str] | None = None) -> tuple[Settings, CopilotCredential]:
    env = os.environ if env is None else env
    settings = settings_module.load({}, env)
    return settings, CopilotCredential(env, Path.home(), paths.home(env), copilot_url=settings.copilot_url)


def _clock_face(seconds: float) -> str:
    """`14:59`."""
    minutes, rest = divmod(max(int(seconds), 0), 60)
    return f"{minutes}:{rest:02d}"


def _as_json(found: Status) -> dict[str, object]:
    ends = found.expires_at
    iso = None if ends is None else datetime.fromtimestamp(ends, timezone.utc).isoformat()
    return {"signed_in": found.is_signed_in, **asdict(found), "expires_at": iso}


def _table(found: Status) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    if found.is_signed_in:
        ends = f"renewed before {when(found.expires_at)}" if found.way == "exchange" else when(found.expires_at)
        for name, value in (
            ("signed in to", found.domain),
            ("account", found.login or "not known"),
            ("from", found.source),
            ("class", found.token_class),
            ("kept in", found.where),
            ("reaches", f"{found.api_url} ({found.way})"),
            ("current token", ends if found.expires_at else ""),
        ):
            if value:
                table.add_row(name, printable(value))
    else:
        table.add_row("signed in to", "nothing; sign in with: headroom copilot-auth login")
    for place in found.passed_over:
        table.add_row("passed over", printable(place))
    return table
