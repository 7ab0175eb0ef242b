"""What an object that is compiled on the spot asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pytest_ebpf.requirements import Kind, Requirement, Requirements

Read = Callable[..., Requirements]

HEAD = """#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
char LICENSE[] SEC("license") = "GPL";
"""  # five lines with the one that follows


def of(kind: Kind, needs: Iterable[Requirement]) -> list[str]:
    return [each.name for each in needs if each.kind is kind]


def only(kind: Kind, needs: Iterable[Requirement]) -> Requirement:
    (found,) = (each for each in needs if each.kind is kind)
    return found


def names(read: Read, source: str, kind: Kind, *flags: str) -> list[str]:
    (program,) = read(source, *flags).programs
    return of(kind, program.requirements)
