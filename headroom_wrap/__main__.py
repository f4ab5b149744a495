"""`python -m headroom_wrap`: the command `headroom`."""

from headroom_wrap.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
