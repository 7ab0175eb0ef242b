"""What a manifest declares of objects and their programs."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from pytest_ebpf import hooks
from pytest_ebpf.manifest import scalars
from pytest_ebpf.manifest.defect import DefectError
from pytest_ebpf.manifest.fields import (
    U32_MAX,
    Attach,
    Declaration,
    KernelRange,
    Name,
    Names,
    Text,
    Texts,
    TypeRef,
    Value,
)

_Size = Annotated[int, Field(ge=1, le=U32_MAX)]


class BudgetDecl(Declaration):
    """The most that the verifier may have to do for a program, on every kernel."""

    verified_insns: Annotated[
        int | None,
        Field(ge=1, le=U32_MAX, description="Instructions, each as often as the verifier looks at it."),
    ] = None
    states: Annotated[
        int | None, Field(ge=0, le=U32_MAX, description="States that the verifier keeps, in all.")
    ] = None
    peak_states: Annotated[
        int | None, Field(ge=0, le=U32_MAX, description="States that the verifier keeps at once.")
    ] = None
    stack: Annotated[
        int | None, Field(ge=0, le=U32_MAX, description="Bytes of stack of all its functions together.")
    ] = None


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
    kernels: Annotated[
        KernelRange | None,
        Field(description='The part of its kernels that it is for, ">=6.4"; elsewhere it is not loaded.'),
    ] = None
    target: Annotated[
        Text | None,
        Field(description="The function of the kernel it is loaded for, instead of the one in its section."),
    ] = None
    attach: Annotated[
        Attach, Field(description="Where it is attached, as far as its section does not tell.")
    ] = Field(default_factory=dict)
    records: Annotated[
        TypeRef | None, Field(description="Of an iterator: the type of the records that it writes.")
    ] = None
    budget: Annotated[
        BudgetDecl, Field(description="The most that the verifier may have to do; a test that has it fails.")
    ] = BudgetDecl()

    @property
    def parsed_hook(self) -> hooks.Hook:
        """The hook's kind and target."""
        hook = hooks.parse(self.hook)
        assert hook is not None, "validated"
        return hook


class LoadDecl(Declaration):
    """What is set before an object is loaded, by the names of its own maps and variables, declared or not."""

    max_entries: Annotated[dict[Text, _Size], Field(description="Sizes of maps, by name.")] = Field(
        default_factory=dict
    )
    value_size: Annotated[
        dict[Text, _Size], Field(description="Sizes of the values of maps, in bytes, by name.")
    ] = Field(default_factory=dict)
    globals: Annotated[dict[Text, Value], Field(description="What global variables hold, by name.")] = Field(
        default_factory=dict
    )
    inner: Annotated[
        dict[Text, Text], Field(description="Of a map of maps: the map that inner maps look like.")
    ] = Field(default_factory=dict)
    records: Annotated[
        dict[Text, Text],
        Field(description='Of a ring buffer or a perf_event_array: the C type of records, "struct event".'),
    ] = Field(default_factory=dict)


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
    alternatives: Annotated[
        dict[Name, Annotated[Names, Field(min_length=1)]],
        Field(description="Programs of which the first that the kernel takes is used, by a name for them."),
    ] = Field(default_factory=dict)
    kernels: Annotated[
        KernelRange | None,
        Field(description='The part of project.kernels that it is for, such as ">=6.4".'),
    ] = None
    modules: Annotated[Texts, Field(description="Modules of the kernel that it needs.")] = ()
    load: Annotated[LoadDecl, Field(description="What is set before it is loaded.")] = LoadDecl()
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
