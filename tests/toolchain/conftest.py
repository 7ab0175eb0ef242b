"""Real objects, compiled by clang while the tests run."""

from __future__ import annotations

import hashlib
import os
import struct
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgpack
import pytest
import sanitized
from needs import HEAD, Read

from pytest_ebpf import paths
from pytest_ebpf.kernels import KernelStore
from pytest_ebpf.objects import read_object
from pytest_ebpf.requirements import Requirements, requirements_of

Compile = Callable[..., Path]


def include_flags() -> list[str]:
    """libbpf's headers, and the host's for ``linux/bpf.h`` behind everything else."""
    return [
        f"-I{paths.libbpf_include()}",
        "-D__x86_64__",
        "-D__TARGET_ARCH_x86",
        "-idirafter",
        "/usr/include/x86_64-linux-gnu",
    ]


@pytest.fixture(scope="session")
def compile_bpf(tmp_path_factory: pytest.TempPathFactory) -> Compile:
    """``compile_bpf(source_text, *flags) -> Path`` of the object; the same source is compiled once."""
    folder = tmp_path_factory.mktemp("objects")

    def compile_one(text: str, *flags: str, name: str = "prog.bpf.c") -> Path:
        words = ["-target", "bpf", "-O2", "-g", "-mcpu=v3", *include_flags(), *flags]
        own = folder / hashlib.sha256("\0".join([text, name, *words]).encode()).hexdigest()[:16]
        target = own / "prog.bpf.o"
        if not target.exists():
            own.mkdir(exist_ok=True)
            (own / name).write_text(text)
            argv = ["clang-19", *words, "-c", name, "-o", target.name]
            done = subprocess.run(argv, check=False, cwd=own, capture_output=True, text=True, timeout=120)
            assert done.returncode == 0, done.stderr
        return target

    return compile_one


class StdioAgent:
    """The guest agent with sanitizers, as a process of the host behind a pipe."""

    def __init__(self, binary: Path) -> None:
        self.process = subprocess.Popen(
            [binary, "--stdio"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **sanitized.ENVIRONMENT},
        )
        self._number = 0

    def send(self, raw: bytes) -> None:
        assert self.process.stdin
        try:
            self.process.stdin.write(raw)
            self.process.stdin.flush()
        except BrokenPipeError:
            """It has ended already: `finish` tells how."""

    def send_frame(self, body: bytes) -> None:
        self.send(struct.pack("<I", len(body)) + body)

    def receive(self) -> Any:
        """The next response, or None when the agent has ended."""
        assert self.process.stdout
        head = self.process.stdout.read(4)
        if len(head) < 4:
            return None
        return msgpack.unpackb(self.process.stdout.read(*struct.unpack("<I", head)), strict_map_key=False)

    def batch(self, *calls: tuple[str, dict[str, Any]]) -> list[Any]:
        """Every call's ``[status, value]``."""
        self._number += 1
        self.send_frame(msgpack.packb([self._number, [list(call) for call in calls]]))
        number, answers = self.receive()
        assert number == self._number
        return list(answers)

    def call(self, op: str, **args: Any) -> Any:
        """The ``[status, value]`` of one call."""
        return self.batch((op, args))[0]

    def what(self, op: str, **args: Any) -> tuple[int, str]:
        """The errno and the text of a call that must fail."""
        status, value = self.call(op, **args)
        assert status > 0, value
        return status, value["what"]

    def finish(self) -> tuple[int, str]:
        """Close the pipe; the exit status and what it wrote to its standard error."""
        _, errors = self.process.communicate(timeout=120)
        return self.process.returncode, errors.decode()


@pytest.fixture(scope="session")
def agent_asan() -> Path:
    """``build/agent-asan``."""
    return sanitized.build()


@pytest.fixture
def make_agent(agent_asan: Path) -> Iterator[Callable[[], StdioAgent]]:
    """``make_agent()`` starts an agent that the test ends itself."""
    made: list[StdioAgent] = []

    def make() -> StdioAgent:
        made.append(StdioAgent(agent_asan))
        return made[-1]

    yield make
    for agent in made:
        if agent.process.poll() is None:
            agent.process.kill()
            agent.process.communicate()


@pytest.fixture
def stdio_agent(agent_asan: Path) -> Iterator[StdioAgent]:
    """An agent to talk to. A test that does not end it itself finds that it ends in good order."""
    agent = StdioAgent(agent_asan)
    yield agent
    if agent.process.returncode is None:
        assert agent.finish() == (0, "")


@pytest.fixture(scope="session")
def kernel_btf() -> Callable[[str], Path]:
    """``kernel_btf("6.12") -> Path`` of that line's BTF, fetched if it is not in the cache."""
    store = KernelStore(lock=None, say=print)
    return lambda line: store.get(line).btf


@pytest.fixture(scope="session")
def read(compile_bpf: Compile) -> Read:
    """``read(source, *flags)``: the requirements of what clang makes of it."""

    def one(source: str, *flags: str) -> Requirements:
        path = compile_bpf(HEAD + source, *flags)
        return requirements_of(path.read_bytes(), read_object(path))

    return one
