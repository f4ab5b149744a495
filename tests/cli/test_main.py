"""The command as a whole: verbs, exit codes, and what stands on which stream."""

from __future__ import annotations

import importlib
import subprocess
import sys
from types import ModuleType

import pytest

from headroom_wrap import __version__
from headroom_wrap.cli.main import VERBS, main
from headroom_wrap.errors import Code, HeadroomError


def with_verb(monkeypatch: pytest.MonkeyPatch, problem: BaseException) -> None:
    """Let `headroom mcp` fail with this problem."""
    module = ModuleType("headroom_wrap.cli.mcp")

    def command(_argv: list[str]) -> int:
        raise problem

    module.command = command  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "headroom_wrap.cli.mcp", module)


def test_help_names_every_verb_and_loads_none() -> None:
    code = "import sys; from headroom_wrap.cli.main import main; main(['--help']); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    listed = [line.split()[0] for line in done.stdout.splitlines() if line.startswith("  ")]
    assert set(VERBS) <= set(listed)
    assert not {f"headroom_wrap.cli.{name}" for name in VERBS} & set(done.stderr.split())
    assert "typer" not in done.stderr.split()


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_has_a_command_and_help_of_its_own(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert callable(importlib.import_module(f"headroom_wrap.cli.{VERBS[name].module}").command)
    assert main([name, "--help"]) == 0
    said = capfd.readouterr()
    assert f"headroom {name}" in said.out
    assert said.err == ""


def test_no_words_show_the_help_and_fail(capfd: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "Usage: headroom" in capfd.readouterr().out


@pytest.mark.parametrize("words", [["--version"], ["-V"]])
def test_the_version(words: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 0
    assert capfd.readouterr().out == f"headroom {__version__}\n"


@pytest.mark.parametrize("words", [["warp", "claude"], ["--wrap"], ["retrieve"], ["retrieve", "h1", "--nonsense"]])
def test_words_that_mean_nothing_fail_with_a_sentence(words: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    said = capfd.readouterr()
    assert said.out == ""
    assert "Traceback" not in said.err
    assert said.err.strip()


def test_an_error_of_ours_is_a_sentence_and_a_hint(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with_verb(monkeypatch, HeadroomError(Code.PORT_TAKEN, "Port 1 is taken.", "Choose another with --port."))
    assert main(["mcp"]) == 2
    assert capfd.readouterr().err == "headroom: Port 1 is taken. Choose another with --port.\n"


def test_ctrl_c_ends_with_the_shells_code_and_no_words(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with_verb(monkeypatch, KeyboardInterrupt())
    assert main(["mcp"]) == 130
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("debug", ["", "1"])
def test_an_unexpected_error_shows_its_traceback_on_request_only(
    debug: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HEADROOM_DEBUG", debug)
    with_verb(monkeypatch, ZeroDivisionError("oh"))
    assert main(["mcp"]) == 1
    said = capfd.readouterr().err
    assert "unexpected ZeroDivisionError: oh" in said
    assert ("Traceback" in said) == bool(debug)


def test_python_dash_m_is_the_same_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "headroom_wrap", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"headroom {__version__}\n"
