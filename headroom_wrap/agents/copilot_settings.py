"""What Copilot CLI's own files say: settings, and providers that the user has set up in it.

Form: `copilot help config`, and runs of 1.0.102.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headroom_wrap.agents.agent import Context

PROVIDERS_VARIABLE = "COPILOT_PROVIDERS_CONFIG"

_REMARK = re.compile(r"^\s*//.*$", re.MULTILINE)


def folder(context: Context) -> Path:
    """Where Copilot CLI keeps its settings and its sessions."""
    return Path(context.env.get("COPILOT_HOME") or context.home / ".copilot")


def read(context: Context) -> Mapping[str, Any]:
    """The user's settings; a file that is missing or broken counts as empty: Copilot CLI itself speaks of it."""
    return {**_read_file(folder(context) / "config.json"), **_read_file(folder(context) / "settings.json")}


def providers_file(context: Context) -> Path | None:
    """The file of model providers that Copilot CLI offers beside GitHub's, if there is one."""
    named = context.env.get(PROVIDERS_VARIABLE, "").strip()
    file = Path(named) if named else folder(context) / "providers.json"
    return file if file.is_file() else None


def _read_file(file: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(_REMARK.sub("", file.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
