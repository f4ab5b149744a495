"""Where files of ours live. Everything is under one home, private to the user."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

import platformdirs

from headroom_wrap.errors import Code, HeadroomError

HOME_VARIABLE = "HEADROOM_HOME"


def home(env: Mapping[str, str]) -> Path:
    """The data directory: `HEADROOM_HOME`, else the platform's user data directory."""
    override = env.get(HOME_VARIABLE)
    if override:
        return Path(override).expanduser()
    return Path(platformdirs.user_data_dir("headroom-wrap", appauthor=False))


def config_file(env: Mapping[str, str]) -> Path:
    """The settings file: inside `HEADROOM_HOME` when that is set, else the platform's place."""
    if env.get(HOME_VARIABLE):
        return home(env) / "config.toml"
    return Path(platformdirs.user_config_dir("headroom-wrap", appauthor=False)) / "config.toml"


def store_file(home_dir: Path) -> Path:
    """The SQLite database: originals, decisions, ledger."""
    return home_dir / "store.sqlite3"


def sessions_dir(home_dir: Path) -> Path:
    """One folder per live session; what a dead session left there is recovered."""
    return home_dir / "sessions"


def make_private_dir(path: Path) -> Path:
    """Create `path` and its parents; `path` itself is made readable by the user alone.

    Raises:
        HeadroomError: `STORE_FAILED` where that is not possible.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(0o700)
    except OSError as error:
        hint = f"Set {HOME_VARIABLE} to a folder that can be written."
        raise HeadroomError(
            Code.STORE_FAILED, f"The folder {path} cannot be made or used: {error.strerror}.", hint
        ) from error
    return path


def kept_secret(path: Path) -> str:
    """The secret in `path`, 64 hexadecimal digits; a new one, mode 0600, where there is none."""
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        make_private_dir(path.parent)
        return write_private(path, secrets.token_hex(32)).read_text(encoding="ascii")


def write_private(path: Path, text: str) -> Path:
    """Write `text` (UTF-8) to a new file `path`, mode 0600 from its first byte on; an old one is replaced."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    return path
