"""The engine: decide once per block, replay that decision for ever."""
