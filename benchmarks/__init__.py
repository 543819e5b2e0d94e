"""Benchmarks: how fast each part is beside a peer, on made-up records, and how near the best."""
