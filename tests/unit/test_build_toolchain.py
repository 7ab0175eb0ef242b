"""Finding a clang that will do. The clangs here are small programs that say what a clang says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_ebpf.build import toolchain
from pytest_ebpf.build.files import stamp
from pytest_ebpf.build.toolchain import Clang
from pytest_ebpf.errors import ToolError

Install = Callable[..., str]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """``install("clang-19", "19.1.7") -> path``: the only programs on ``PATH`` are those installed here."""
    monkeypatch.setenv("PATH", f"{tmp_path}/first:{tmp_path}/second")
    monkeypatch.delenv("EBPF_CLANG", raising=False)

    def make(name: str, version: str = "19.1.7", *, folder: str = "second", targets: str = "bpf") -> str:
        path = tmp_path / folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(
            "#!/bin/sh\n"
            f'[ "$1" = --version ] && echo "Debian clang version {version} (3~deb12u1)"\n'
            f'[ "$1" = --print-targets ] && echo "    {targets} - some target"\n'
            f"echo called >> {tmp_path}/calls\n"
        )
        path.chmod(0o755)
        return str(path)

    return make


def test_clang_19_is_preferred_to_what_the_machine_calls_clang(install: Install) -> None:
    install("clang", "20.1.0", folder="first")
    preferred = install("clang-19")
    assert toolchain.search().found == preferred


def test_a_newer_clang_will_do(install: Install) -> None:
    path = install("clang-21", "21.1.0")
    assert toolchain.search().found == path
    assert toolchain.examine(path, None) == Clang(path, "21.1.0", stamp(path) or (0, 0))


def test_what_would_be_found_before_is_told(install: Install, tmp_path: Path) -> None:
    install("clang")
    assert toolchain.search().missed == tuple(
        f"{tmp_path}/{path}" for path in ("first/clang-19", "second/clang-19", "first/clang")
    )


def test_no_clang(install: Install) -> None:
    with pytest.raises(ToolError) as caught:
        toolchain.search()
    assert str(caught.value) == "clang: not found on PATH; install it: sudo apt-get install clang-19"


@pytest.mark.parametrize("by_path", [True, False])
def test_the_override(install: Install, monkeypatch: pytest.MonkeyPatch, by_path: bool) -> None:
    install("clang-19")
    mine = install("my-clang")
    monkeypatch.setenv("EBPF_CLANG", mine if by_path else "my-clang")
    assert toolchain.search().found == mine


def test_an_override_that_is_not_there(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install("clang-19")
    monkeypatch.setenv("EBPF_CLANG", "/opt/none/clang")
    with pytest.raises(ToolError) as caught:
        toolchain.search()
    assert str(caught.value) == (
        "$EBPF_CLANG=/opt/none/clang: no such program; correct it, or unset it to have clang looked for"
    )


def test_a_clang_that_is_too_old(install: Install) -> None:
    path = install("clang", "14.0.6")
    with pytest.raises(ToolError) as caught:
        toolchain.examine(path, None)
    assert str(caught.value) == (
        f"{path}: clang 14.0.6 is too old: 16 or newer is needed (older ones cut 64-bit enums in BTF); "
        "install it: sudo apt-get install clang-19, or point $EBPF_CLANG at a newer one"
    )


def test_a_clang_without_bpf(install: Install) -> None:
    path = install("clang", targets="x86-64")
    with pytest.raises(ToolError) as caught:
        toolchain.examine(path, None)
    assert str(caught.value) == (
        f"{path}: this clang cannot compile for BPF; install it: sudo apt-get install clang-19"
    )


def test_a_program_that_is_no_clang() -> None:
    with pytest.raises(ToolError) as caught:
        toolchain.parse_version("gcc (Debian 12.2.0) 12.2.0\n", where="/usr/bin/gcc")
    assert str(caught.value) == (
        '/usr/bin/gcc: does not say it is clang (seen "gcc (Debian 12.2.0) 12.2.0"); '
        "install it: sudo apt-get install clang-19"
    )


def test_a_clang_is_looked_at_once(install: Install, tmp_path: Path) -> None:
    path = install("clang-19")
    known = toolchain.examine(path, None)
    calls = (tmp_path / "calls").read_text()
    assert toolchain.examine(path, known) == known
    assert (tmp_path / "calls").read_text() == calls
    install("clang-19", "16.0.10")
    assert toolchain.examine(path, known).version == "16.0.10"
