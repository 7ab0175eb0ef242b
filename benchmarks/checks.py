"""``ebpf-build check``: one object against ten kernels, and what a kernel's BTF costs."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from benchmarks.machines import KERNELS
from benchmarks.matrix import OBJECT, SAMPLE
from benchmarks.measure import processor_seconds
from benchmarks.result import Bar, Result
from pytest_ebpf.compat.facts import KernelFacts
from pytest_ebpf.compat.verdict import Subject
from pytest_ebpf.kernels import Kernel, KernelStore
from pytest_ebpf.objects import parse_object
from pytest_ebpf.session.checking import check

COLD: Final = Bar(1000, "ms")
WARM: Final = Bar(250, "ms")
FIRST: Final = Bar(150, "ms")
LATER: Final = Bar(15, "ms")
#: Of so many the quickest: others use the processors too, and nothing here waits for anything.
_ROUNDS: Final = 12
_COPIES: Final = 2


def run() -> list[Result]:
    """Measure a whole process on one kernel, and the work on ten: five lines, each twice."""
    build = Path(sys.executable).with_name("ebpf-build")
    subprocess.run([build, "-q"], cwd=SAMPLE, check=True)
    data = OBJECT.read_bytes()
    subject = Subject.of(OBJECT.name, data, parse_object(data, OBJECT))
    with tempfile.TemporaryDirectory() as folder:
        kernels = _ten(Path(folder))
        first, later = _newest(kernels[-1])
        cold = min(_processor(lambda: _cold(subject, kernels)) for _ in range(_ROUNDS))
        warm = min(_processor(lambda: check([subject], kernels)) for _ in range(_ROUNDS))
    argv = [str(build), "check", str(OBJECT), "--kernel", KERNELS[0]]
    process = min(processor_seconds(argv, folder=SAMPLE) for _ in range(_ROUNDS))
    detail = f"processor time: a process with one kernel {process * 1000:.0f} ms, and ten more"
    size = f"{KERNELS[-1]}, {KernelStore().get(KERNELS[-1]).btf.stat().st_size / 1e6:.1f} MB"
    return [
        Result(
            "ebpf-build check of one object on ten kernels, never looked into",
            (process + cold) * 1000,
            "ms",
            COLD,
            detail,
        ),
        Result("the same once more", (process + warm) * 1000, "ms", WARM, detail),
        Result("a kernel's BTF, the first time", first * 1000, "ms", FIRST, size),
        Result("a kernel's BTF, later", later * 1000, "ms", LATER, size),
    ]


def _processor(action: Callable[[], object]) -> float:
    """The processor time of this process: of two that work side by side it is what one has to wait for."""
    start = time.process_time()
    action()
    return time.process_time() - start


def _ten(folder: Path) -> list[Kernel]:
    """The kernels with BTF of their own, so that no index is there; told apart by their images."""
    store, found = KernelStore(), []
    for spec in KERNELS:
        kernel = store.get(spec)
        for number in range(_COPIES):
            place = folder / f"{spec}-{number}"
            place.mkdir()
            btf = Path(shutil.copy(kernel.btf, place / "btf"))
            found.append(replace(kernel, btf=btf, image=place / "vmlinuz"))
    return found


def _cold(subject: Subject, kernels: Sequence[Kernel]) -> None:
    for kernel in kernels:
        KernelFacts(kernel).index.unlink(missing_ok=True)
    check([subject], kernels)


def _newest(kernel: Kernel) -> tuple[float, float]:
    """Reading one kernel's BTF without its index, and with it."""

    def read() -> None:
        KernelFacts(kernel).prepare()

    def anew() -> None:
        KernelFacts(kernel).index.unlink(missing_ok=True)
        read()

    first = min(_processor(anew) for _ in range(_ROUNDS))
    return first, min(_processor(read) for _ in range(_ROUNDS))
