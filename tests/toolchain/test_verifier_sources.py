"""From instructions to source lines, in what clang makes of tests/vm/data/mistakes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from mistakes import SOURCES, compiled

from pytest_ebpf.errors import ObjectError
from pytest_ebpf.objects import ObjectFacts, parse_object, read_object
from pytest_ebpf.verifier import Place, Sources, sources_of


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """An object two folders below its sources, which are a copy."""
    for each in SOURCES.iterdir():
        shutil.copy(each, tmp_path)
    folder = tmp_path / "build" / "flow"
    folder.mkdir(parents=True)
    return compiled("flow", folder, sources=tmp_path)


def sources(path: Path, program: str, facts: ObjectFacts | None = None) -> Sources:
    found = sources_of(path.read_bytes(), facts or read_object(path), program)
    assert found
    return found


def test_instructions_are_counted_through_the_functions_of_a_program(built):
    """The verifier counts on into functions, in the order in which libbpf puts them behind the program."""
    found = sources(built, "mistake_in_function")
    assert [each.name for each in found.functions] == ["mistake_in_function", "item_of"]
    callee = found.functions[1].first
    place = found.place(callee + 3)
    assert place
    assert (place.function, place.text) == ("item_of", "return numbers->item[index];")
    before = found.place(callee - 1)
    assert before
    assert before.function == "mistake_in_function"
    assert found.place(100_000) is None


def test_the_lines_around_come_from_the_file(built, monkeypatch):
    monkeypatch.chdir(built.parent)
    found = sources(built, "verdict_out_of_range")
    place = found.place(0)
    assert place
    assert str(place).endswith("flow.bpf.c:19: return 5;")
    assert [text for _, text in found.neighbours(place)] == [
        "int verdict_out_of_range(struct __sk_buff *skb)",
        "{",
        "\treturn 5;",
        "}",
        "",
    ]


def test_of_a_file_that_was_changed_only_what_was_compiled_is_told(built, tmp_path):
    """Lines that no instruction comes from are not known then."""
    source = tmp_path / "flow.bpf.c"
    source.write_text("/* one more line */\n" + source.read_text())
    found = sources(built, "verdict_out_of_range")
    place = found.place(0)
    assert place
    assert found.neighbours(place) == ((17, None), (18, None), (19, "\treturn 5;"))


def test_files_are_named_from_the_current_folder_if_they_are_below(built, tmp_path, monkeypatch):
    def named() -> str:
        place = sources(built, "verdict_out_of_range").place(0)
        assert place
        return place.file

    monkeypatch.chdir(tmp_path.parent)
    assert named() == f"{tmp_path.name}/flow.bpf.c"
    monkeypatch.chdir(built.parent)
    assert named() == "flow.bpf.c"


def test_a_program_that_is_not_there(built):
    assert sources_of(built.read_bytes(), read_object(built), "nobody") is None


def test_an_object_without_line_information(tmp_path, built):
    stripped = built.read_bytes().replace(b".BTF.ext\0", b".BTF.xxx\0")
    found = sources_of(stripped, parse_object(stripped, built), "endless")
    assert found
    assert found.place(0) is None


def test_a_damaged_object(built):
    data = built.read_bytes()
    with pytest.raises(ObjectError, match="cut short"):
        sources_of(data[: len(data) // 2], read_object(built), "endless")


def test_a_place_without_a_file():
    assert str(Place("", 0, "return 5;")) == "return 5;"


def test_every_instruction_of_a_program_has_a_line(built):
    """Also those that the compiler put in by itself, with line 0."""
    for program in read_object(built).programs:
        found = sources(built, program.name)
        assert all(place and place.line for place in found.places)
