"""What a manifest declares, as frozen objects. The same classes make the JSON schema."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    PlainValidator,
    Tag,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from pytest_ebpf import hooks
from pytest_ebpf.manifest import scalars
from pytest_ebpf.manifest.defect import DefectError
from pytest_ebpf.manifest.maprules import FLAG_NAMES, TYPE_NAMES, rule_of
from pytest_ebpf.manifest.typeexpr import INTEGERS, TypeExpr
from pytest_ebpf.uapi import MapFlag, MapType

#: Licenses that ``license_is_gpl_compatible`` of the kernel knows (``include/linux/license.h``).
GPL_COMPATIBLE: Final = frozenset(
    {"GPL", "GPL v2", "GPL and additional rights", "Dual BSD/GPL", "Dual MIT/GPL", "Dual MPL/GPL"}
)

#: The length of a license that the kernel reads (``char license[128]`` of ``bpf_prog_load``).
MAX_LICENSE: Final = 127

_U32_MAX: Final = (1 << 32) - 1


def _pattern(pattern: str) -> dict[str, Any]:
    return {"type": "string", "pattern": f"^({pattern})$"}


_NAME_SCHEMA: Final = _pattern(scalars.IDENTIFIER.pattern)
_TYPE_SCHEMA: Final = _pattern(r"\s*[A-Za-z_][A-Za-z0-9_]*(\s*\[\s*[0-9]+\s*\])*\s*")
_ENUM_SCHEMA: Final[dict[str, Any]] = {
    "anyOf": [
        {"type": "array", "items": _NAME_SCHEMA, "minItems": 1, "uniqueItems": True},
        {"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 1},
    ]
}


def _enum_schema(known: Iterable[str]) -> dict[str, Any]:
    return {"type": "string", "enum": sorted(known)}


Name = Annotated[str, AfterValidator(scalars.identifier), WithJsonSchema(_NAME_SCHEMA)]
TypeName = Annotated[str, AfterValidator(scalars.type_name), WithJsonSchema(_NAME_SCHEMA)]
TypeRef = Annotated[TypeExpr, PlainValidator(scalars.type_expression), WithJsonSchema(_TYPE_SCHEMA)]
KernelSpec = Annotated[str, AfterValidator(scalars.kernel), WithJsonSchema(_pattern(scalars.KERNEL.pattern))]
ProjectName = Annotated[
    str, AfterValidator(scalars.project_name), WithJsonSchema(_pattern(scalars.PROJECT_NAME.pattern))
]
PythonModule = Annotated[
    str, AfterValidator(scalars.python_module), WithJsonSchema(_pattern(scalars.PYTHON_MODULE.pattern))
]
Text = Annotated[str, Field(min_length=1)]
Texts = Annotated[tuple[Text, ...], Field(strict=False)]
Names = Annotated[tuple[Name, ...], Field(strict=False)]
IntegerName = Annotated[
    str, AfterValidator(scalars.one_of(INTEGERS, "integer type")), WithJsonSchema(_enum_schema(INTEGERS))
]
MapTypeName = Annotated[
    str, AfterValidator(scalars.one_of(TYPE_NAMES, "type of map")), WithJsonSchema(_enum_schema(TYPE_NAMES))
]
MapFlagName = Annotated[
    str, AfterValidator(scalars.one_of(FLAG_NAMES, "map flag")), WithJsonSchema(_enum_schema(FLAG_NAMES))
]
#: What a global starts with; arrays are tuples, nested as their type is.
Initial = int | bool | str | tuple[Any, ...]


class Declaration(BaseModel):
    """A table of the manifest: frozen, and without keys other than those declared here."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


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

    @property
    def gpl_compatible(self) -> bool:
        """Whether the kernel lets programs under this license call GPL-only helpers."""
        return self.license in GPL_COMPATIBLE


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


class StructDecl(Declaration):
    """A C struct: its *fields* in order."""

    fields: Annotated[
        dict[Name, TypeRef],
        Field(alias="struct", min_length=1, description="Fields and their types, in order."),
    ]


class UnionDecl(Declaration):
    """A C union: its *fields*, all at offset 0."""

    fields: Annotated[
        dict[Name, TypeRef], Field(alias="union", min_length=1, description="Members and their types.")
    ]


class EnumDecl(Declaration):
    """A C enum: its constants, as *values* by name, and the integer *type* that holds them."""

    values: Annotated[
        dict[Name, int],
        BeforeValidator(scalars.enumerators),
        Field(alias="enum", min_length=1, description="Names, counted from 0, or names with their numbers."),
        WithJsonSchema(_ENUM_SCHEMA),
    ]
    type: Annotated[IntegerName, Field(description="The integer type that holds the enum.")] = "u32"

    @model_validator(mode="after")
    def _values_fit(self) -> EnumDecl:
        integer = INTEGERS[self.type]
        for name, value in self.values.items():
            if not integer.minimum <= value <= integer.maximum:
                raise DefectError(
                    f"{name} does not fit {self.type} (seen {value})",
                    hint=f"{self.type} holds {integer.minimum} to {integer.maximum}",
                )
        return self


