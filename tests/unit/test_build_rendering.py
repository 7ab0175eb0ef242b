"""Templates: found in order, given what they ask for, and blamed by line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_ebpf import paths
from pytest_ebpf.build.rendering import Rendered, Templates
from pytest_ebpf.errors import BuildError

Body = Callable[..., Rendered]


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    def put(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    return put


@pytest.fixture
def body(tmp_path: Path) -> Body:
    """Render a body with a folder of the user's in front of one of ours."""

    def render(name: str = "count", **parameters: Any) -> Rendered:
        folders = [tmp_path / "mine", tmp_path / "ours"]
        templates = Templates(folders, lambda path: str(path.relative_to(tmp_path)))
        context = {"object": "counter", "programs": [{"name": "main", "section": "xdp"}]}
        return templates.body(name, parameters, context, where="ebpf.toml:7", source="ebpf.toml:8")

    return render


def refusal(body: Body, *args: Any, **parameters: Any) -> str:
    with pytest.raises(BuildError) as caught:
        body(*args, **parameters)
    return str(caught.value)


def test_parameters_and_what_every_template_is_given(write: Any, body: Body) -> None:
    write("ours/count.bpf.c.j2", "{% for p in programs %}{{ p.name }} {{ object }} {{ n }}{% endfor %}\n")
    assert body(n=3).text == '#line 1 "ours/count.bpf.c.j2"\nmain counter 3'


def test_the_users_folder_comes_first(write: Any, body: Body, tmp_path: Path) -> None:
    ours = write("ours/count.bpf.c.j2", "ours")
    assert body().files == (tmp_path / "mine" / "count.bpf.c.j2", ours)
    mine = write("mine/count.bpf.c.j2", "mine")
    rendered = body()
    assert rendered.text.endswith("mine")
    assert rendered.files == (mine,)


def test_a_users_template_may_extend_one_of_ours(write: Any, body: Body, tmp_path: Path) -> None:
    write("ours/base.j2", "int a;\n{% block more %}{% endblock %}\n")
    write("mine/count.bpf.c.j2", '{% extends "base.j2" %}\n{% block more %}\nint {{ b }};\n{% endblock %}\n')
    assert 'int a;\n#line 3 "mine/count.bpf.c.j2"\nint c;\n' in body(b="c").text
    assert tmp_path / "ours" / "base.j2" in body(b="c").files


def test_no_such_template(write: Any, body: Body) -> None:
    write("ours/count.bpf.c.j2", "")
    assert refusal(body, "cuont") == ('ebpf.toml:7: no such template (seen "cuont"); did you mean "count"?')


def test_a_parameter_that_is_not_given(write: Any, body: Body) -> None:
    write("ours/count.bpf.c.j2", "int a = {{ limit }};\n")
    assert refusal(body) == (
        'ebpf.toml:8: template "count" needs the parameter "limit"; '
        "add limit = ... to the object's parameters"
    )


def test_a_parameter_that_is_not_known(write: Any, body: Body) -> None:
    write("ours/count.bpf.c.j2", '{% include "part.j2" %}\n')
    write("ours/part.j2", "int a = {{ limit | default(3) }};\n")
    assert refusal(body, limt=1) == (
        'ebpf.toml:8: template "count" has no parameter "limt"; did you mean "limit"?'
    )


def test_a_template_without_parameters(write: Any, body: Body) -> None:
    write("ours/count.bpf.c.j2", "int a;\n")
    assert refusal(body, limit=1) == 'ebpf.toml:8: template "count" has no parameter "limit"; remove it'


def test_a_parameter_may_have_a_default(write: Any, body: Body) -> None:
    write("ours/count.bpf.c.j2", "int a = {{ limit | default(3) }};\n")
    assert "int a = 3;" in body().text


def test_a_template_that_does_not_parse(write: Any, body: Body) -> None:
    write("mine/count.bpf.c.j2", "int a;\n{% if %}\n")
    assert refusal(body) == (
        "mine/count.bpf.c.j2:2: template does not parse "
        "(Expected an expression, got 'end of statement block'); correct the template"
    )


def test_a_template_that_does_not_render(write: Any, body: Body) -> None:
    write("ours/count.bpf.c.j2", "int a;\n\nint b = {{ 1 // 0 }};\n")
    assert refusal(body) == (
        "ours/count.bpf.c.j2:3: template does not render (integer division or modulo by zero); "
        "correct the template"
    )


def test_something_undefined_that_is_no_parameter(write: Any, body: Body) -> None:
    write("ours/count.bpf.c.j2", "{% for p in programs %}\n{{ p.hok }}\n{% endfor %}\n")
    assert refusal(body) == (
        "ours/count.bpf.c.j2:2: template does not render ('dict object' has no attribute 'hok'); "
        "correct the template"
    )


def test_an_included_template_that_is_not_there(write: Any, body: Body) -> None:
    write("ours/count.bpf.c.j2", '{% include "part.j2" %}\n')
    assert refusal(body) == (
        'ours/count.bpf.c.j2: includes a template that is not there (seen "part.j2"); '
        "correct the name, or add its folder to build.templates"
    )


def test_the_bodies_that_come_with_the_package() -> None:
    assert Templates([paths.templates()], str).names() == (
        "cgroup_count",
        "tc_mark",
        "xdp_block_list",
        "xdp_count",
    )
