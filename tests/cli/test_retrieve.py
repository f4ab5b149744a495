"""`headroom retrieve`, as an agent's shell runs it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from headroom_wrap import paths
from headroom_wrap.cli.main import main
from headroom_wrap.store import Store

TEXT = "".join(f"line {number}\n" for number in range(1, 101))


@pytest.fixture
def id_() -> str:
    """The id of an original in this user's store."""
    store = Store(paths.store_file(paths.home(os.environ)))
    found = store.put_original(TEXT)
    store.close()
    return found


def retrievals(session: str) -> int:
    store = Store(paths.store_file(paths.home(os.environ)))
    found = store.totals(session).retrievals
    store.close()
    return found


def test_it_prints_the_original_and_counts_it_to_the_session(
    id_: str, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADROOM_SESSION", "s7")
    assert main(["retrieve", id_]) == 0
    assert capfdbinary.readouterr().out.decode() == f"[headroom original {id_}: lines 1-100 of 100]\n{TEXT}"
    assert retrievals("s7") == 1


@pytest.mark.parametrize(
    ("options", "said", "body"),
    [
        (["--lines", "40-41"], "lines 40-41 of 100", "line 40\nline 41\n"),
        (["--grep", "0$", "--lines", "1-20"], "lines 1-20 of 100, 2 match '0$'", "10: line 10\n20: line 20\n"),
        (
            ["--grep", "50", "--context", "1"],
            "lines 1-100 of 100, 1 match '50'",
            "49- line 49\n50: line 50\n51- line 51\n",
        ),
        (["--chars", "1-6"], f"chars 1-6 of {len(TEXT)}", "line 1\n"),
        (
            ["--max-chars", "7"],
            "lines 1-100 of 100",
            "line 1\n[headroom: cut here, the answer would be too long; the rest: lines=2-100]\n",
        ),
    ],
)
def test_every_option_reaches_the_retrieval(
    id_: str, options: list[str], said: str, body: str, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main(["retrieve", id_, *options]) == 0
    assert capfdbinary.readouterr().out.decode() == f"[headroom original {id_}: {said}]\n{body}"


def test_text_that_is_no_valid_unicode_is_printed_as_it_is(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    store = Store(paths.store_file(paths.home(os.environ)))
    id_ = store.put_original("a\ud800b")
    store.close()
    assert main(["retrieve", id_]) == 0
    assert capfdbinary.readouterr().out.endswith(b"\na\xed\xa0\x80b\n")


@pytest.mark.parametrize("words", [["h000000000000"], ["h1", "--lines", "x"]])
def test_what_cannot_be_retrieved_is_said_on_stderr_with_what_to_do(
    id_: str, words: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    assert id_
    assert main(["retrieve", *words]) == 2
    said = capfd.readouterr()
    assert said.out == ""
    assert said.err.startswith("headroom: There is no original")


def test_without_a_store_it_says_where_it_looked(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["retrieve", "h1"]) == 2
    assert f"no store at {paths.store_file(paths.home(os.environ))}" in capfd.readouterr().err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_home_that_cannot_be_written_is_read(id_: str, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    home = paths.home(os.environ)
    home.chmod(0o500)
    try:
        assert main(["retrieve", id_, "--lines", "1"]) == 0
    finally:
        home.chmod(0o700)
    assert capfdbinary.readouterr().out.endswith(b"\nline 1\n")


def test_a_reader_that_leaves_early_gets_no_traceback() -> None:
    store = Store(paths.store_file(paths.home(os.environ)))
    id_ = store.put_original("x" * 200 + "\n" + "y\n" * 200_000)
    store.close()
    command = [sys.executable, "-m", "headroom_wrap", "retrieve", id_, "--max-chars", "1000000"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline().startswith(b"[headroom original ")
    process.stdout.close()
    _, complaint = process.communicate(timeout=30)
    assert complaint == b""


def test_it_loads_neither_the_proxy_nor_the_engine() -> None:
    code = "import sys, headroom_wrap.cli.retrieve; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"aiohttp", "uvicorn", "psutil", "splintr", "asyncio"} & set(done.stdout.split())
