"""What goes wrong in a build: said on one screen, with the user's own file and line."""

from __future__ import annotations

import errno
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from pytest_ebpf import paths
from pytest_ebpf.build import build
from pytest_ebpf.errors import BuildError, EbpfError, ToolError, UsageError

HEAD = '[project]\nname = "edge"\nkernels = ["6.12"]\n[build]\ntemplates = ["templates"]\n'
GOOD = '#include "ebpf.h"\nSEC("xdp") int prog(struct xdp_md *ctx) { return XDP_PASS; }\n'


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project in the current folder: objects are added by the tests."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "templates").mkdir()
    (tmp_path / "ebpf.toml").write_text(HEAD)
    return tmp_path


@pytest.fixture
def refusal(project: Path, kernel_btf: Callable[[str], Path]) -> Callable[..., str]:
    """``refusal(BuildError)``: the text of the error that a build raises."""

    def attempt(kind: type[EbpfError] = BuildError, *only: str) -> str:
        with pytest.raises(kind) as caught:
            build(project / "ebpf.toml", kernel_btf=kernel_btf, only=only)
        assert type(caught.value) is kind
        return str(caught.value)

    return attempt


def add(project: Path, name: str, text: str) -> None:
    """Declare an object with a source of its own."""
    (project / f"{name}.bpf.c").write_text(dedent(text))
    with (project / "ebpf.toml").open("a") as file:
        file.write(f'[objects.{name}]\nsource = "{name}.bpf.c"\nprograms.prog = {{ hook = "xdp" }}\n')


def test_errors_of_the_compiler_name_the_users_line(project: Path, refusal: Callable[..., str]) -> None:
    add(
        project,
        "bad",
        '#include "ebpf.h"\nSEC("xdp") int prog(struct xdp_md *ctx)\n{\n    return XDP_PAS;\n}\n',
    )
    assert refusal() == (
        "bad does not compile\n"
        "bad.bpf.c:4:12: error: use of undeclared identifier 'XDP_PAS'; did you mean 'XDP_PASS'?\n"
        "    4 |     return XDP_PAS;\n"
        "      |            ^"
    )


def test_all_objects_are_tried(project: Path, refusal: Callable[..., str]) -> None:
    add(project, "one", GOOD.replace("XDP_PASS", "one"))
    add(project, "good", GOOD)
    add(project, "two", GOOD.replace("XDP_PASS", "two"))
    text = refusal()
    assert text.startswith("one, two do not compile\none.bpf.c:2:50: error:")
    assert "two.bpf.c:2:50: error: use of undeclared identifier 'two'" in text
    assert (project / "build/ebpf/good.bpf.o").exists()


def test_an_error_in_a_header_names_the_header(project: Path, refusal: Callable[..., str]) -> None:
    (project / "mine.h").write_text("\n\nint f(void) { return nothing; }\n")
    add(project, "bad", '#include "ebpf.h"\n#include "mine.h"\n')
    assert "\nIn file included from bad.bpf.c:2:\n./mine.h:3:22: error: use of undeclared" in refusal()


def test_an_error_in_a_template_names_the_template(project: Path, refusal: Callable[..., str]) -> None:
    (project / "templates" / "mine.bpf.c.j2").write_text(
        dedent(
            """\
            {# A comment,
               of two lines. #}
            #include "ebpf.h"
            {% for program in programs %}
            SEC("{{ program.section }}")
            int {{ program.name }}(struct xdp_md *ctx)
            {
            {% if limit > 3 %}
                return nothing + {{ limit }};
            {% endif %}
            }
            {% endfor %}
            """
        )
    )
    with (project / "ebpf.toml").open("a") as file:
        file.write(
            '[objects.x]\ntemplate = "mine"\nparameters = { limit = 7 }\nprograms.f = { hook = "xdp" }\n'
        )
    assert refusal() == (
        "x does not compile\n"
        "templates/mine.bpf.c.j2:9:12: error: use of undeclared identifier 'nothing'\n"
        "    9 |     return nothing + 7;\n"
        "      |            ^"
    )


@pytest.mark.parametrize(
    ("template", "parameters", "message"),
    [
        (
            "mien",
            "{}",
            'ebpf.toml:7: no such template (seen "mien"); did you mean "mine"?',
        ),
        (
            "mine",
            "{ limt = 1 }",
            'ebpf.toml:8: template "mine" has no parameter "limt"; did you mean "limit"?',
        ),
        (
            "mine",
            "{}",
            (
                'ebpf.toml:8: template "mine" needs the parameter "limit"; '
                "add limit = ... to the object's parameters"
            ),
        ),
    ],
)
def test_errors_of_templates_name_the_manifests_line(
    project: Path, refusal: Callable[..., str], template: str, parameters: str, message: str
) -> None:
    (project / "templates" / "mine.bpf.c.j2").write_text("int x = {{ limit }};\n")
    with (project / "ebpf.toml").open("a") as file:
        file.write(f'[objects.x]\ntemplate = "{template}"\nparameters = {parameters}\n')
    assert refusal() == message


def test_an_unknown_object(project: Path, refusal: Callable[..., str]) -> None:
    add(project, "firewall", GOOD)
    assert refusal(UsageError, "firewal") == (
        'ebpf.toml:6: no such object (seen "firewal"); did you mean "firewall"?'
    )


