"""The program that agents start: `python .../headroom_wrap/mcp/__main__.py`."""

from headroom_wrap.mcp.server import main

if __name__ == "__main__":
    raise SystemExit(main())
