"""Run by the real Aider's Python: what its own start-up makes of each case, up to where its environment is complete.

Reads a JSON list of cases `{"cwd", "env", "args"}` on standard input, prints the environments as a JSON list.
"""

import contextlib
import importlib
import io
import json
import os
import sys
from typing import Any


class _CompleteError(Exception):
    pass


def _complete(*_args: Any, **_kwargs: Any) -> None:
    raise _CompleteError


def _environment(case: dict[str, Any], main: Any) -> dict[str, str]:
    os.environ.clear()
    os.environ.update(case["env"])
    os.chdir(case["cwd"])
    with contextlib.suppress(_CompleteError), contextlib.redirect_stdout(io.StringIO()):
        main.main(case["args"], input=None, output=None)
        raise AssertionError("Aider's start-up did not come to its analytics")
    return dict(os.environ)


if __name__ == "__main__":
    start_up: Any = importlib.import_module("aider.main")
    # The first thing that Aider makes when all variables are set.
    start_up.Analytics = _complete
    sys.stdout.write(json.dumps([_environment(case, start_up) for case in json.load(sys.stdin)]))
