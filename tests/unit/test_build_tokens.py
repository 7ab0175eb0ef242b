"""What a C source names, read as text."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_ebpf.build import tokens


@pytest.fixture
def libbpf(tmp_path: Path) -> Path:
    """An include folder as libbpf's, with one macro that leads to another."""
    folder = tmp_path / "include"
    (folder / "bpf").mkdir(parents=True)
    (folder / "bpf" / "bpf_tracing.h").write_text(
        "#define BPF_KPROBE(name) \\\n\tname(struct pt_regs *ctx) { CAST(ctx); }\n"
        "#define CAST(x) ((const struct user_regs *)(x))\n"
        "#define UNUSED(x) ((struct never_named *)(x))\n"
        "struct in_code_of_libbpf;\n"
    )
    return folder


def scan(text: str, tmp_path: Path, libbpf: Path, search: tuple[Path, ...] = ()) -> tokens.Names:
    return tokens.scan(text, tmp_path, search, libbpf)


def test_comments_and_literals_name_nothing() -> None:
    text = 'int a; // b\n/* c\n d */ char *e = "f \\" g"; char h = \'i\'; int j/**/k;'
    assert tokens.identifiers(text) == {"int", "a", "char", "e", "h", "j", "k"}


def test_headers_of_the_project_are_read_recursively(tmp_path: Path, libbpf: Path) -> None:
    (tmp_path / "one.h").write_text('#include "two.h"\nstruct one;\n')
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "two.h").write_text('#include "one.h"\nenum two { TWO };\n')
    seen = scan('#include "one.h"\n#include "ebpf.h"\nint main;\n', tmp_path, libbpf, (shared, tmp_path))
    assert {"one", "two", "TWO", "main"} <= seen.identifiers
    assert seen.files == (tmp_path / "one.h", shared / "two.h")
    assert seen.generated == {"ebpf.h"}
    assert not seen.system


def test_a_vmlinux_h_of_the_project_is_the_projects(tmp_path: Path, libbpf: Path) -> None:
    (tmp_path / "vmlinux.h").write_text("struct task_struct {};\n")
    assert scan('#include "vmlinux.h"\n', tmp_path, libbpf).generated == frozenset()


def test_headers_found_nowhere_are_the_systems(tmp_path: Path, libbpf: Path) -> None:
    assert scan("#include <linux/bpf.h>\n", tmp_path, libbpf).system
    assert not scan("#include <bpf/bpf_tracing.h>\n", tmp_path, libbpf).system


def test_macros_of_libbpf_count_where_they_are_used(tmp_path: Path, libbpf: Path) -> None:
    used = scan("#include <bpf/bpf_tracing.h>\nint BPF_KPROBE(probe) {}\n", tmp_path, libbpf)
    assert {"pt_regs", "user_regs"} <= used.identifiers
    assert not {"never_named", "in_code_of_libbpf"} & used.identifiers
    unused = scan("#include <bpf/bpf_tracing.h>\n", tmp_path, libbpf)
    assert "pt_regs" not in unused.identifiers


def test_what_a_source_defines_is_its_own(tmp_path: Path, libbpf: Path) -> None:
    text = "struct key { int x; };\nenum kind : u8 { A };\nunion { int y; } u;\nstruct no *p; // enum no {\n"
    assert scan(text, tmp_path, libbpf).defined == {"key", "kind"}


def test_a_license_of_the_source_is_seen(tmp_path: Path, libbpf: Path) -> None:
    assert scan('char L[] SEC("license") = "GPL";', tmp_path, libbpf).licensed
    assert not scan("int license;", tmp_path, libbpf).licensed
