"""Benchmarks: how fast the history compiler is, beside a peer, on records made for the purpose."""
