"""A whole proxy in this process: socket, store, engine, server. A session and `headroom proxy` run the same one."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

from headroom_wrap import paths, tokens
from headroom_wrap.compression.engine import Engine
from headroom_wrap.compression.kompress_model import routing
from headroom_wrap.compression.model import Level
from headroom_wrap.errors import HeadroomError
from headroom_wrap.proxy import control
from headroom_wrap.proxy.aligner import PrefixChange, aligner_before
from headroom_wrap.proxy.app import ProxyApp
from headroom_wrap.proxy.calibration import Calibrator
from headroom_wrap.proxy.config import ProxyConfig
from headroom_wrap.proxy.pipeline import EnginePipeline, PassThrough
from headroom_wrap.proxy.ports import Asgi
from headroom_wrap.proxy.server import HOST, ProxyServer
from headroom_wrap.proxy.upstream import connect
from headroom_wrap.store import Limits, SessionTotals, Store

PROBE_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class Compression:
    """How a proxy compresses.

    Attributes:
        level: off, safe, balanced or aggressive.
        excluded_tools: tools whose results are never touched.
        command: how the client's shell tool fetches an original; None where it is not on this machine, or not known.
        cache_breakpoints: mark prefixes for Anthropic's cache where a client marks none.
        kompress_dir: where the optional model for prose is; "" where it is not asked for.
    """

    level: str
    excluded_tools: tuple[str, ...] = ()
    command: str | None = None
    cache_breakpoints: bool = False
    kompress_dir: str = ""


class EmbeddedProxy:
    """The proxy on a bound socket.

    Args:
        config: who may call and where calls go.
        compression: what becomes of what the model would read.
        listener: see `server.bind`.
        data: the data directory, with the store in it.
        env: proxies and certificates for the way to the upstream.
        limits: what the store keeps; None: nothing is removed from it by this proxy.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - its parts
        self,
        config: ProxyConfig,
        compression: Compression,
        listener: socket.socket,
        data: Path,
        env: Mapping[str, str],
        limits: Limits | None = None,
    ) -> None:
        self._config = config
        self._store: Store | None = None
        self._limits = limits
        self.why_not_compressing = "compression is off" if compression.level == Level.OFF.value else ""
        try:
            self._store = Store(paths.store_file(data))
        except HeadroomError as error:
            # Law 5: a full disk must not keep the agent from working.
            self.why_not_compressing = str(error)
        self._pipeline = None if self._store is None else _pipeline(self._store, compression, config, env)
        self._started_s = time.monotonic()
        self.server = ProxyServer(
            lambda: ProxyApp(config, self._pipeline or PassThrough(), lambda: connect(env), self._load_control),
            listener,
        )

    def start(self) -> None:
        """Serve, and load what the first request needs while nobody waits for it.

        Raises:
            HeadroomError: `PROXY_FAILED`.
        """
        self.server.start()
        if self._store is not None and self._limits is not None:
            self._store.keep_within(self._limits)
        threading.Thread(target=tokens.warm, name="headroom-warm", daemon=True).start()

    def answers(self) -> bool:
        """Whether the proxy answers with this session's key; takes up to two seconds."""
        return control.probe(HOST, self.server.port, self._config.key, PROBE_TIMEOUT_S)

    def totals(self) -> SessionTotals:
        """What this session has sent and saved so far."""
        return SessionTotals() if self._store is None else self._store.totals(self._config.session)

    def prefix_changes(self) -> tuple[PrefixChange, ...]:
        """How clients changed their prefixes so far, the dearest first."""
        return () if self._pipeline is None else self._pipeline.aligner.report()

    def stop(self) -> None:
        """Stop serving; the port is free afterwards."""
        self.server.stop()

    def close(self) -> None:
        """Close the store; what was counted is committed."""
        if self._pipeline is not None and self._pipeline.calibrator is not None:
            self._pipeline.calibrator.close()
        if self._store is not None:
            self._store.close()

    def _load_control(self, workers: Executor) -> Asgi:
        # Imported here: FastAPI takes a quarter of a second, and most sessions never need it.
        from headroom_wrap.proxy.control_api import control_api  # noqa: PLC0415

        def uptime_s() -> float:
            return time.monotonic() - self._started_s

        return control_api(self._config, self._pipeline, self.why_not_compressing, uptime_s, workers)


def _pipeline(store: Store, compression: Compression, config: ProxyConfig, env: Mapping[str, str]) -> EnginePipeline:
    return EnginePipeline(
        Engine(store, compress=routing(compression.kompress_dir, env)),
        store,
        Level(compression.level),
        compression.excluded_tools,
        compression.command,
        compression.cache_breakpoints,
        aligner_before(config.upstreams, marks_itself=compression.cache_breakpoints),
        calibrator=Calibrator(store),
    )
