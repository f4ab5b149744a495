"""Wire formats, sans-io: bytes give slots, replacements give bytes."""
