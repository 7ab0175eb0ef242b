"""Getting an object into a kernel: with the alternatives that it takes, and with what its maps hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from pytest_ebpf.bpf import pins
from pytest_ebpf.bpf.globals import Globals, initial_images
from pytest_ebpf.bpf.loaded import LoadedObject, Maps, Programs
from pytest_ebpf.bpf.loading.alternatives import Choice, choose
from pytest_ebpf.bpf.loading.option_checks import check_names
from pytest_ebpf.bpf.loading.options import LoadOptions, arguments, attach_settings, pin_paths
from pytest_ebpf.bpf.loading.refusal import explain_load
from pytest_ebpf.bpf.loading.seeds import seed
from pytest_ebpf.bpf.maps import Arena, Map, MapMaker
from pytest_ebpf.bpf.program import Program
from pytest_ebpf.errors import DeadlineError, EbpfError, GuestError, LoadError
from pytest_ebpf.guest import CallError, Guest
from pytest_ebpf.objects import MapFacts, ObjectFacts
from pytest_ebpf.values.by_btf import Bindings, Values
from pytest_ebpf.values.codec import Order


class Loader(Protocol):
    """Who carries out the op ``load``, and where its handles are good afterwards."""

    @property
    def guest(self) -> Guest:
        """The guest that has the object, or has refused it."""

    def load(self, arguments: dict[str, Any], modules: Sequence[str]) -> dict[str, Any]:
        """Insert *modules*, then return what the op answers.

        :class:`~pytest_ebpf.guest.CallError` if one of both fails.
        """

    def choice(self, options: LoadOptions, choose: Callable[[LoadOptions], Choice]) -> Choice:
        """Return which alternatives in *options* are loaded: what *choose* finds out, now or before."""


@dataclass(frozen=True)
class DirectLoader:
    """Asks the guest at hand."""

    guest: Guest

    def load(self, arguments: dict[str, Any], modules: Sequence[str]) -> dict[str, Any]:
        """Carry the ops out."""
        if modules:
            self.guest.call("modules", names=list(modules))
        answer: dict[str, Any] = self.guest.call("load", **arguments)
        return answer

    def choice(self, options: LoadOptions, choose: Callable[[LoadOptions], Choice]) -> Choice:
        """Find it out."""
        return choose(options)


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
    check_names(name, facts, options)
    loader = DirectLoader(loader) if isinstance(loader, Guest) else loader
    loading = _Loading(loader, elf, facts, name, bindings or {}, cls)
    choice = loader.choice(options, loading.choose) if options.alternatives else Choice()
    try:
        loaded = loading.carry_out(choice.applied(options))
    except EbpfError as error:
        choice.explain(error, options)
        raise
    try:
        seed(loaded, options)
    except BaseException:
        loaded.close()
        raise
    return loaded


@dataclass(frozen=True)
class _Loading:
    """One object on its way into a kernel."""

    loader: Loader
    elf: bytes
    facts: ObjectFacts
    name: str
    bindings: Bindings
    cls: type[LoadedObject]

    def choose(self, options: LoadOptions) -> Choice:
        """Find out which alternatives the kernel takes."""
        direct = replace(self, loader=DirectLoader(self.loader.guest), cls=LoadedObject)
        return choose(direct.carry_out, options, [each.name for each in self.facts.programs])

    def carry_out(self, options: LoadOptions) -> LoadedObject:
        """Load it."""
        values = Values(self.facts.btf, self.bindings) if self.facts.btf is not None else None
        images = initial_images(
            self.elf, self.facts, values, options.globals, order=self._order, owner=self.name
        )
        told = arguments(self.elf, self.facts, self.name, options, images)
        try:
            answer = self.loader.load(told, options.modules)
        except CallError as error:
            raise self._explained(error, options) from error
        except DeadlineError as error:
            raise DeadlineError(
                "loading it takes longer than it may, and the guest is still at it",
                where=self.name,
                hint="give it longer: timeout = ... under [test] in ebpf.toml, or pytest --ebpf-timeout",
                console=error.console,
            ) from error
        guest = self.loader.guest
        for path in pin_paths(options).values():
            pins.remember(guest, path)
        loaded = self.cls(guest, answer["object"], self.name)
        try:
            self._fill(loaded, answer, values, options)
        except BaseException:
            guest.call("unload", object=answer["object"])
            raise
        return loaded

    @property
    def _order(self) -> Order:
        return "big" if self.facts.big_endian else "little"

    def _fill(
        self, loaded: LoadedObject, answer: Mapping[str, Any], values: Values | None, options: LoadOptions
    ) -> None:
        """Give *loaded* the handles of what the guest says that it has."""
        guest, facts, lifetime = self.loader.guest, self.facts, loaded.lifetime
        programs = {
            each["name"]: Program(
                guest,
                {**each, "section": options.hooks.get(each["name"], each["section"])},
                values,
                lifetime=lifetime,
                settings=attach_settings(each["name"], options, facts),
                maps=lambda name: loaded.maps[name],
                held=lambda: loaded.maps,
                records=options.records.get(each["name"]),
                declared_for=options.declared_for.get(each["name"]),
            )
            for each in answer["programs"]
        }
        chosen = {group: names[0] for group, names in options.alternatives.items()}
        loaded.programs = Programs(self.name, programs, chosen)
        maker = MapMaker(
            guest,
            values,
            self._order,
            lifetime=lifetime,
            records=options.records,
            programs=lambda: loaded.programs,
            maps=lambda: loaded.maps,
        )
        loaded.maps = Maps(self.name, _maps(maker, facts, options, answer["maps"]))
        loaded.globals = Globals(
            guest,
            facts,
            values,
            lifetime=lifetime,
            owner=self.name,
            order=self._order,
            sections={each["name"]: each["map"] for each in answer["maps"] if each["name"].startswith(".")},
            arena=next((each for each in loaded.maps if isinstance(each, Arena)), None),
        )

    def _explained(self, error: CallError, options: LoadOptions) -> EbpfError:
        if error.where == "modules":
            return GuestError(error.what, errno=error.errno, where=f"{self.name}: modules")
        refused = explain_load(
            self.loader.guest, self.elf, self.facts, error, name=self.name, options=options
        )
        if isinstance(refused, LoadError):
            refused.retry = lambda guest: self._try(guest, options)
        return refused

    def _try(self, guest: Guest, options: LoadOptions) -> None:
        """Load it into another guest, and unload it."""
        replace(self, loader=DirectLoader(guest), cls=LoadedObject).carry_out(options).close()


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
