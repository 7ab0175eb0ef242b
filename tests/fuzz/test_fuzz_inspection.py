"""Whatever is in an object: what people are shown of it, and what is written for it, in bounded time."""

from __future__ import annotations

import ast
import subprocess
import time
from pathlib import Path

import adopted
import pytest
import tomli
from hypothesis import given
from hypothesis import strategies as st
from mutations import mutated, only

from pytest_ebpf import paths
from pytest_ebpf.adoption.manifest_text import manifest_text
from pytest_ebpf.adoption.module_text import module_text
from pytest_ebpf.adoption.survey import survey
from pytest_ebpf.errors import ObjectError
from pytest_ebpf.inspection import Inspection, difference_report, graph, report
from pytest_ebpf.inspection.difference import difference
from pytest_ebpf.objects import located, parse_object
from pytest_ebpf.requirements import requirements_of

DATA = st.data()
PATH = Path("o")


@pytest.fixture(scope="session", params=["OPEN", "SEVERAL", "HOOKS"])
def seed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "seed.c").write_text(getattr(adopted, request.param))
    headers = [f"-I{paths.libbpf_include()}", "-idirafter", "/usr/include/x86_64-linux-gnu"]
    words = ["clang-19", "-target", "bpf", "-O2", "-g", "-mcpu=v3", *headers, "-c", "seed.c", "-o", "object"]
    subprocess.run(words, check=True, timeout=120, cwd=folder)
    return (folder / "object").read_bytes()


def opened(data: bytes) -> Inspection:
    return Inspection(PATH, data, parse_object(data, PATH))


@given(DATA)
def test_every_view(seed, data):
    content = data.draw(mutated(seed))
    start = time.process_time()
    with only(ObjectError, "o: "), located(PATH):
        inspection = opened(content)
        report.to_json(inspection, None)
        report.sizes_text(inspection, None)
        report.requirements_text(inspection, None)
        graph.to_dot(inspection)
        for each in inspection.facts.programs:
            report.of_program(inspection, each.name)
    assert time.process_time() - start < 20


@given(DATA)
def test_differences(seed, data):
    with only(ObjectError, "o: "):
        found = difference(opened(seed), opened(data.draw(mutated(seed))))
        for form in (difference_report.to_text, difference_report.to_markdown, difference_report.to_json):
            assert form(found)


@given(DATA)
def test_what_is_written_for_it_can_be_read(seed, data):
    content = data.draw(mutated(seed))
    with only(ObjectError, "o: "), located(PATH):
        facts = parse_object(content, PATH)
        found = survey("subject", "o", facts, requirements_of(content, facts).refusals)
        written = tomli.loads(manifest_text("fuzz", ["6.12"], [found]))["objects"]["subject"]
        declared = [each.facts.name for each in found.programs if each.declared]
        assert list(written.get("programs", {})) == list(dict.fromkeys(declared))
        ast.parse(module_text(found))
