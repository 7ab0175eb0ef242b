"""Declare eBPF programs in TOML, build CO-RE objects, test them on many real kernels from pytest."""
