"""`python -m headroom.evals`."""

from headroom_wrap.evals.__main__ import main

if __name__ == "__main__":
    raise SystemExit(main())
