"""What a test is given: the project's objects, on one booted kernel."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypedDict, TypeVar, Unpack, overload

from pytest_ebpf.bpf import LoadedObject, LoadOptions, Map, Program, load, trace
from pytest_ebpf.bpf.complexity import Complexity
from pytest_ebpf.bpf.loading.option_checks import check_given
from pytest_ebpf.bpf.loading.options import Contents, Entries
from pytest_ebpf.bpf.running.seen import Seen, seen_of
from pytest_ebpf.errors import UnsupportedError, UsageError
from pytest_ebpf.guest import Guest
from pytest_ebpf.packets import Recent, recent_of
from pytest_ebpf.report import ProgramSize, largest
from pytest_ebpf.session.limits import size_of
from pytest_ebpf.session.place import Loading, Place
from pytest_ebpf.session.predictions import Deed
from pytest_ebpf.session.ranges import narrowed
from pytest_ebpf.session.workspace import Workspace
from pytest_ebpf.suggest import suggestion

if TYPE_CHECKING:
    from pytest_ebpf.report import Prediction
    from pytest_ebpf.system.system import System
    from pytest_ebpf.wire import Wire, Wires

#: ``BPF_FUNC_trace_printk`` and ``BPF_FUNC_trace_vprintk``, behind ``bpf_printk``.
_PRINTK: Final = frozenset({6, 177})

T = TypeVar("T")
Loaded = TypeVar("Loaded", bound=LoadedObject)


class Overrides(TypedDict, total=False):
    """What a test may set before loading; see :class:`~pytest_ebpf.bpf.LoadOptions`."""

    globals: Mapping[str, Any]
    autoload: Mapping[str, bool]
    max_entries: Mapping[str, int]
    value_size: Mapping[str, int]
    inner: Mapping[str, str]
    records: Mapping[str, str | type]
    attach: Mapping[str, Mapping[str, Any]]
    targets: Mapping[str, str | Program]
    alternatives: Mapping[str, Sequence[str]]
    modules: Sequence[str]
    pin: Mapping[str, str | bool]
    reuse: Mapping[str, Map]
    perf_pages: Mapping[str, int]
    contents: Mapping[str, Contents]
    entries: Mapping[str, Entries]


class Ebpf:
    """The ``ebpf`` fixture: :meth:`load` objects on the :attr:`kernel` that this test runs on."""

    def __init__(self, workspace: Workspace, place: Place) -> None:
        self._workspace = workspace
        self._place = place
        self._loaded: list[LoadedObject] = []
        self._printed: list[trace.Message] | None = None
        self._abandoned = False
        self._deeds: list[Callable[[], Deed]] = []
        self._verified: list[tuple[str, str, Complexity]] = []
        self.kernel = place.fleet.kernel(place.spec)

    def __repr__(self) -> str:
        return f"<ebpf on {self.label or self.kernel.version}>"

    @property
    def label(self) -> str:
        """What booted, "" if nothing has yet."""
        return self._place.running.label if self._place.running else ""

    @property
    def _guest(self) -> Guest:
        return self._place.guest

    @overload
    def load(self, what: type[Loaded], **overrides: Unpack[Overrides]) -> Loaded: ...

    @overload
    def load(self, what: str, **overrides: Unpack[Overrides]) -> LoadedObject: ...

    def load(self, what: str | type[LoadedObject], **overrides: Unpack[Overrides]) -> LoadedObject:
        """Load an object into the kernel: one of the manifest by name or by its generated class, or a file.

        What the manifest says of loading it can be said otherwise for this test, each by the name of a
        program, a map or a variable: see :class:`~pytest_ebpf.bpf.LoadOptions`.
        :class:`~pytest_ebpf.errors.LoadError` if the kernel refuses the object,
        :class:`~pytest_ebpf.errors.UnsupportedError` if it lacks what the object needs.
        """
        cls, name = (LoadedObject, what) if isinstance(what, str) else (what, what.ebpf_object)
        prepared = self._workspace.prepared(name)
        check_given(prepared.name, overrides)
        check_groups(prepared.name, prepared.options.alternatives, overrides.get("alternatives", {}))
        options = narrowed(
            replace(prepared.options, **_merged(prepared.options, overrides)),
            prepared.facts,
            self.kernel.version,
            name=prepared.name,
            wanted=[each for each, given in overrides.get("autoload", {}).items() if given],
        )
        as_loaded = replace(prepared, options=options)
        try:
            loaded = load(
                Loading(self._place, prepared, self._workspace),
                prepared.elf,
                prepared.facts,
                name=prepared.name,
                options=options,
                bindings=self._workspace.bindings,
                cls=cls,
            )
        except UnsupportedError as error:
            self._deeds.append(partial(Deed, as_loaded, self.kernel, refused=error))
            raise
        self._deeds.append(partial(Deed.of, as_loaded, self.kernel, loaded))
        self._loaded.append(loaded)
        self._verified += [(loaded.name, each.name, each.complexity) for each in loaded.programs]
        if self._printed is None and any(_PRINTK & {*each.helpers} for each in prepared.facts.programs):
            trace.clear(self._guest)
            self._printed = []
        return loaded

    @property
    def guest(self) -> System:
        """The guest as a machine to drive: commands, processes, files, networks; see ``docs/triggers.md``."""
        return self._place.system

    @property
    def wires(self) -> Wires:
        """Frames to and from the network cards ``eth0``, ``eth1``, ... of the guest; see ``docs/wire.md``."""
        return self._place.wires

    @property
    def wire(self) -> Wire:
        """The first of :attr:`wires`; :class:`~pytest_ebpf.errors.UsageError` if the machine has none."""
        return self.wires.first

    def printk(self) -> list[trace.Message]:
        """Return what programs of this test have said by ``bpf_printk`` so far, as str with more to it."""
        if self._printed is None:
            return []
        self._printed += trace.messages(self._guest)
        return list(self._printed)

    def wait(self, condition: Callable[[], T], timeout: float = 2.0, what: str | None = None) -> T:
        """Return what *condition* returns, once that is true; it is asked again and again.

        After *timeout* seconds a :class:`~pytest_ebpf.errors.ConditionError` says *what* was waited for, and
        what *condition* returned last.
        """
        from pytest_ebpf.system.waiting import until  # noqa: PLC0415  # only for those who wait

        return until(condition, timeout, what)

    @property
    def alive(self) -> bool:
        """Whether there is a machine, and it runs."""
        return self._place.running is not None and self._place.running.machine.alive

    def kernel_log(self) -> str:
        """Return what the kernel logged since this was last asked, or since the machine booted."""
        return str(self._guest.call("klog"))

    @property
    def given(self) -> Recent | None:
        """The frames that this test gave to programs and wires last; None if it had no machine yet."""
        return recent_of(self._place.running.guest) if self._place.running else None

    @property
    def modes(self) -> list[str]:
        """How programs of this test were attached where there are several ways: xdp natively, or generic."""
        return [
            f"{loaded.name}: {program.name} on {link.place}: {link.last_mode}"
            for loaded in self._loaded
            for program in loaded.programs
            for link in program.links
            if link.last_mode
        ]

    @property
    def observed(self) -> tuple[Seen, list[LoadedObject]]:
        """What programs of this test gave so far, if that is kept, and its objects."""
        return seen_of(self._place.running.guest) if self._place.running else Seen(), list(self._loaded)

    @property
    def sizes(self) -> list[ProgramSize]:
        """What the verifier had to do for the programs that this test has loaded, the most of any load."""
        return largest(size_of(*each, self.label) for each in self._verified if each[2].verified_insns)

    def predictions(self) -> list[Prediction]:
        """Return what was to be expected of the programs that were loaded, and what came of it.

        Each is told once in a run, and none of a kernel that is not what it was taken for.
        """
        if self.label != str(self.kernel.version):
            return []
        return [each for deed in self._deeds for each in self._workspace.predictions.compared(deed())]

    def abandon(self) -> None:
        """Take the machine for lost, which the test has been told: there is nothing left to unload."""
        self._loaded.clear()
        self._abandoned = True

    def close(self) -> None:
        """Detach and unload everything, the last first; then undo what else the test did to the machine.

        :class:`~pytest_ebpf.errors.KernelCrashedError` if the kernel died meanwhile.
        """
        loaded, self._loaded = self._loaded, []
        with ExitStack() as stack:
            if not self._abandoned:
                stack.callback(self._place.tidy)
            for each in loaded:
                stack.callback(each.close)


def check_groups(
    owner: str, declared: Mapping[str, Sequence[str]], given: Mapping[str, Sequence[str]]
) -> None:
    """:class:`~pytest_ebpf.errors.UsageError` for a new group of programs that are declared in another.

    A group of others is a new one: an object may have more of them than the manifest tells.
    """
    for group, names in given.items():
        taken = _members(declared) & set(names)
        if group not in declared and taken:
            raise UsageError(
                f'has no group "{group}"', where=f"{owner}: alternatives", hint=suggestion(group, declared)
            )


def _merged(options: LoadOptions, overrides: Overrides) -> dict[str, Any]:
    """The *overrides*, and what *options* say of the names that they leave out.

    A program that is no longer among the alternatives that it was declared with is not loaded besides them.
    """
    merged: dict[str, Any] = {
        name: {**getattr(options, name), **given} if isinstance(given, Mapping) else given
        for name, given in overrides.items()
    }
    if "alternatives" in merged:
        left_out = _members(options.alternatives) - _members(merged["alternatives"])
        unwanted = dict.fromkeys(left_out, False)
        merged["autoload"] = {**options.autoload, **unwanted, **overrides.get("autoload", {})}
    return merged


def _members(alternatives: Mapping[str, Sequence[str]]) -> set[str]:
    return {name for names in alternatives.values() for name in names}
