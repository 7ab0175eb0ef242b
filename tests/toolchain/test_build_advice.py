"""Errors of clang of which we know more than it does: the manifest, the kernel, the headers."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_ebpf.build import build
from pytest_ebpf.errors import BuildError, KernelError

MANIFEST = """
[project]
name = "advice"
kernels = ["6.12"]
[maps.counters]
type = "array"
value = "u64"
max_entries = 4
[globals.limit]
type = "u32"
value = 5
[types.event]
struct = { pid = "u32" }
[objects.a]
source = "a.bpf.c"
programs.prog = { hook = "xdp" }
"""

OURS = '#include "ebpf.h"\n'
LIBBPF = '#include "vmlinux.h"\n#include <bpf/bpf_helpers.h>\n'
UNKNOWN = "use of undeclared identifier"


@pytest.fixture
def errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kernel_btf: Callable[[str], Path]):
    """``errors(statement, head=..., manifest=...)``: the lines of a build's errors that tell of one."""
    monkeypatch.chdir(tmp_path)

    def attempt(
        statement: str,
        *,
        head: str = OURS,
        manifest: str = MANIFEST,
        given: Callable[[str], Path] = kernel_btf,
    ) -> list[str]:
        (tmp_path / "ebpf.toml").write_text(manifest)
        (tmp_path / "a.bpf.c").write_text(
            f'{head}SEC("xdp") int prog(struct xdp_md *ctx)\n{{\n\t{statement}\n}}\n'
        )
        with pytest.raises(BuildError) as caught:
            build(tmp_path / "ebpf.toml", kernel_btf=given)
        return re.findall(r"^.*error: .*", str(caught.value), re.MULTILINE)

    return attempt


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("return !&countrs;", f"{UNKNOWN} 'countrs'; did you mean 'counters'?"),
        ("return limt;", f"{UNKNOWN} 'limt'; did you mean 'limit'?"),
        ("return XDP_PAS;", f"{UNKNOWN} 'XDP_PAS'; did you mean 'XDP_PASS'?"),
        ("return ETH_P_IPV5;", f"{UNKNOWN} 'ETH_P_IPV5'; did you mean 'ETH_P_IPV6'?"),
        ("return nothing_like_it;", f"{UNKNOWN} 'nothing_like_it'"),
        (
            "return bpf_get_prandom();",
            (
                "call to undeclared function 'bpf_get_prandom'; ISO C99 and later do not support implicit "
                "function declarations [-Wimplicit-function-declaration]; did you mean 'bpf_get_prandom_u32'?"
            ),
        ),
        (
            "struct evnt e;",
            "variable has incomplete type 'struct evnt'; did you mean 'event'?",
        ),
        (
            "struct iphrd *ip = (void *)(long)ctx->data; return ip->ttl;",
            "incomplete definition of type 'struct iphrd'; did you mean 'iphdr'?",
        ),
        (
            "struct warp_drive w;",
            (
                "variable has incomplete type 'struct warp_drive'; kernel 6.12 (build.kernel) has none, "
                "nor does ebpf.toml declare it"
            ),
        ),
        ("struct event { __u32 pid; } e; return e.pid + lost;", f"{UNKNOWN} 'lost'"),
    ],
)
def test_a_name_that_nothing_has(errors, statement: str, said: str) -> None:
    assert [error.partition("error: ")[2] for error in errors(statement)] == [said]


def test_what_clang_suggests_itself_is_left_as_it_is_and_told_once(errors) -> None:
    """The macro reads the field twice."""
    text = "struct task_struct *t = (void *)bpf_get_current_task(); return BPF_CORE_READ(t, pidd);"
    (error,) = errors(text)
    assert error.endswith("error: no member named 'pidd' in 'struct task_struct'; did you mean 'pid'?")


def test_a_declaration_that_is_not_there_yet(errors) -> None:
    (error,) = errors("return !&counters;", head=LIBBPF)
    assert error.endswith(f"{UNKNOWN} 'counters'; ebpf.toml declares it: #include \"ebpf.h\"")
    narrow = MANIFEST.replace('"a.bpf.c"\n', '"a.bpf.c"\nmaps = []\n')
    (error,) = errors("return !&counters;", manifest=narrow)
    assert error.endswith(
        f"{UNKNOWN} 'counters'; ebpf.toml declares it, and does not list it for this object"
    )


def test_nothing_is_included(errors) -> None:
    assert errors("return 0;", head="")[0] == (
        'a.bpf.c:1:5: error: expected parameter declarator; begin with #include "ebpf.h"'
    )


@pytest.mark.parametrize(
    "head", ["#include <linux/bpf.h>\n#include <linux/ip.h>\n" + OURS, OURS + "#include <stdint.h>\n"]
)
def test_headers_that_have_what_vmlinux_has(errors, head: str) -> None:
    """Each type they share would be an error of its own."""
    (error,) = errors("struct iphdr *ip = 0; int64_t at = (long)ip; return at;", head=head)
    assert re.search(
        r"redefinition .*; vmlinux.h has the types of the kernel and of C: leave out the headers that have "
        r"them too$",
        error,
    )


def test_what_the_manifest_declares_is_not_for_the_source_to_define(errors) -> None:
    (error,) = errors("return 0;", head=f"{OURS}struct event {{ __u32 pid; }};\n")
    assert error == "a.bpf.c:2:8: error: redefinition of 'event'; ebpf.toml declares it already"


def test_a_name_of_the_kernel_in_the_source(errors) -> None:
    (error,) = errors("return 0;", head=f"{OURS}static int fail(void) {{ return 0; }}\n")
    assert error == (
        "a.bpf.c:2:12: error: redefinition of 'fail' as different kind of symbol; "
        "the kernel has something else of this name: choose another"
    )


def test_a_kernel_that_is_gone_meanwhile_is_not_asked_for_advice(errors, kernel_btf) -> None:
    """Its header is there from an earlier build."""
    errors("return XDP_PAS;")

    def none(spec: str) -> Path:
        raise KernelError("gone", where=spec)

    (error,) = errors("return XDP_PAS;", given=none)
    assert error.endswith(f"{UNKNOWN} 'XDP_PAS'")
