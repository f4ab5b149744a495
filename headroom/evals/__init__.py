"""The evaluation suite, under the name by which the documents call it: `python -m headroom.evals suite --tier 1`."""
