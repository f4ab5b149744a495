"""The servers that are compared, each a process of its own on loopback: started, waited for, and ended by pid."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from headroom_wrap import paths
from headroom_wrap.evals.bench.provider import MESSAGE

START_LIMIT_S = 60
_OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "DO_NOT_TRACK": "1",
    # Whatever else it may try to reach: port 9 discards, and on most machines refuses.
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "NO_PROXY": "127.0.0.1,localhost",
}
_NGINX = """\
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_max_body_size 64m;
    client_body_buffer_size 1m;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    scgi_temp_path {folder}/scgi;
    uwsgi_temp_path {folder}/uwsgi;
    keepalive_requests 10000000;
    {http}
}}
"""
_ANSWERING = (
    "server {{ listen 127.0.0.1:{port}; location / {{ default_type application/json; return 200 '{answer}'; }} }}"
)
_PASSING_ON = """
    upstream provider {{ server {upstream}; keepalive 64; keepalive_requests 10000000; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://provider;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering off;
            proxy_request_buffering off;
            proxy_read_timeout 120s;
        }}
    }}
"""


class NotRunError(Exception):
    """Something cannot be measured here; the text is the reason."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answers. `pid` is 0 where nothing stands between client and provider."""

    url: str
    pid: int


Start = Callable[[str, Path], AbstractContextManager[Server]]
"""Starts a server before the provider at a URL; its files go to a folder."""


def environment(home: Path, **more: str) -> dict[str, str]:
    """A new user's environment: nothing of the caller's settings shows."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "TMPDIR") if name in os.environ}
    return {**kept, "HOME": str(home), "LANG": "C.UTF-8", **more}


@contextmanager
def serving(argv: Sequence[str], port: int, env: Mapping[str, str], log: Path) -> Iterator[Server]:
    """Run a server until the block ends. Its output goes to `log`.

    Raises:
        NotRunError: it ended, or did not listen within `START_LIMIT_S`.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            argv, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, cwd=_cwd()
        )
    try:
        _wait(process, port, log)
        yield Server(f"http://127.0.0.1:{port}", process.pid)
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask a process of ours to end, and insist after 10 seconds."""
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def direct(upstream: str, _folder: Path) -> Iterator[Server]:
    """Nothing in between."""
    yield Server(upstream, 0)


def emulator(folder: Path) -> AbstractContextManager[Server]:
    """The emulated provider: it reads, checks and bills the whole prompt, as a provider does."""
    return _python("headroom_wrap.emulator", folder)


def plain_provider(folder: Path) -> AbstractContextManager[Server]:
    """The provider that does next to nothing."""
    return _python("headroom_wrap.evals.bench.provider", folder)


def nginx_provider(folder: Path) -> AbstractContextManager[Server]:
    """Nginx with a fixed answer, which is faster than whatever stands before it."""
    port = free_port()
    return _nginx(_ANSWERING.format(port=port, answer=json.dumps(MESSAGE)), port, folder / "provider")


def nginx(upstream: str, folder: Path) -> AbstractContextManager[Server]:
    """Nginx as a reverse proxy that buffers nothing and keeps its connections."""
    port = free_port()
    return _nginx(_PASSING_ON.format(port=port, upstream=upstream.removeprefix("http://")), port, folder / "nginx")


def headroom(upstream: str, folder: Path) -> AbstractContextManager[Server]:
    """`headroom proxy`, with a data directory of its own."""
    port = free_port()
    home = folder / "headroom"
    home.mkdir(parents=True)
    argv = [sys.executable, "-m", "headroom_wrap", "proxy", "--port", str(port), "--anthropic-url", upstream]
    return serving(argv, port, environment(home, **{paths.HOME_VARIABLE: str(home / "data")}), home / "log")


def peer(venv: Path) -> Start:
    """`headroom proxy` of `headroom-ai` in a virtual environment, without its limit of requests per minute and offline.

    Its cache of answers is off too: it would answer for the provider.
    """

    def start(upstream: str, folder: Path) -> AbstractContextManager[Server]:
        port = free_port()
        home = folder / "peer"
        home.mkdir(parents=True)
        options = ["--no-rate-limit", "--no-cache", "--no-telemetry", "--no-subscription-tracking"]
        argv = [str(program_in(venv)), "proxy", "--port", str(port), "--anthropic-api-url", upstream, *options]
        return serving(argv, port, peer_environment(home), home / "log")

    return start


def program_in(venv: Path) -> Path:
    """The command `headroom` of a virtual environment, ours or the peer's.

    Raises:
        NotRunError: it has none.
    """
    program = venv / "bin" / "headroom"
    if not program.is_file():
        raise NotRunError(f"{venv} has no command headroom")
    return program


def peer_environment(home: Path) -> dict[str, str]:
    """A new user's environment in which nothing but loopback is reached."""
    return environment(home, **_OFFLINE)


def tool(name: str, package: str) -> str:
    """Path of a program.

    Raises:
        NotRunError: it is not installed; the message names Debian's package.
    """
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if not found:
        raise NotRunError(f"{name} is not installed (Debian: {package})")
    return found


def _python(module: str, folder: Path) -> AbstractContextManager[Server]:
    port = free_port()
    home = folder / module
    home.mkdir(parents=True)
    return serving([sys.executable, "-m", module, "--port", str(port)], port, environment(home), home / "log")


def _nginx(http: str, port: int, folder: Path) -> AbstractContextManager[Server]:
    program = tool("nginx", "nginx-light")
    folder.mkdir(parents=True)
    file = folder / "nginx.conf"
    file.write_text(_NGINX.format(folder=folder, http=http), encoding="utf-8")
    argv = [program, "-p", str(folder), "-c", str(file), "-e", str(folder / "error.log")]
    return serving(argv, port, environment(folder), folder / "log")


def _cwd() -> str | None:
    """Where `-m headroom_wrap` finds what this process runs, installed or not."""
    return str(Path(__file__).parents[3])


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + START_LIMIT_S
    while time.monotonic() < until:
        if process.poll() is not None:
            lines = log.read_text("utf-8", "replace").strip().splitlines() or ["it said nothing"]
            raise NotRunError(f"{Path(process.args[0]).name} ended with {process.returncode}: {lines[-1][:120]}")  # type: ignore[index,arg-type]
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise NotRunError(f"not listening after {START_LIMIT_S} s")
