"""An object in a kernel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

from pytest_ebpf import hooks
from pytest_ebpf.bpf.codec import Order
from pytest_ebpf.bpf.globals import Globals, initial_images
from pytest_ebpf.bpf.links import Link
from pytest_ebpf.bpf.maps import Map, MapMaker
from pytest_ebpf.bpf.maps.struct_ops import StructOpsMap
from pytest_ebpf.bpf.program import Program
from pytest_ebpf.bpf.refusal import explain_load
from pytest_ebpf.bpf.values import Bindings, Values
from pytest_ebpf.errors import EbpfError, UsageError
from pytest_ebpf.guest import CallError, Guest
from pytest_ebpf.objects import MapFacts, ObjectFacts
from pytest_ebpf.suggest import suggestion

T = TypeVar("T")


@dataclass(frozen=True)
class LoadOptions:
    """What a loader would set before loading, each by the name of a program, a map or a variable.

    *globals*: initial values of global variables. *autoload*: whether a program is loaded at all.
    *max_entries*, *value_size*: sizes of maps. *inner*: the map whose shape the inner maps of a map of maps
    get. *records*: the C type of the records of a ring buffer. *attach*: settings of attachments.
    *targets*: the function that a program is loaded for (fentry, fexit, fmod_ret, lsm, ...), or the program
    of another object (freplace, fentry), whose function is the one that the section names, else its main one.
    """

    globals: Mapping[str, Any] = field(default_factory=dict)
    autoload: Mapping[str, bool] = field(default_factory=dict)
    max_entries: Mapping[str, int] = field(default_factory=dict)
    value_size: Mapping[str, int] = field(default_factory=dict)
    inner: Mapping[str, str] = field(default_factory=dict)
    records: Mapping[str, str] = field(default_factory=dict)
    attach: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    targets: Mapping[str, str | Program] = field(default_factory=dict)


class _Named(Generic[T]):
    """The programs or the maps of an object, as attributes and as items."""

    _kind: ClassVar[str]

    def __init__(self, owner: str, members: dict[str, T]) -> None:
        self._owner = owner
        self._members = members

    def __getattr__(self, name: str) -> T:
        try:
            return self._members[name]
        except KeyError:
            raise AttributeError(self._missing(name), name=name, obj=self) from None

    def __getitem__(self, name: str) -> T:
        try:
            return self._members[name]
        except KeyError:
            raise KeyError(self._missing(name)) from None

    def __iter__(self) -> Iterator[T]:
        return iter(self._members.values())

    def __len__(self) -> int:
        return len(self._members)

    def __contains__(self, name: object) -> bool:
        return name in self._members

    def __dir__(self) -> list[str]:
        return [*self._members]

    def __repr__(self) -> str:
        return f"<{self._kind}s of {self._owner}: {', '.join(self._members)}>"

    def _missing(self, name: str) -> str:
        hint = suggestion(name, self._members)
        return f'{self._owner} has no {self._kind} "{name}"' + (f"; {hint}" if hint else "")


class Maps(_Named[Any]):
    """Maps by name: ``fw.maps.blocked`` or ``fw.maps["blocked"]``. Typed as Any, as kinds differ."""

    _kind = "map"


class Programs(_Named[Program]):
    """Programs by name: ``fw.programs.ingress`` or ``fw.programs["ingress"]``."""

    _kind = "program"


class LoadedObject:
    """An object that the kernel has accepted: its :attr:`maps`, :attr:`programs` and :attr:`globals`.

    *log* is what libbpf and the verifier said on the way, empty unless it was asked for.
    """

    #: The object's name in the manifest, set by the classes made from it.
    ebpf_object: ClassVar[str] = ""

    maps: Maps
    programs: Programs
    globals: Globals

    def __init__(self, guest: Guest, handle: int, name: str) -> None:
        self._guest = guest
        self._handle: int | None = handle
        self.name = name

    def close(self) -> None:
        """Detach and unload it: programs, maps and all. Closing twice does nothing."""
        if self._handle is not None:
            handle, self._handle = self._handle, None
            try:
                self.detach()
            finally:
                self._guest.call("unload", object=handle)

    def attach(self) -> list[Link]:
        """Attach what is loaded and not attached yet: maps of struct_ops, programs with complete settings.

        If one cannot be attached, those before it are detached again, and its error is raised.
        """
        made: list[Link] = []
        try:
            for each in self._attachable():
                made.append(each.attach())  # noqa: PERF401  (what was made before a failure counts)
        except EbpfError:
            for link in reversed(made):
                link.detach()
            raise
        return made

    def detach(self) -> None:
        """Take off all that is attached, the last first."""
        for link in reversed(self._links()):
            link.detach()

    def _attachable(self) -> list[Program | StructOpsMap]:
        ready: list[Program | StructOpsMap] = [each for each in self.programs if each.attachable]
        ready += self._struct_ops()
        return [each for each in ready if not any(link.attached for link in each.links)]

    def _links(self) -> list[Link]:
        return [link for each in (*self.programs, *self._struct_ops()) for link in each.links]

    def _struct_ops(self) -> list[StructOpsMap]:
        return [each for each in self.maps if isinstance(each, StructOpsMap)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"


class Loader(Protocol):
    """Who carries out the op ``load``, and where its handles are good afterwards."""

    @property
    def guest(self) -> Guest:
        """The guest that has the object, or has refused it."""

    def load(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return what the op answers; :class:`~pytest_ebpf.guest.CallError` if it fails."""


