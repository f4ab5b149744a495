"""Savings, fidelity and cost, measured: the commands behind every figure in the documents."""
