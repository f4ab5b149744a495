"""What the proxy and the wrap cost, beside going direct, nginx and a peer: `python -m headroom_wrap.evals.bench`."""
