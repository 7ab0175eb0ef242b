"""The scanner of TOML text: each path of the document stands on the line where its key was written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
import tomli
from hypothesis import given
from hypothesis import strategies as st

from pytest_ebpf.manifest.locate import locate


@pytest.mark.parametrize(
    ("text", "path", "line"),
    [
        pytest.param("a = 1\nb = 2", ("b",), 2, id="key"),
        pytest.param("# a = 0\n\na = 1", ("a",), 3, id="after-a-comment"),
        pytest.param("[a]\n\nb = 1", ("a", "b"), 3, id="key-of-a-table"),
        pytest.param("\n[a.b]\n[a]\nc = 1", ("a",), 2, id="table-where-it-is-first-mentioned"),
        pytest.param("[a]\nb.c.d = 1", ("a", "b", "c", "d"), 2, id="dotted-key"),
        pytest.param("[ a . 'b' ]\nc=1", ("a", "b", "c"), 2, id="spaces-in-a-header"),
        pytest.param("a = 1\r\nb = 2\r\n", ("b",), 2, id="windows-lines"),
        pytest.param("a = [\n  1, # one\n  2,\n]\nb = 1", ("a", 1), 3, id="element-of-an-array"),
        pytest.param("a = [\n  1, # one\n  2,\n]\nb = 1", ("b",), 5, id="after-an-array"),
        pytest.param("a = [[1],\n[2, [\n3]]]", ("a", 1, 1, 0), 3, id="arrays-in-arrays"),
        pytest.param("a = []\nb = {}\nc = 1", ("c",), 3, id="empty-array-and-table"),
        pytest.param("a = { b = 1, c = { d.e = 2 } }", ("a", "c", "d", "e"), 1, id="inline-table"),
        pytest.param("a = {\n  b = 1,\n  # two\n  c = 2,\n}", ("a", "c"), 4, id="inline-table-of-toml-1.1"),
        pytest.param("a = [{b = 1},\n{b = 2}]", ("a", 1, "b"), 2, id="tables-in-an-array"),
        pytest.param("[[a]]\nb = 1\n[[a]]\nb = 2", ("a", 1, "b"), 4, id="array-of-tables"),
        pytest.param("[[a]]\nb = 1\n[[a]]\nb = 2", ("a", 1), 3, id="element-of-an-array-of-tables"),
        pytest.param("[[a]]\n[a.b]\nc=1\n[[a]]\n[a.b]\nc=2", ("a", 1, "b", "c"), 6, id="table-of-an-element"),
        pytest.param(
            "[[a]]\n[[a.b]]\n[[a]]\n[[a.b]]\n[[a.b]]", ("a", 1, "b", 1), 5, id="arrays-of-tables-nested"
        ),
        pytest.param('"a b" = 1\n"" = 2', ("",), 2, id="quoted-and-empty-keys"),
        pytest.param('"\\u00e9\\"]" = 1\nb = 2', ('\u00e9"]',), 1, id="key-with-escapes"),
        pytest.param("'a\\' = 1", ("a\\",), 1, id="literal-key"),
        pytest.param('a = """\n[b]\nb = 1"""\nb = 1', ("b",), 4, id="after-a-string-of-lines"),
        pytest.param("a = '''\n''x''\n'''''\nb = 1", ("b",), 4, id="quotes-at-the-end-of-a-literal"),
        pytest.param('a = """x\\"""" # "\nb = 1', ("b",), 2, id="escaped-quote-before-the-end"),
        pytest.param('a = "#" # c = 1\nb = 1', ("b",), 2, id="hash-in-a-string"),
        pytest.param("a = 1979-05-27 07:32:00\nb = 1", ("b",), 2, id="date-with-a-space"),
        pytest.param("3.14 = 1\nb = 1", ("3", "14"), 1, id="key-like-a-number"),
    ],
)
def test_where_a_path_stands(text: str, path: tuple[str | int, ...], line: int) -> None:
    assert value_at(tomli.loads(text), path) is not None
    assert locate(text).line(path) == line


def test_a_path_that_is_not_there_stands_where_its_table_does() -> None:
    locations = locate("\n[maps.a]\ntype = 'hash'\n")
    assert locations.line(("maps", "a", "key")) == 2
    assert locations.line(("maps", "b")) == 2
    assert locations.line(("objects",)) == 1
    assert locations.line(()) == 1


# Generated documents: written down line by line, with the line of each key noted as it is written.

KEYS = st.sampled_from(["a", "b", "c-1", "2", "x y", "", 'q"\\', "]", "[[d]]", "#", "\u00e9", "=", "'"])
SCALARS = st.sampled_from(
    [
        "1",
        "-2.5e3",
        "true",
        "1979-05-27 07:32:00Z",
        "''",
        '"# ] } \\" ="',
        "'[a]'",
        '"""\n[a]\n\\""" = "" """',
        "'''\nb = 1\n''\\'''''",
        '""""a"""""',
    ]
)
VALUES = st.recursive(
    SCALARS,
    lambda values: st.one_of(
        st.lists(values, max_size=4), st.dictionaries(KEYS, values, min_size=0, max_size=3)
    ),
    max_leaves=8,
)
TABLES = st.dictionaries(
    KEYS,
    st.one_of(VALUES, st.lists(st.dictionaries(KEYS, VALUES, max_size=3), min_size=1, max_size=3)),
    max_size=4,
)


