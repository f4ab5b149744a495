"""`headroom wrap` with the scripted agent, but with the provider and folders of the caller: a program for tests."""

import os
import sys
from pathlib import Path

from headroom_wrap.cli.wrap import run_agent, split

if __name__ == "__main__":
    raise SystemExit(run_agent(split(["demo", *sys.argv[1:]]), os.environ, Path.cwd()))
