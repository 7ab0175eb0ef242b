"""The JSON schema for editors: it takes what the reader takes, and marks what is wrong by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tomli
from jsonschema import Draft202012Validator

from pytest_ebpf.manifest import FILE_NAME, load, schema
from pytest_ebpf.manifest.maprules import FLAG_NAMES, TYPE_NAMES

ROOT = Path(__file__).parents[2]
MANIFESTS = sorted(
    path
    for path in ROOT.rglob(FILE_NAME)
    if not any(part.startswith(".") or part == "build" for part in path.relative_to(ROOT).parts)
)
HEAD = '[project]\nname = "edge"\nkernels = ["6.1"]\n'


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    return Draft202012Validator(schema())


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(schema())
    assert schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_manifest_of_the_project(validator: Draft202012Validator, path: Path) -> None:
    assert load(path).path == path
    assert [*validator.iter_errors(tomli.loads(path.read_text()))] == []


def test_the_sample_is_among_them() -> None:
    assert ROOT / "sample_project" / FILE_NAME in MANIFESTS


def test_types_and_flags_of_maps_are_offered() -> None:
    declared = schema()["$defs"]["MapDecl"]["properties"]
    assert declared["type"]["enum"] == sorted(TYPE_NAMES)
    assert declared["flags"]["items"]["enum"] == sorted(FLAG_NAMES)


def test_every_key_is_described() -> None:
    tables = {"": schema(), **schema()["$defs"]}
    bare = [
        f"{name}.{key}"
        for name, table in tables.items()
        for key, value in table.get("properties", {}).items()
        if "description" not in value and "$ref" not in value
    ]
    assert bare == []
    assert [name for name, table in tables.items() if "description" not in table] == []


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("mapz = {}\n" + HEAD, []),
        ('[project]\nname = "edge"\n', ["project"]),
        ('[project]\nname = "edge"\nkernels = []\n', ["project", "kernels"]),
        ('[project]\nname = "edge"\nkernels = [">=6.1"]\n', ["project", "kernels", 0]),
        ('[project]\nname = "edge wall"\nkernels = ["6.1"]\n', ["project", "name"]),
        (HEAD + "[build]\ncpu = 'v9'", ["build", "cpu"]),
        (HEAD + "[build]\nbindings = 'generated'", ["build", "bindings"]),
        (HEAD + "[test]\nmemory = 1", ["test", "memory"]),
        (HEAD + "[test]\nmemory = '1G'", ["test", "memory"]),
        (HEAD + "[maps.a]\nmax_entries = 1", ["maps", "a"]),
        (HEAD + "[maps.a]\ntype = 'HASH'", ["maps", "a", "type"]),
        (HEAD + "[maps.a]\ntype = 'hash'\nmax_entrys = 1", ["maps", "a"]),
        (HEAD + "[maps.a]\ntype = 'hash'\nmax_entries = 0", ["maps", "a", "max_entries"]),
        (HEAD + "[maps.a]\ntype = 'hash'\nkey = 'unsigned int'", ["maps", "a", "key"]),
        (HEAD + "[maps.a]\ntype = 'hash'\nflags = ['x']", ["maps", "a", "flags", 0]),
        (HEAD + "[types.a]\nstruct = {}", ["types", "a"]),
        (HEAD + "[types.a]\nenum = ['A', 'A']", ["types", "a"]),
        (HEAD + "[types.a]\nenum = { A = 'x' }", ["types", "a"]),
        (HEAD + "[types.a]", ["types", "a"]),
        (HEAD + "[types.a]\nenum = ['A']\nstruct = { a = 'u8' }", ["types", "a"]),
        (HEAD + "[globals.a]\ntype = 'u8'", ["globals", "a"]),
        (HEAD + "[globals.a]\ntype = 'u8'\nvalue = 1.5", ["globals", "a", "value"]),
        (HEAD + "[objects.a]\npath = 1", ["objects", "a", "path"]),
        (HEAD + "[objects.a]\npath = 'a.o'\nprograms.p = {}", ["objects", "a", "programs", "p"]),
        (
            HEAD + "[objects.a]\npath = 'a.o'\nprograms.p = { hook = 'xdp', attach = { x = 1 } }",
            ["objects", "a", "programs", "p", "attach"],
        ),
        (
            HEAD + "[objects.a]\npath = 'a.o'\nprograms.p = { hook = 'xdp', attach = { mode = 'x' } }",
            ["objects", "a", "programs", "p", "attach", "mode"],
        ),
        (HEAD + "[objects.a]\npath = 'a.o'\nalternatives.x = []", ["objects", "a", "alternatives", "x"]),
        (
            HEAD + "[objects.a]\npath = 'a.o'\nload.max_entries.m = 0",
            ["objects", "a", "load", "max_entries", "m"],
        ),
        (HEAD + "[maps.a]\ntype = 'hash'\ncontents = [{}]", ["maps", "a", "contents", 0]),
        (HEAD + "[maps.a]\ntype = 'hash'\npin = '/tmp/x'", ["maps", "a", "pin"]),
        (HEAD + "[maps.a]\ntype = 'hash'\nentries = [1]", ["maps", "a", "entries"]),
    ],
)
def test_what_is_wrong_is_marked_where_it_is(
    validator: Draft202012Validator, text: str, path: list[Any]
) -> None:
    errors = [*validator.iter_errors(tomli.loads(text))]
    assert [list(error.absolute_path) for error in errors] == [path]
