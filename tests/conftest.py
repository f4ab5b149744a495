"""Every test is a new user on a machine without a network."""

from __future__ import annotations

import ipaddress
import os
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from headroom_wrap import paths
from headroom_wrap.store import Store

# A shared machine is slow at times: examples are limited in number, not in time.
hypothesis.settings.register_profile("house", deadline=None)
hypothesis.settings.load_profile("house")

_THE_USERS = re.compile(
    r"HEADROOM_(?!TEST_)|XDG_|ANTHROPIC_|OPENAI_|CLAUDE_|CLAUDECODE|CODEX_|COPILOT_|GITHUB_|GH_|SSL_CERT_"
    r"|NODE_EXTRA_CA_CERTS|.*_PROXY$",
    re.IGNORECASE,
)


@pytest.fixture(autouse=True)
def new_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """HOME and our data are empty folders, no setting or credential of the real user shows, only loopback answers."""
    home = tmp_path_factory.mktemp("user")
    with pytest.MonkeyPatch.context() as patch:
        for name in filter(_THE_USERS.match, list(os.environ)):
            patch.delenv(name)
        patch.setenv("HOME", str(home))
        patch.setenv(paths.HOME_VARIABLE, str(home / "headroom"))
        for method in ("connect", "connect_ex"):
            patch.setattr(socket.socket, method, _guarded(getattr(socket.socket, method)))
        patch.setattr(socket, "getaddrinfo", _guarded_lookup(socket.getaddrinfo))
        yield


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    store = Store(tmp_path / "store.sqlite3")
    yield store
    store.close()


def _guarded(connect: Callable[..., Any]) -> Callable[..., Any]:
    def connect_to_loopback(connection: socket.socket, address: Any) -> Any:
        if connection.family != socket.AF_UNIX and not _is_loopback(address[0]):
            # No OSError: the code under test would take it for a provider that is down.
            raise RuntimeError(f"a test may not connect to {address}")
        return connect(connection, address)

    return connect_to_loopback


def _guarded_lookup(lookup: Callable[..., Any]) -> Callable[..., Any]:
    def lookup_of_loopback(host: Any, *args: Any, **kwargs: Any) -> Any:
        if host is not None and not _is_loopback(host) and not _is_address(host):
            raise socket.gaierror(socket.EAI_NONAME, f"tests have no name service: {host!r}")
        return lookup(host, *args, **kwargs)

    return lookup_of_loopback


def _is_loopback(host: str | bytes) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    return name == "localhost" or (_is_address(name) and ipaddress.ip_address(name).is_loopback)


def _is_address(host: str | bytes) -> bool:
    try:
        ipaddress.ip_address(host.decode() if isinstance(host, bytes) else host)
    except ValueError:
        return False
    return True
