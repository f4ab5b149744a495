"""Edits of configuration texts that keep every byte they do not speak of: comments, key order, newlines."""
