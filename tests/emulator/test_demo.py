from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from headroom_wrap.emulator import demo
from headroom_wrap.emulator.script import NO_MARKER
from headroom_wrap.emulator.server import EmulatedProvider
from headroom_wrap.tokens import count


def test_the_log_has_ten_thousand_tokens_and_one_fatal_line_in_its_middle() -> None:
    text = demo.LOG_FILE.read_text(encoding="utf-8")
    assert 9_500 <= count(text) <= 10_500
    lines = text.splitlines()
    at = [number for number, line in enumerate(lines) if "FATAL" in line]
    assert len(at) == 1
    assert 0.4 < at[0] / len(lines) < 0.6
    assert demo.fatal_line() == lines[at[0]]
    assert "no space left on device" in demo.fatal_line()


def test_the_log_has_noise_of_several_components_around_it() -> None:
    lines = demo.LOG_FILE.read_text(encoding="utf-8").splitlines()
    assert len({line.split()[2] for line in lines}) >= 8
    assert sum(" ERROR " in line for line in lines) >= 5
    assert len({line.split(maxsplit=3)[3] for line in lines if " ERROR " in line}) == 1
    assert sum(" WARN " in line for line in lines) >= 20


def test_the_demo_runs_without_compression_too(tmp_path: Path) -> None:
    with EmulatedProvider() as provider:
        start = demo.agent_start(provider.url, tmp_path)
        ended = subprocess.run(
            [sys.executable, "-m", "headroom_wrap.emulator.agent", *start.args],
            env={**os.environ, **start.env},
            cwd=start.folder,
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        assert ended.returncode == 0
        assert ended.stdout == f"{NO_MARKER}\n{demo.fatal_line()}\n"
        assert all(request.header("x-api-key") == demo.API_KEY for request in provider.model_requests)
        assert len(provider.model_requests) == 2
