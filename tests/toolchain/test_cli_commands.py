"""``ebpf-build`` as it is called: what it prints where, and its exit status. Never a traceback."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_ebpf import paths
from pytest_ebpf.kernels import KernelStore

COMMAND = Path(sys.executable).with_name("ebpf-build")
EDGE = Path(__file__).parents[1] / "plugin" / "data" / "edge"

Call = Callable[..., subprocess.CompletedProcess]


@pytest.fixture
def edge(tmp_path: Path) -> Path:
    """A project with two objects, nothing of it built."""
    return shutil.copytree(EDGE, tmp_path / "edge")


@pytest.fixture
def call(edge: Path) -> Call:
    """``call("build", "counter")`` in the project; *env* is put over the environment."""

    def once(*words: object, cwd: Path = edge, env: dict[str, str] | None = None, **options):
        done = subprocess.run(
            [COMMAND, *map(str, words)],
            cwd=cwd,
            env={**os.environ, "COLUMNS": "80", **(env or {})},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            **options,
        )
        assert "Traceback" not in done.stdout + done.stderr
        return done

    return once


def error_of(done: subprocess.CompletedProcess, status: int) -> str:
    """What is said on the last line of the standard error, by a command that ended with *status*."""
    assert done.returncode == status, done.stderr
    return done.stderr.splitlines()[-1].removeprefix("ebpf-build: ")


# build


def test_a_kernel_that_only_gives_types_is_fetched_for_a_reason(call, tmp_path):
    """There is no apt to fetch it."""
    clang = str(shutil.which("clang-19"))
    cache = str(tmp_path / "nothing")
    done = call(env={"PYTEST_EBPF_CACHE": cache, "PATH": "/nonexistent", "EBPF_CLANG": clang})
    assert done.returncode == 1
    assert "6.12: wanted for its types, of which vmlinux.h is made\n" in done.stderr


def test_it_builds_what_is_stale_and_says_so_in_a_line(call, edge):
    first = call()
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout.startswith("2 objects, 2 compiled (")
    assert call("build").stdout.startswith("2 objects, nothing to do (")
    (edge / "gate.bpf.c").write_text((edge / "gate.bpf.c").read_text() + "\n")
    assert call("build", "counter").stdout.startswith("1 object, nothing to do (")
    assert call("build", "gate").stdout.startswith("1 object, 1 compiled (")
    assert (call("-q").stdout, call("build", "-q").stdout, call("-q", "build").stdout) == ("", "", "")


def test_the_manifest_may_be_elsewhere(call, edge, tmp_path):
    (edge / "deeper").mkdir()
    assert call(cwd=edge / "deeper").returncode == 0
    assert call("-f", "edge/ebpf.toml", "build", cwd=tmp_path).returncode == 0
    for words in ((), ("check",), ("matrix", "a.o"), ("stats",), ("kernels", "fetch", "6.12"), ("doctor",)):
        assert error_of(call("-f", "other.toml", *words), 2) == (
            "other.toml: no such file; write an ebpf.toml, or name the one to use"
        )
    assert error_of(call(cwd=tmp_path), 2) == (
        f"{tmp_path}: there is no ebpf.toml here or above; "
        "write one, or have it written for object files: ebpf-build adopt FILE.o"
    )


def test_an_object_that_is_not_declared(call):
    assert error_of(call("build", "conter"), 2) == (
        'ebpf.toml:19: no such object (seen "conter"); did you mean "counter"?'
    )


def test_all_problems_of_a_manifest_one_a_line(call, edge):
    text = (edge / "ebpf.toml").read_text()
    (edge / "ebpf.toml").write_text(text.replace("max_entries", "max_entrys").replace('"xdp"', '"xpd"'))
    done = call()
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        'ebpf.toml:17: maps.stats.max_entrys: unknown key; did you mean "max_entries"?',
        'ebpf.toml:21: objects.counter.programs.count.hook: unknown hook (seen "xpd"); did you mean "xdp"?',
    ]


def test_an_error_of_the_compiler(call, edge):
    text = (edge / "counter.bpf.c").read_text()
    (edge / "counter.bpf.c").write_text(text.replace("XDP_PASS", "XDP_PAS"))
    done = call()
    assert done.returncode == 1
    assert done.stderr.splitlines()[:2] == [
        "counter does not compile",
        "counter.bpf.c:13:57: error: use of undeclared identifier 'XDP_PAS'; did you mean 'XDP_PASS'?",
    ]


def test_a_warning_of_the_compiler_is_no_error(call, edge):
    text = (edge / "counter.bpf.c").read_text()
    (edge / "counter.bpf.c").write_text(text.replace("__u32 zero", "int unused; __u32 zero"))
    done = call()
    assert done.returncode == 0
    assert "counter.bpf.c:6:9: warning: unused variable 'unused'" in done.stderr


def test_no_clang(call):
    assert error_of(call(env={"PATH": "/nonexistent"}), 1) == (
        "clang: not found on PATH; install it: sudo apt-get install clang-19"
    )


def test_a_disk_that_takes_no_more(call, edge):
    """A limit of 2000 bytes a file stands for the full disk: the kernel answers EFBIG instead of ENOSPC."""
    done = call(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000)))
    assert error_of(done, 1).startswith(
        f"{edge}/build/ebpf/counter/vmlinux.h: cannot write the build (file too"
    )
    assert call().returncode == 0


def test_ctrl_c_in_a_build(call, edge, tmp_path):
    """A clang that takes its time stands for a large build."""
    (tmp_path / "bin").mkdir()
    slow = tmp_path / "bin" / "clang-19"
    real = shutil.which("clang-19")
    slow.write_text(
        f'#!/bin/sh\ncase "$*" in *-c*) touch "{tmp_path}/compiling"; sleep 300;; esac\nexec {real} "$@"\n'
    )
    slow.chmod(0o755)
    process = subprocess.Popen(
        [COMMAND],
        cwd=edge,
        env={**os.environ, "PATH": f"{tmp_path}/bin:{os.environ['PATH']}"},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while not (tmp_path / "compiling").exists():
        assert process.poll() is None
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert (process.returncode, errors.splitlines()[-1]) == (130, "ebpf-build: interrupted")
    assert call().stdout.startswith("2 objects, 2 compiled (")


@pytest.mark.parametrize("jobs", ["0", "-1", "many"])
def test_a_number_of_compilers_that_is_none(call, jobs):
    assert error_of(call("-j", jobs), 2) == (
        f'error: argument -j/--jobs: not a number of compilers (seen "{jobs}"); write 1 or more'
    )


# inspect and schema


def test_inspect_as_text_and_json(call):
    call("-q")
    text = call("inspect", "build/ebpf/counter.bpf.o")
    assert text.stdout.splitlines()[:2] == [
        "build/ebpf/counter.bpf.o",
        "license GPL, little-endian, BTF with 28 types",
    ]
    document = json.loads(call("inspect", "build/ebpf/counter.bpf.o", "--json").stdout)
    assert [program["name"] for program in document["programs"]] == ["count"]


@pytest.mark.parametrize(
    ("file", "error"),
    [
        ("nothing.o", "cannot be read (No such file or directory); check the path"),
        (".", "cannot be read (Is a directory); check the path"),
        (
            "ebpf.toml",
            "not an ELF file (begins with 23 20 54 68); give an object made by clang -target bpf",
        ),
        ("cut.o", "ELF file cut short (700 bytes); build it again"),
        (sys.executable, "an ELF file for X86_64, not for BPF; compile with -target bpf"),
    ],
)
def test_inspect_what_is_no_object(call, edge, file, error):
    call("-q")
    (edge / "cut.o").write_bytes((edge / "build/ebpf/counter.bpf.o").read_bytes()[:700])
    assert error_of(call("inspect", file), 1) == f"{file}: {error}"


def test_the_schema_is_json(call, tmp_path):
    done = call("schema", cwd=tmp_path)
    assert "project" in json.loads(done.stdout)["properties"]


def test_a_reader_that_has_seen_enough(call, edge):
    """As ``| head -1``: nothing is said about it."""
    process = subprocess.Popen([COMMAND, "schema"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout
    process.stdout.close()
    assert process.stderr
    assert process.stderr.read() == b""
    assert process.wait(timeout=120) == 1


# kernels


def test_kernels_that_are_cached_and_offered(call):
    kernel = KernelStore().get("6.12")
    lines = call("kernels", "list").stdout.splitlines()
    cached = lines[: lines.index("")]
    assert cached[0] == "in the cache"
    assert f"  6.12   {kernel.version!s:<10} {kernel.release:<34} debian" in cached
    offered = lines[lines.index("in the archive") :]
    assert f"  6.12   {kernel.version!s:<10} {kernel.release:<34} cached" in offered


def test_fetch_says_what_each_spec_is(call):
    kernel = KernelStore().get("6.12")
    done = call("kernels", "fetch", "6.12", kernel.version)
    assert done.stdout.splitlines() == [
        f"6.12: {kernel.version} ({kernel.release})",
        f"{kernel.version}: {kernel.version} ({kernel.release})",
    ]


@pytest.mark.parametrize(
    ("spec", "status", "error"),
    [
        (
            "newest",
            2,
            (
                "kernels: not a kernel (newest); "
                "write a line (6.1), a version (6.1.192), latest or the path of an image (./bzImage)"
            ),
        ),
        (
            "./bzImage",
            1,
            "{edge}/bzImage: no kernel image there (No such file or directory); give the path of a bzImage",
        ),
        (
            "./ebpf.toml",
            1,
            (
                "{edge}/ebpf.toml: not an x86 kernel image (no bzImage header); "
                "give arch/x86/boot/bzImage of a build, or a distribution's vmlinuz"
            ),
        ),
    ],
)
def test_a_kernel_that_cannot_be_had(call, edge, spec, status, error):
    assert error_of(call("kernels", "fetch", spec), status) == error.format(edge=edge)


def test_no_network(call, tmp_path):
    """apt is sent to a port where nobody listens, with an empty cache."""
    conf = tmp_path / "apt.conf"
    proxy = '"http://127.0.0.1:1"'
    conf.write_text(f"Acquire::http::Proxy {proxy};\nAcquire::https::Proxy {proxy};\n")
    nowhere = {"PYTEST_EBPF_CACHE": str(tmp_path / "cache"), "APT_CONFIG": str(conf)}
    for words in (("kernels", "fetch", "6.12"), ("kernels", "list"), ("build",)):
        error = error_of(call(*words, env=nowhere), 1)
        assert error.startswith(
            "apt: the index of the archive cannot be read (Could not connect to 127.0.0.1:1"
        )
        assert error.endswith("that `apt-get update` works, or give the path of a kernel image")


def test_lock_pins_what_the_manifest_promises(call, edge):
    kernel = KernelStore().get("6.12")
    done = call("kernels", "lock", "6.12")
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        f"6.12: {kernel.version} sha256 {kernel.sha256[:16]}",
        "written to ebpf-kernels.lock; commit it",
    ]
    assert list(json.loads((edge / "ebpf-kernels.lock").read_text())["kernels"]) == ["6.12"]
    elsewhere = call("kernels", "lock", "-f", "edge/ebpf.toml", "6.12", cwd=edge.parent)
    assert elsewhere.stdout.splitlines()[-1] == "written to edge/ebpf-kernels.lock; commit it"


# matrix, before anything boots


@pytest.mark.parametrize(
    ("words", "status", "error"),
    [
        (("nothing.o", "--kernel", "6.12"), 2, "nothing.o: no such file; give the path of an object file"),
        (
            ("ebpf.toml", "--kernel", "6.12"),
            1,
            (
                "{edge}/ebpf.toml: not an ELF file (begins with 23 20 54 68); "
                "give an object made by clang -target bpf"
            ),
        ),
        (
            ("nothing.o", "--kernel", ">=7.0"),
            2,
            "--kernel: selects no kernel (>=7.0); the project promises 6.1, 6.12; name a kernel, such as 6.1",
        ),
        (("nothing.o",), 2, "nothing.o: no such file; give the path of an object file"),
        (
            ("conter",),
            2,
            ('conter: no object of the manifest is called so, and no file either; did you mean "counter"?'),
        ),
    ],
)
def test_a_matrix_of_nothing(call, edge, words, status, error):
    expected = error.format(edge=edge)
    assert error_of(call("matrix", *words), status).removeprefix("ebpf-build ") == expected


def test_a_matrix_of_an_object_without_programs(call, edge, compile_bpf):
    file = compile_bpf('char _license[] __attribute__((section("license"), used)) = "GPL";\n')
    assert error_of(call("matrix", file, "--kernel", "6.12"), 1) == (
        'prog.bpf.o: there is no program in it; give a function a SEC("xdp")'
    )


def test_a_matrix_without_qemu(call):
    call("-q")
    done = call("matrix", "build/ebpf/counter.bpf.o", "--kernel", "6.12", env={"PATH": "/nonexistent"})
    assert error_of(done, 1) == (
        "qemu-system-x86_64: not found on PATH; install it: sudo apt-get install qemu-system-x86"
    )


def test_a_matrix_without_the_agent(call, monkeypatch, tmp_path):
    """An installation that was never completed: the package alone, without what is built beside it."""
    package = shutil.copytree(Path(paths.__file__).parent, tmp_path / "site" / "pytest_ebpf")
    call("-q")
    done = call(
        "matrix",
        "build/ebpf/counter.bpf.o",
        "--kernel",
        "6.12",
        env={"PYTHONPATH": str(package.parent)},
    )
    agent = tmp_path / "site" / "vm" / "agent" / "build" / "agent"
    assert error_of(done, 1) == (
        f"{agent}: the guest agent is not there; run `make agent` in a checkout, and install from there again"
    )


# what can be asked


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("build",),
        ("inspect",),
        ("diff",),
        ("adopt",),
        ("matrix",),
        ("check",),
        ("stats",),
        ("doctor",),
        ("kernels",),
        ("kernels", "fetch"),
        ("kernels", "lock"),
    ],
    ids=" ".join,
)
def test_help_fits_a_screen(call, words):
    done = call(*words, "-h")
    lines = done.stdout.splitlines()
    assert done.returncode == 0
    assert lines[0].startswith(f"usage: {' '.join(['ebpf-build', *words])} [-h]")
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
