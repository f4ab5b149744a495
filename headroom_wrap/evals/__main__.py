"""`python -m headroom_wrap.evals suite --tier 1`: what Headroom saves and keeps, measured on this machine."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from headroom_wrap.compression.model import Level
from headroom_wrap.errors import Code, HeadroomError

_TIER = "1 (the only one): everything that needs neither a model nor a network"
_DATA = "a folder of further data: tool_outputs/, logs/, prose_qa/, bfcl/; without it, what is bundled is measured"
_LEVEL = "balanced unless told; questions and unchanged always use aggressive"
_JSON = "write figures and rows to FILE; - for standard output, without tables"

_SUITE = "Every measure that the data at hand allows, as a table, and a summary with the goals that were set."
_WIDTH_OF_FILES = 120
_EXIT_ERROR = 2


def main(words: Sequence[str] | None = None, prog: str = "python -m headroom_wrap.evals") -> int:
    """Run the suite as the words say, print tables or JSON; gives the exit code.

    Raises:
        HeadroomError: `BAD_REQUEST` for a tier, a folder or a file that cannot be.
    """
    parser = argparse.ArgumentParser(prog=prog, description="Measure what Headroom saves, and what stays visible.")
    verbs = parser.add_subparsers(title="evaluations", dest="verb", required=True, metavar="suite")
    suite = verbs.add_parser("suite", help="every measure that the data at hand allows", description=_SUITE)
    suite.add_argument("--tier", type=int, default=1, metavar="N", help=_TIER)
    suite.add_argument("--data", type=Path, metavar="DIR", help=_DATA)
    suite.add_argument("--level", choices=[level.value for level in Level], default="balanced", help=_LEVEL)
    suite.add_argument("--json", metavar="FILE", help=_JSON)
    options = parser.parse_args(words)
    return _suite(options.tier, Level(options.level), options.data, options.json)


def _suite(tier: int, level: Level, data: Path | None, json_file: str | None) -> int:
    # Imported here: the engine with all its compressors, which --help and a wrong word need not wait for.
    from rich.console import Console  # noqa: PLC0415

    from headroom_wrap.evals import suite  # noqa: PLC0415

    with Console(stderr=True).status("") as status:
        report = suite.run(tier, level, data, lambda name: status.update(f"Measuring {name}"))
    text = json.dumps(report.as_json(), indent=1, ensure_ascii=False)
    if json_file == "-":
        sys.stdout.write(f"{text}\n")
        return 0
    # What is no terminal, a file mostly, is read with longer lines.
    suite.show(report, Console(width=None if sys.stdout.isatty() else _WIDTH_OF_FILES))
    if json_file:
        try:
            Path(json_file).write_text(f"{text}\n", encoding="utf-8")
        except OSError as error:
            message = f"The figures could not be written to {json_file}: {error.strerror}."
            raise HeadroomError(Code.BAD_REQUEST, message, "Give --json another file.") from error
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except HeadroomError as error:
        sys.stderr.write(f"headroom: {error}\n")
        sys.exit(_EXIT_ERROR)
