"""The values of keys, and what is common to the tables they stand in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator, WithJsonSchema

from pytest_ebpf.hooks import SETTINGS, Setting
from pytest_ebpf.manifest import scalars
from pytest_ebpf.manifest.maprules import FLAG_NAMES, TYPE_NAMES
from pytest_ebpf.manifest.typeexpr import INTEGERS, TypeExpr

#: The largest number of entries, and the largest size.
U32_MAX: Final = (1 << 32) - 1


def _pattern(pattern: str) -> dict[str, Any]:
    return {"type": "string", "pattern": f"^({pattern})$"}


NAME_SCHEMA: Final = _pattern(scalars.IDENTIFIER.pattern)
_TYPE_SCHEMA: Final = _pattern(r"\s*[A-Za-z_][A-Za-z0-9_]*(\s*\[\s*[0-9]+\s*\])*\s*")
ENUM_SCHEMA: Final[dict[str, Any]] = {
    "anyOf": [
        {"type": "array", "items": NAME_SCHEMA, "minItems": 1, "uniqueItems": True},
        {"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 1},
    ]
}


def _enum_schema(known: Iterable[str]) -> dict[str, Any]:
    return {"type": "string", "enum": sorted(known)}


Name = Annotated[str, AfterValidator(scalars.identifier), WithJsonSchema(NAME_SCHEMA)]
TypeName = Annotated[str, AfterValidator(scalars.type_name), WithJsonSchema(NAME_SCHEMA)]
TypeRef = Annotated[TypeExpr, PlainValidator(scalars.type_expression), WithJsonSchema(_TYPE_SCHEMA)]
KernelSpec = Annotated[str, AfterValidator(scalars.kernel), WithJsonSchema(_pattern(scalars.KERNEL.pattern))]
KernelRange = Annotated[
    str, AfterValidator(scalars.kernel_range), WithJsonSchema(_pattern(scalars.KERNEL_RANGE.pattern))
]
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
#: What a key or a value of a map is: as :data:`Initial`, and tables for structs.
Value = Annotated[
    Any,
    PlainValidator(scalars.value),
    WithJsonSchema({"type": ["integer", "boolean", "string", "array", "object"]}),
]
Entries = Annotated[
    tuple[str, ...] | dict[str, str],
    PlainValidator(scalars.entries),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "array", "items": NAME_SCHEMA},
                {"type": "object", "additionalProperties": NAME_SCHEMA},
            ]
        }
    ),
]
Pin = Annotated[
    bool | str,
    PlainValidator(scalars.pin),
    WithJsonSchema({"anyOf": [{"type": "boolean"}, _pattern(scalars.PIN.pattern)]}),
]


def _setting_schema(setting: Setting) -> dict[str, Any]:
    if list in setting.types:
        return {"type": "array", "items": {"type": "string"}}
    if setting.words:
        return _enum_schema(setting.words)
    return {"type": ["string" if kind is str else "integer" for kind in setting.types]}


Attach = Annotated[
    dict[str, Any],
    WithJsonSchema(
        {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                name: _setting_schema(setting) for name, setting in SETTINGS.items() if setting.types
            },
        }
    ),
]


class Declaration(BaseModel):
    """A table of the manifest: frozen, and without keys other than those declared here."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
