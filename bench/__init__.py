"""Benchmarks: ours beside what people run today, on the same machine, in the same run."""
