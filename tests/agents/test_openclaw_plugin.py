"""The plugin's own tests, by the test runner of the Node that OpenClaw runs on."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from headroom_wrap.agents.openclaw import PLUGIN_FOLDER

_TESTS = Path(__file__).with_name("openclaw_plugin") / "engine.test.mjs"
_MIN_NODE = 24


def node() -> str | None:
    """Node 24 or newer: that of OpenClaw's own installation, or the machine's."""
    openclaw = shutil.which("openclaw", path=os.environ.get("HEADROOM_TEST_AGENTS", ""))
    beside = [] if openclaw is None else [Path(openclaw).parent.parent / "own/node_modules/node/bin/node"]
    for candidate in [*map(str, beside), shutil.which("node")]:
        if candidate and Path(candidate).is_file():
            version = subprocess.run([candidate, "--version"], capture_output=True, text=True, check=True).stdout
            if int(version.strip().removeprefix("v").partition(".")[0]) >= _MIN_NODE:
                return candidate
    return None


def test_the_plugin_passes_its_own_tests(tmp_path: Path) -> None:
    program = node()
    if program is None:
        pytest.skip("there is no Node 24, on which OpenClaw runs")
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PLUGIN_FOLDER": str(PLUGIN_FOLDER)}
    argv = [program, "--test", "--test-reporter=tap", str(_TESTS)]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    n_tests = _TESTS.read_text(encoding="utf-8").count("test(")
    passed = re.search(r"^# pass (\d+)$", done.stdout, re.MULTILINE)
    assert passed is not None
    assert int(passed[1]) >= n_tests


def test_the_manifest_names_what_the_plugin_registers() -> None:
    manifest = json.loads((PLUGIN_FOLDER / "openclaw.plugin.json").read_text(encoding="utf-8"))
    package = json.loads((PLUGIN_FOLDER / "package.json").read_text(encoding="utf-8"))
    assert (manifest["id"], manifest["kind"]) == ("headroom", "context-engine")
    assert manifest["contracts"]["tools"] == ["headroom_retrieve"]
    assert all((PLUGIN_FOLDER / entry).is_file() for entry in package["openclaw"]["extensions"])
