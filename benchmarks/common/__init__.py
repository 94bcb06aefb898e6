"""What the benchmarks share: the table, the JSON, timing, and the resumable runner."""
