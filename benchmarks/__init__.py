"""Every claim about speed, measured. ``python -m benchmarks`` prints the table; see docs/performance.md."""