@dataclass(frozen=True)
class DirectLoader:
    """Asks the guest at hand."""

    guest: Guest

    def load(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Carry the op out."""
        answer: dict[str, Any] = self.guest.call("load", **arguments)
        return answer


def load(
    loader: Loader | Guest,
    elf: bytes,
    facts: ObjectFacts,
    *,
    name: str,
    options: LoadOptions | None = None,
    bindings: Bindings | None = None,
    cls: type[LoadedObject] = LoadedObject,
) -> LoadedObject:
    """Load the object *elf*, of which *facts* tell, through *loader*, which may be the guest itself.

    *cls* is the class of the result, a :class:`LoadedObject` made from the manifest.
    *bindings* are the classes to read values into, by the C name of their type. The error is
    :class:`~pytest_ebpf.errors.UnsupportedError` if a probe says that the kernel lacks what the object
    needs, :class:`~pytest_ebpf.errors.LoadError` if it refuses the object for another reason, and
    :class:`~pytest_ebpf.errors.UsageError` for options that name what the object does not have.
    """
    options = options or LoadOptions()
    _check_names(name, facts, options)
    values = Values(facts.btf, bindings) if facts.btf is not None else None
    order: Order = "big" if facts.big_endian else "little"
    images = initial_images(elf, facts, values, options.globals, order=order, owner=name)
    loader = DirectLoader(loader) if isinstance(loader, Guest) else loader
    try:
        answer = loader.load(_arguments(elf, facts, name, options, images))
    except CallError as error:
        skipped = _skipped(facts, options)
        raise explain_load(loader.guest, facts, error, name=name, skipped=skipped) from error
    guest = loader.guest
    loaded = cls(guest, answer["object"], name)
    loaded.programs = Programs(
        name,
        {
            each["name"]: Program(
                guest,
                each,
                values,
                settings=options.attach.get(each["name"]),
                maps=lambda name: loaded.maps[name],
            )
            for each in answer["programs"]
        },
    )
    maker = MapMaker(guest, values, order, records=options.records, programs=lambda: loaded.programs)
    loaded.maps = Maps(name, _maps(maker, facts, options, answer["maps"]))
    sections = {each["name"]: each["map"] for each in answer["maps"] if each["name"].startswith(".")}
    loaded.globals = Globals(guest, facts, values, owner=name, order=order, sections=sections)
    return loaded


def _maps(
    maker: MapMaker, facts: ObjectFacts, options: LoadOptions, answers: list[dict[str, Any]]
) -> dict[str, Map]:
    known = {each.name: each for each in facts.maps}

    def inner(name: str) -> MapFacts | None:
        return known[options.inner[name]] if name in options.inner else known[name].inner

    return {
        each["name"]: maker.make(
            each, known.get(each["name"]), inner(each["name"]) if each["name"] in known else None
        )
        for each in answers
        if not each["name"].startswith(".")
    }


def _arguments(
    elf: bytes, facts: ObjectFacts, name: str, options: LoadOptions, images: dict[str, bytes]
) -> dict[str, Any]:
    maps: dict[str, dict[str, Any]] = {}
    for setting in ("max_entries", "value_size", "inner"):
        for each, value in getattr(options, setting).items():
            maps.setdefault(each, {})[setting] = value
    programs: dict[str, dict[str, Any]] = {
        each: {"autoload": wanted} for each, wanted in options.autoload.items()
    }
    for each, target in options.targets.items():
        programs.setdefault(each, {}).update(_target(each, target, facts))
    return {"elf": elf, "name": name, "maps": maps, "programs": programs, "data": images}


def _target(name: str, target: str | Program, facts: ObjectFacts) -> dict[str, Any]:
    """The settings that have the program *name* loaded for a function of the kernel or of a program."""
    if isinstance(target, str):
        return {"target": target}
    section = next(each.section for each in facts.programs if each.name == name)
    hook = hooks.parse(section)
    return {"target_prog": target.handle, "target": (hook and hook.target) or target.name}


def _skipped(facts: ObjectFacts, options: LoadOptions) -> frozenset[str]:
    """The programs that were not to be loaded."""
    wanted = {each.name: options.autoload.get(each.name, each.autoload) for each in facts.programs}
    return frozenset(name for name, load_it in wanted.items() if not load_it)


def _check_names(owner: str, facts: ObjectFacts, options: LoadOptions) -> None:
    maps = [each.name for each in facts.maps]
    programs = [each.name for each in facts.programs]
    variables = [each.name for each in facts.globals]
    expected = [
        ("globals", "global variable", options.globals, variables),
        ("autoload", "program", options.autoload, programs),
        ("max_entries", "map", options.max_entries, maps),
        ("value_size", "map", options.value_size, maps),
        ("inner", "map", options.inner, maps),
        ("inner", "map", options.inner.values(), maps),
        ("records", "map", options.records, maps),
        ("attach", "program", options.attach, programs),
        ("targets", "program", options.targets, programs),
    ]
    for option, kind, names, known in expected:
        for each in names:
            if each not in known:
                raise UsageError(
                    f'has no {kind} "{each}"',
                    where=f"{owner}: {option}",
                    hint=suggestion(each, known),
                )
