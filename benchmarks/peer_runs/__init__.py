"""What `benchmarks/peers.py` runs: one module a library, each in its own process."""