def _kind_of_type(value: object) -> str | None:
    """The one of struct, union and enum that a declaration has; None for none or several."""
    if isinstance(value, Declaration):
        return {StructDecl: "struct", UnionDecl: "union", EnumDecl: "enum"}[type(value)]
    given = [kind for kind in ("struct", "union", "enum") if isinstance(value, dict) and kind in value]
    return given[0] if len(given) == 1 else None


TypeDecl = StructDecl | UnionDecl | EnumDecl
_AnyType = Annotated[
    Annotated[StructDecl, Tag("struct")]
    | Annotated[UnionDecl, Tag("union")]
    | Annotated[EnumDecl, Tag("enum")],
    Discriminator(_kind_of_type),
]


class MapDecl(Declaration):
    """A map. *key*, *value* are None only where this type of map has none: what is implied is filled in."""

    type: Annotated[MapTypeName, Field(description="The type of map, in lower case.")]
    key: Annotated[TypeRef | None, Field(description="The type of the keys, where the map has keys.")] = None
    value: Annotated[TypeRef | None, Field(description="The type of the values, where the map has them.")] = (
        None
    )
    max_entries: Annotated[
        int | None, Field(ge=1, le=_U32_MAX, description="How many entries; of a ringbuf its size in bytes.")
    ] = None
    flags: Annotated[
        tuple[MapFlagName, ...],
        Field(strict=False, description="Flags of BPF_MAP_CREATE, in lower case, without BPF_F_."),
    ] = ()
    inner: Annotated[
        Name | None, Field(description="Of a map of maps: the declared map that inner maps look like.")
    ] = None

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


class ProgramDecl(Declaration):
    """A program of an object, by the name of its C function."""

    hook: Annotated[
        str,
        AfterValidator(scalars.hook),
        Field(
            description='Where it runs, as libbpf names sections: "xdp", "tc/ingress", "fentry/tcp_connect".'
        ),
    ]
    section: Annotated[
        Text | None, Field(description="The ELF section, where the object spells it otherwise than the hook.")
    ] = None
    autoload: Annotated[bool, Field(description="Whether loading the object loads this program.")] = True

    @property
    def parsed_hook(self) -> hooks.Hook:
        """The hook's kind and target."""
        hook = hooks.parse(self.hook)
        assert hook is not None, "validated"
        return hook


class ObjectDecl(Declaration):
    """An object file: compiled from a source or a template, or built by somebody else (*path*)."""

    source: Annotated[Text | None, Field(description="A C file.")] = None
    template: Annotated[Text | None, Field(description="The name of a Jinja template that gives C.")] = None
    parameters: Annotated[dict[str, Any], Field(description="What the template is given.")] = Field(
        default_factory=dict
    )
    path: Annotated[Text | None, Field(description="An object that another build makes.")] = None
    maps: Annotated[
        Names | None, Field(description="The declared maps it uses; by default those its source mentions.")
    ] = None
    globals: Annotated[
        Names | None, Field(description="The declared globals it uses; by default those its source mentions.")
    ] = None
    programs: Annotated[dict[Name, ProgramDecl], Field(description="Its programs, by C function.")] = Field(
        default_factory=dict
    )
    flags: Annotated[Texts, Field(description="More flags for clang, for this object.")] = ()

    @model_validator(mode="after")
    def _one_origin(self) -> ObjectDecl:
        origins = {"source": self.source, "template": self.template, "path": self.path}
        given = [name for name, value in origins.items() if value is not None]
        if len(given) != 1:
            seen = " and ".join(given) or "none"
            raise DefectError(f"needs exactly one of source, template, path (seen {seen})")
        if self.parameters and self.template is None:
            raise DefectError(
                "parameters are for a template (seen none)", hint="add template, or remove parameters"
            )
        if self.flags and self.path is not None:
            raise DefectError("flags are for what is compiled here (seen path)", hint="remove flags")
        return self


class Document(Declaration):
    """pytest-ebpf manifest (ebpf.toml): eBPF programs, their maps and types, and the kernels they are for."""

    project: Project
    build: Build = Build()
    test: Test = Test()
    types: Annotated[dict[TypeName, _AnyType], Field(description="Types shared by C and Python.")] = Field(
        default_factory=dict
    )
    maps: Annotated[dict[Name, MapDecl], Field(description="Maps, by name.")] = Field(default_factory=dict)
    globals: Annotated[dict[Name, GlobalDecl], Field(description="Global variables, by name.")] = Field(
        default_factory=dict
    )
    objects: Annotated[dict[Name, ObjectDecl], Field(description="Object files, by name.")] = Field(
        default_factory=dict
    )
