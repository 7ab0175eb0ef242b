"""Kernels to test on: "6.1", "latest", a path, a release become a verified image, its BTF and its modules."""

from pytest_ebpf.kernels.catalog import Available, Package
from pytest_ebpf.kernels.kernel import Kernel
from pytest_ebpf.kernels.selection import in_range, select
from pytest_ebpf.kernels.store import KernelStore, lock_kernels
from pytest_ebpf.kernels.version import Version

__all__ = ["Available", "Kernel", "KernelStore", "Package", "Version", "in_range", "lock_kernels", "select"]
