"""What a manifest declares of types: those that C and Python share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Final

from pydantic import BeforeValidator, Discriminator, Field, Tag, WithJsonSchema, model_validator

from pytest_ebpf.manifest import scalars
from pytest_ebpf.manifest.defect import DefectError
from pytest_ebpf.manifest.fields import ENUM_SCHEMA, Declaration, IntegerName, Name, TypeRef
from pytest_ebpf.manifest.typeexpr import INTEGERS


class StructDecl(Declaration):
    """A C struct: its *fields* in order."""

    keyword: ClassVar[str] = "struct"

    fields: Annotated[
        dict[Name, TypeRef],
        Field(alias="struct", min_length=1, description="Fields and their types, in order."),
    ]


class UnionDecl(Declaration):
    """A C union: its *fields*, all at offset 0."""

    keyword: ClassVar[str] = "union"

    fields: Annotated[
        dict[Name, TypeRef], Field(alias="union", min_length=1, description="Members and their types.")
    ]


class EnumDecl(Declaration):
    """A C enum: its constants, as *values* by name, and the integer *type* that holds them."""

    keyword: ClassVar[str] = "enum"

    values: Annotated[
        dict[Name, int],
        BeforeValidator(scalars.enumerators),
        Field(alias="enum", min_length=1, description="Names, counted from 0, or names with their numbers."),
        WithJsonSchema(ENUM_SCHEMA),
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


TypeDecl = StructDecl | UnionDecl | EnumDecl

#: By the key of the manifest that tells a type, which is C's keyword, and the tag pydantic puts into paths.
KINDS_OF_TYPE: Final[Mapping[str, type[TypeDecl]]] = {
    kind.keyword: kind for kind in (StructDecl, UnionDecl, EnumDecl)
}


def _kind_of_type(value: object) -> str | None:
    """The one of struct, union and enum that a declaration has; None for none or several."""
    if isinstance(value, TypeDecl):
        return value.keyword
    given = [kind for kind in KINDS_OF_TYPE if isinstance(value, dict) and kind in value]
    return given[0] if len(given) == 1 else None


#: Any of them, told by the keyword that it is written with.
AnyType = Annotated[
    Annotated[StructDecl, Tag("struct")]
    | Annotated[UnionDecl, Tag("union")]
    | Annotated[EnumDecl, Tag("enum")],
    Discriminator(_kind_of_type),
]
