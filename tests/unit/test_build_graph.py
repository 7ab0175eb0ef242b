"""The text of the ninja graph and of the compilation database."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pytest_ebpf.build.graph import Job, compile_commands, flags, ninja


def job(name: str, **changes: Any) -> Job:
    values = {
        "name": name,
        "source": f"src/{name}.bpf.c",
        "output": f"build/ebpf/{name}.bpf.o",
        "flags": ("-O2",),
        "generated": (f"build/ebpf/{name}/ebpf.h",),
    }
    return Job(**(values | changes))


def graph(*jobs: Job) -> str:
    return ninja(jobs, clang="/usr/bin/clang-19", stamp="clang 19.1.7", folder="build/ebpf")


def test_the_graph_of_one_object() -> None:
    assert graph(job("firewall")) == (
        "# Made by ebpf-build; do not edit.\n"
        "ninja_required_version = 1.10\n"
        "builddir = build/ebpf\n"
        "\n"
        "rule bpf\n"
        "  command = /usr/bin/clang-19 $flags -fdiagnostics-color=never -MD -MF $out.d -c $in -o $out"
        " # clang 19.1.7\n"
        "  description = $name\n"
        "  depfile = $out.d\n"
        "  deps = gcc\n"
        "\n"
        "build build/ebpf/firewall.bpf.o: bpf src/firewall.bpf.c | build/ebpf/firewall/ebpf.h\n"
        "  name = firewall\n"
        "  flags = -O2\n"
    )


def test_the_order_of_objects_does_not_matter() -> None:
    assert graph(job("a"), job("b")) == graph(job("b"), job("a"))


def test_names_with_spaces_and_dollars_are_escaped() -> None:
    text = graph(job("x", source="my src/$a:b.c", flags=("-DNAME=two words", "-D$x")))
    assert "bpf my$ src/$$a$:b.c |" in text
    assert "flags = '-DNAME=two words' '-D$$x'\n" in text


def test_flags_state_everything_that_clang_would_guess() -> None:
    assert flags(
        cpu="v3",
        includes=["build/ebpf/x", "/opt/libbpf"],
        prefixes=[("/opt/libbpf", "libbpf")],
        system=[],
        names=["log", "seen"],
        extra=["-DX"],
    ) == (
        *("-target", "bpf", "-g", "-O2", "-mcpu=v3", "-std=gnu11", "-Wall", "-D__TARGET_ARCH_x86"),
        *("-fdebug-compilation-dir=", "-ffile-prefix-map=/opt/libbpf=libbpf"),
        *("-I", "build/ebpf/x", "-I", "/opt/libbpf"),
        *("-fno-builtin-log", "-fno-builtin-seen", "-DX"),
    )


def test_system_headers_come_last_and_bring_the_architectures_macro() -> None:
    system = ["/usr/include/x86_64-linux-gnu"]
    words = flags(cpu="v4", includes=["a"], prefixes=[], system=system, names=[], extra=[])
    assert "-D__x86_64__" in words
    assert words[-2:] == ("-idirafter", "/usr/include/x86_64-linux-gnu")


def test_the_compilation_database() -> None:
    text = compile_commands([job("a")], clang="/usr/bin/clang-19", root=Path("/home/me/edge"))
    assert json.loads(text) == [
        {
            "directory": "/home/me/edge",
            "file": "src/a.bpf.c",
            "output": "build/ebpf/a.bpf.o",
            "arguments": ["/usr/bin/clang-19", "-O2", "-c", "src/a.bpf.c", "-o", "build/ebpf/a.bpf.o"],
        }
    ]
