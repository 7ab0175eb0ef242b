"""What a manifest declares, as frozen objects. The same classes make the JSON schema."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal

from pydantic import (
    Field,
    PlainValidator,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from pytest_ebpf.manifest import scalars
from pytest_ebpf.manifest.defect import DefectError
from pytest_ebpf.manifest.fields import (
    U32_MAX,
    Declaration,
    Entries,
    Initial,
    KernelSpec,
    MapFlagName,
    MapTypeName,
    Name,
    Pin,
    ProjectName,
    PythonModule,
    Text,
    Texts,
    TypeName,
    TypeRef,
    Value,
)
from pytest_ebpf.manifest.maprules import rule_of
from pytest_ebpf.manifest.objectdecl import BudgetDecl, LoadDecl, ObjectDecl, ProgramDecl
from pytest_ebpf.manifest.typedecl import AnyType, EnumDecl, StructDecl, TypeDecl, UnionDecl
from pytest_ebpf.uapi import MapFlag, MapType

__all__ = [
    "AllowedSplat",
    "BudgetDecl",
    "Build",
    "Declaration",
    "Document",
    "EntryDecl",
    "EnumDecl",
    "GlobalDecl",
    "LoadDecl",
    "MapDecl",
    "ObjectDecl",
    "ProgramDecl",
    "Project",
    "StructDecl",
    "Test",
    "TypeDecl",
    "UnionDecl",
]

#: The length of a license that the kernel reads (``char license[128]`` of ``bpf_prog_load``).
MAX_LICENSE: Final = 127


class Project(Declaration):
    """Whose programs these are, and the kernels they are promised to work on."""

    name: Annotated[ProjectName, Field(description="The name of the project, used in reports.")]
    license: Annotated[
        str,
        Field(
            min_length=1,
            max_length=MAX_LICENSE,
            description='The license the kernel is told; GPL-only helpers want "GPL" or "Dual BSD/GPL".',
        ),
    ] = "GPL"
    kernels: Annotated[
        tuple[KernelSpec, ...],
        Field(
            strict=False,
            min_length=1,
            description='The kernels promised: a line ("6.1"), a release, "latest", or the path of an image.',
        ),
    ]


class Build(Declaration):
    """How C is made and compiled."""

    directory: Annotated[Text, Field(description="Where everything built goes.")] = "build/ebpf"
    templates: Annotated[Texts, Field(description="Folders of Jinja templates, searched before ours.")] = ()
    include: Annotated[Texts, Field(description="Folders given to clang with -I.")] = ()
    flags: Annotated[Texts, Field(description="More flags for clang, for every object.")] = ()
    cpu: Annotated[
        Literal["v1", "v2", "v3", "v4"], Field(description="The BPF instruction set, clang's -mcpu.")
    ] = "v3"
    vmlinux: Annotated[
        Literal["minimal", "full"],
        Field(description="vmlinux.h with just the types that are used, or with all of the kernel's."),
    ] = "minimal"
    kernel: Annotated[
        KernelSpec | None,
        Field(description="The kernel whose BTF gives vmlinux.h; the last of project.kernels by default."),
    ] = None
    bindings: Annotated[
        PythonModule | None,
        Field(description="The path of the generated Python module; in the build folder by default."),
    ] = None


class AllowedSplat(Declaration):
    """A complaint in the kernel's log that is known and harmless."""

    match: Annotated[Text, Field(description="A regular expression that finds the line of the log.")]
    reason: Annotated[Text, Field(min_length=1, description="Why it does not matter.")]

    @field_validator("match")
    @classmethod
    def _compiles(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise DefectError(f'no regular expression (seen "{value}": {error})') from error
        return value


class Test(Declaration):
    """The machines that tests run on."""

    __test__ = False  # not a test class, whatever its name says to pytest

    memory: Annotated[int, Field(ge=64, le=65536, description="Memory of a machine, in MiB.")] = 256
    cpus: Annotated[int, Field(ge=1, le=64, description="Processors of a machine.")] = 1
    wires: Annotated[
        int, Field(ge=0, le=4, description="NICs of a machine whose other ends are in the test.")
    ] = 0
    isolation: Annotated[
        Literal["test", "module", "session"],
        Field(description="What gets a fresh kernel: every test, every module, or the whole run."),
    ] = "test"
    timeout: Annotated[
        int, Field(ge=1, le=86400, description="Seconds that the calls of one test may take together.")
    ] = 120
    allow_splats: Annotated[
        tuple[AllowedSplat, ...],
        Field(strict=False, description="Complaints of the kernel that do not fail a test."),
    ] = ()
    baseline: Annotated[
        Text | None,
        Field(description="The file with what the verifier had to do, which programs are held against."),
    ] = None
    tolerance: Annotated[
        int, Field(ge=0, le=1000, description="Percent by which programs may exceed the baseline.")
    ] = 5


class EntryDecl(Declaration):
    """What a map holds from the start: a *key*, where its type has keys, and a *value*."""

    key: Annotated[Value, Field(description="The key, where the map has keys.")] = None
    value: Annotated[
        Value, Field(description="The value; per CPU, one for all or an array with one for each.")
    ]


class MapDecl(Declaration):
    """A map. *key*, *value* are None only where this type of map has none: what is implied is filled in."""

    type: Annotated[MapTypeName, Field(description="The type of map, in lower case.")]
    key: Annotated[TypeRef | None, Field(description="The type of the keys, where the map has keys.")] = None
    value: Annotated[TypeRef | None, Field(description="The type of the values, where the map has them.")] = (
        None
    )
    max_entries: Annotated[
        int | None, Field(ge=1, le=U32_MAX, description="How many entries; of a ringbuf its size in bytes.")
    ] = None
    flags: Annotated[
        tuple[MapFlagName, ...],
        Field(strict=False, description="Flags of BPF_MAP_CREATE, in lower case, without BPF_F_."),
    ] = ()
    inner: Annotated[
        Name | None, Field(description="Of a map of maps: the declared map that inner maps look like.")
    ] = None
    records: Annotated[
        TypeRef | None, Field(description="Of a ringbuf or a perf_event_array: the type of the records.")
    ] = None
    contents: Annotated[
        tuple[EntryDecl, ...], Field(strict=False, description="What it holds once the object is loaded.")
    ] = ()
    entries: Annotated[
        Entries, Field(description="Of a prog_array: programs by name, from key 0 on, or by key.")
    ] = ()
    pin: Annotated[Pin, Field(description="Whether, or as which path below /sys/fs/bpf, it is pinned.")] = (
        False
    )

    @model_validator(mode="before")
    @classmethod
    def _fill_in_implied(cls, data: Any) -> Any:
        rule = rule_of(data["type"]) if isinstance(data, dict) and isinstance(data.get("type"), str) else None
        if rule is None:
            return data
        implied = {"key": rule.key.default, "value": rule.value.default}
        return {**{side: text for side, text in implied.items() if text}, **data}

    @property
    def map_type(self) -> MapType:
        """The type as the kernel numbers it."""
        return MapType[self.type.upper()]

    @property
    def map_flags(self) -> MapFlag:
        """The flags as the kernel numbers them."""
        return MapFlag(sum(MapFlag[name.upper()] for name in set(self.flags)))


class GlobalDecl(Declaration):
    """A global variable: its type and the *value* it starts with; *const* ones are in ``.rodata``."""

    type: Annotated[TypeRef, Field(description="The type of the variable.")]
    value: Annotated[
        Initial,
        PlainValidator(scalars.initial),
        Field(description="What it holds when the object is loaded, unless a test sets it."),
        WithJsonSchema({"type": ["integer", "boolean", "string", "array"]}),
    ]
    const: Annotated[
        bool, Field(description="Whether programs only read it: the verifier then drops dead branches.")
    ] = True


class Document(Declaration):
    """pytest-ebpf manifest (ebpf.toml): eBPF programs, their maps and types, and the kernels they are for."""

    project: Project
    build: Build = Build()
    test: Test = Test()
    types: Annotated[dict[TypeName, AnyType], Field(description="Types shared by C and Python.")] = Field(
        default_factory=dict
    )
    maps: Annotated[dict[Name, MapDecl], Field(description="Maps, by name.")] = Field(default_factory=dict)
    globals: Annotated[dict[Name, GlobalDecl], Field(description="Global variables, by name.")] = Field(
        default_factory=dict
    )
    objects: Annotated[dict[Name, ObjectDecl], Field(description="Object files, by name.")] = Field(
        default_factory=dict
    )