@dataclass
class Writer:
    """TOML text under construction, and the line of every path in it."""

    text: str = ""
    lines: dict[tuple[str | int, ...], int] = field(default_factory=dict)

    def note(self, path: tuple[str | int, ...]) -> None:
        self.lines.setdefault(path, self.text.count("\n") + 1)

    def value(self, path: tuple[str | int, ...], value: Any, blank: str) -> None:
        if isinstance(value, str):
            self.text += value
        elif isinstance(value, list):
            self.text += "["
            for index, element in enumerate(value):
                self.text += blank
                self.note((*path, index))
                self.value((*path, index), element, blank)
                self.text += "," + blank
            self.text += "]"
        else:
            self.text += "{"
            for count, (key, element) in enumerate(value.items()):
                self.text += ("," if count else "") + blank
                self.pair((*path, key), element, blank)
            self.text += "}"

    def pair(self, path: tuple[str | int, ...], value: Any, blank: str) -> None:
        self.note(path)
        self.text += f"{quoted(str(path[-1]))} = "
        self.value(path, value, blank)

    def table(self, path: tuple[str | int, ...], table: dict[str, Any], blank: str) -> None:
        for key, value in table.items():
            self.pair((*path, key), value, blank)
            self.text += blank.strip(" ") + "\n"


def quoted(key: str) -> str:
    if key and key.replace("-", "").isalnum() and key.isascii():
        return key
    return '"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'


@given(
    TABLES, st.dictionaries(KEYS, TABLES, max_size=4), st.sampled_from([" ", "\n", " # ] } = '\n", "\n\n  "])
)
def test_every_path_of_a_generated_document(
    top: dict[str, Any], tables: dict[str, dict[str, Any]], blank: str
) -> None:
    writer = Writer()
    writer.table((), top, blank)
    for name, table in tables.items():
        if name in top:
            continue
        writer.note((name,))
        writer.text += f"[{quoted(name)}]\n"
        simple = {key: value for key, value in table.items() if not is_array_of_tables(value)}
        writer.table((name,), simple, blank)
        for key in table.keys() - simple.keys():
            for index, element in enumerate(table[key]):
                writer.note((name, key))
                writer.note((name, key, index))
                writer.text += f"[[ {quoted(name)} . {quoted(key)} ]] # again\n"
                writer.table((name, key, index), element, blank)
    found = locate(writer.text).lines
    assert set(found) == set(paths(tomli.loads(writer.text)))
    assert found == writer.lines


def is_array_of_tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(element, dict) for element in value)


def paths(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    members = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    return [below for key, member in members for below in [(*path, key), *paths(member, (*path, key))]]


def value_at(value: Any, path: tuple[str | int, ...]) -> Any:
    for part in path:
        value = value[part]
    return value