def test_an_object_that_another_build_has_not_made(project: Path, refusal: Callable[..., str]) -> None:
    with (project / "ebpf.toml").open("a") as file:
        file.write('[objects.x]\npath = "out/x.o"\n')
    (project / "out").mkdir()
    (project / "out" / "x.o").touch()
    assert refusal_or_none(project) is None
    (project / "out" / "x.o").unlink()
    assert 'seen "out/x.o"' in str(refusal_or_none(project))


def refusal_or_none(project: Path) -> EbpfError | None:
    """What a build without any C raises."""
    try:
        build(project / "ebpf.toml", kernel_btf=Path)
    except EbpfError as error:
        return error
    return None


def test_a_build_folder_that_is_a_file(project: Path, refusal: Callable[..., str]) -> None:
    add(project, "good", GOOD)
    (project / "build").write_text("")
    assert refusal() == (
        f"{project}/build/ebpf: cannot write the build (not a directory); "
        "something else has that name; move it away, or set build.directory"
    )


def test_bindings_never_replace_a_file_of_the_users(project: Path, refusal: Callable[..., str]) -> None:
    (project / "ebpf.toml").write_text(HEAD + 'bindings = "helpers.py"\n')
    add(project, "good", GOOD)
    (project / "helpers.py").write_text("MINE = 1\n")
    assert refusal() == (
        'ebpf.toml:6: is a file of your own, not one that this build made (seen "helpers.py"); '
        "choose another path"
    )
    assert (project / "helpers.py").read_text() == "MINE = 1\n"


def test_no_clang(project: Path, refusal: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    add(project, "good", GOOD)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("EBPF_CLANG", raising=False)
    assert refusal(ToolError) == "clang: not found on PATH; install it: sudo apt-get install clang-19"


def test_no_headers_of_libbpf(
    project: Path, refusal: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    add(project, "good", GOOD)
    monkeypatch.setattr(paths, "libbpf_include", lambda: Path("/nowhere/include"))
    assert refusal(ToolError) == f"/nowhere/include: libbpf's headers are not there; {paths.agent_recipe()}"


def test_a_kernel_whose_btf_is_gone(project: Path) -> None:
    add(project, "good", GOOD)
    with pytest.raises(BuildError) as caught:
        build(project / "ebpf.toml", kernel_btf=lambda spec: Path("/nowhere/btf"))
    assert str(caught.value) == (
        "/nowhere/btf: cannot read the BTF of kernel 6.12 (no such file or directory); fetch the kernel again"
    )


def test_a_full_disk_while_clang_writes(
    project: Path, refusal: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    add(project, "good", GOOD)
    wrapper = project / "clang-on-a-full-disk"
    wrapper.write_text(
        "#!/usr/bin/env python3\nimport os, sys\n"
        "words = sys.argv[1:]\n"
        "if '-o' in words: words[words.index('-o') + 1] = '/dev/full'\n"
        "os.execvp('clang-19', ['clang-19', *words])\n"
    )
    wrapper.chmod(0o755)
    monkeypatch.setenv("EBPF_CLANG", str(wrapper))
    assert refusal() == "good: no space left on the device; free some space and build again"
    assert not (project / "build/ebpf/good.bpf.o").exists()


def test_a_full_disk_while_headers_are_written(
    project: Path, refusal: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    add(project, "good", GOOD)

    def full(*args: object, **kwargs: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(project / "build/ebpf/good/ebpf.h"))

    monkeypatch.setattr("tempfile.mkstemp", full)
    assert refusal() == (
        f"{project}/build/ebpf/good/ebpf.h: cannot write the build (no space left on device); "
        "free some space and build again"
    )


@pytest.fixture
def slow_clang(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clang that leaves half an object and takes ten minutes; the file it says in that it has begun."""
    began = project / "began"
    wrapper = project / "slow-clang"
    wrapper.write_text(
        "#!/usr/bin/env python3\nimport os, sys, time\n"
        "words = sys.argv[1:]\n"
        "if '-o' not in words: os.execvp('clang-19', ['clang-19', *words])\n"
        "open(words[words.index('-o') + 1], 'w').write('half')\n"
        f"open({str(began)!r}, 'w').write(str(os.getpid()))\n"
        "time.sleep(600)\n"
    )
    wrapper.chmod(0o755)
    monkeypatch.setenv("EBPF_CLANG", str(wrapper))
    return began


def test_ctrl_c_ends_the_compilers_and_leaves_nothing_half_done(
    project: Path, slow_clang: Path, kernel_btf: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    add(project, "good", GOOD)
    program = (
        "from pathlib import Path\nfrom pytest_ebpf.build import build\n"
        f"build(Path('ebpf.toml'), kernel_btf=lambda spec: Path({str(kernel_btf('6.12'))!r}))\n"
    )
    child = subprocess.Popen([sys.executable, "-c", program], cwd=project, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 120
    while not (slow_clang.exists() and slow_clang.read_text()):
        assert time.monotonic() < deadline
        assert child.poll() is None
        time.sleep(0.02)
    child.send_signal(signal.SIGINT)  # to the build alone: it has to tell ninja
    _, said = child.communicate(timeout=120)
    assert b"KeyboardInterrupt" in said
    assert not Path("/proc", slow_clang.read_text()).exists()
    assert not (project / "build/ebpf/good.bpf.o").exists()
    monkeypatch.delenv("EBPF_CLANG")
    assert build(project / "ebpf.toml", kernel_btf=kernel_btf).compiled == 1
