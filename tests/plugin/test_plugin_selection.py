"""Which tests run on which kernels: identifiers, ``-k``, ``--ebpf-kernel``. Nothing boots, QEMU is hidden."""

from __future__ import annotations

import os
import shutil

import pytest

MODULE = """
def test_counts(ebpf):
    ebpf.load(Counter)

@pytest.mark.parametrize("size", [64, 128])
@pytest.mark.ebpf_kernel(">=6.4", reason="nothing older")
def test_size(ebpf, size):
    ebpf.load(Counter)

class TestGate:
    @pytest.fixture(autouse=True)
    def gate(self, ebpf):
        return ebpf.load(Gate)

    def test_lets_in(self):
        pass

def test_without_a_kernel():
    pass
"""


@pytest.fixture
def collect(run, monkeypatch, tmp_path_factory):
    """``collect(*options)``: the identifiers of the tests, on a host where only clang can be found."""
    tools = tmp_path_factory.mktemp("tools")
    (tools / "clang-19").symlink_to(shutil.which("clang-19"))
    monkeypatch.setenv("PATH", os.fspath(tools))

    def identifiers(*options, module=MODULE):
        result = run(module, "--collect-only", "-q", *options)
        assert result.ret == pytest.ExitCode.OK, result.stdout.str()
        return [line.removeprefix("test_edge.py::") for line in result.outlines if "::" in line]

    return identifiers


def test_a_test_is_there_once_for_each_kernel_that_the_manifest_promises(collect):
    assert collect() == [
        "test_counts[6.1]",
        "test_counts[6.12]",
        "test_size[6.1-64]",
        "test_size[6.1-128]",
        "test_size[6.12-64]",
        "test_size[6.12-128]",
        "TestGate::test_lets_in[6.1]",
        "TestGate::test_lets_in[6.12]",
        "test_without_a_kernel",
    ]


@pytest.mark.parametrize(
    ("expression", "kernels"),
    [
        ("all", ["6.1", "6.12"]),
        ("6.12", ["6.12"]),
        ("6.12,6.1", ["6.12", "6.1"]),
        (">=6.2", ["6.12"]),
        (">=5.4,<6.12", ["6.1"]),
        ("all,7.2", ["6.1", "6.12", "7.2"]),
        ("latest", ["latest"]),
        ("6.1.192", ["6.1.192"]),
        ("/boot/vmlinuz-custom,6.1", ["vmlinuz-custom", "6.1"]),
        ("old/bzImage,new/bzImage", ["old/bzImage", "new/bzImage"]),
    ],
)
def test_a_selection_of_kernels(collect, expression, kernels):
    identifiers = collect("--ebpf-kernel", expression, module="def test_counts(ebpf): pass\n")
    assert identifiers == [f"test_counts[{kernel}]" for kernel in kernels]


def test_verdicts_and_declared_enumerators_are_named(collect, edge):
    with (edge / "ebpf.toml").open("a") as manifest:
        manifest.write('[types.action]\nenum = ["PASS", "DROP"]\n')
    module = """
    import http
    from bindings import Action

    @pytest.mark.parametrize("action, verdict", [(Action.PASS, XDP.PASS), (Action.DROP, XDP.DROP)])
    @pytest.mark.parametrize("other", [http.HTTPStatus.OK])
    def test_verdict(ebpf, other, action, verdict): pass
    """
    assert collect("--ebpf-kernel", "6.12", module=module) == [
        "test_verdict[6.12-200-Action.PASS-XDP.PASS]",
        "test_verdict[6.12-200-Action.DROP-XDP.DROP]",
    ]


def test_k_selects_by_kernel_and_by_name(collect):
    assert collect("-k", "6.12 and counts or lets_in and not 6.12") == [
        "test_counts[6.12]",
        "TestGate::test_lets_in[6.1]",
    ]


def test_tests_that_pytest_cannot_multiply_say_so(run):
    """None of them comes to a kernel."""
    module = """
    import unittest

    class TestUnit(unittest.TestCase):
        @pytest.fixture(autouse=True)
        def load(self, ebpf):
            self.counter = ebpf.load(Counter)

        def test_unit(self):
            pass

    def test_later(request):
        request.getfixturevalue("ebpf")

    def counts():
        '''
        >>> getfixture("ebpf")
        '''
    """
    result = run(module, "--doctest-modules")
    result.assert_outcomes(errors=1, failed=2)
    said = (
        "ebpf: pytest cannot run this once for each kernel: it is of a unittest.TestCase, a doctest, or "
        "calls getfixturevalue; take ebpf as an argument of a test function, or of a fixture of one"
    )
    assert result.outlines.count(said) == 3


@pytest.mark.parametrize(
    ("expression", "error"),
    [
        (
            ">=6.13",
            "selects no kernel (>=6.13); the project promises 6.1, 6.12; name a kernel, such as 6.1",
        ),
        (
            "newest",
            (
                "not a kernel (newest); "
                "write a line (6.1), a version (6.1.192), latest or the path of an image (./bzImage)"
            ),
        ),
        (">=six", "not a range of kernels (>=six); write it like >=6.1"),
    ],
)
def test_a_selection_that_cannot_be_understood(run, expression, error):
    result = run(MODULE, "--ebpf-kernel", expression)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert result.outlines == []
    assert result.errlines == [f"ERROR: --ebpf-kernel: {error}", ""]


def test_the_options_are_in_a_group_of_their_own(run):
    result = run(MODULE, "--help")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(
        [
            "eBPF programs on real kernels:",
            "  --ebpf-kernel=SPEC    kernels to run on: *",
            "  --ebpf-report=DIR     write the matrix *",
            "  --ebpf-manifest=FILE  the manifest *",
            "  --ebpf-accelerator={auto,kvm,tcg}",
        ]
    )


def test_the_marker_tells_how_it_is_written(run):
    result = run(MODULE, "--markers")
    result.stdout.fnmatch_lines(
        ["@pytest.mark.ebpf_kernel(range, reason=...): run this test only on kernels *"]
    )
