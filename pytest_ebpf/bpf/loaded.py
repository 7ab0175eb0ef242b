"""An object in a kernel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Generic, Self, TypeVar

from pytest_ebpf.bpf.attaching.links import Link
from pytest_ebpf.bpf.globals import Globals
from pytest_ebpf.bpf.lifetime import Lifetime
from pytest_ebpf.bpf.maps.struct_ops import StructOpsMap
from pytest_ebpf.bpf.program import Program
from pytest_ebpf.errors import EbpfError, UsageError
from pytest_ebpf.guest import Guest
from pytest_ebpf.suggest import suggestion

T = TypeVar("T")


class _Named(Generic[T]):
    """The programs or the maps of an object, as attributes and as items."""

    _kind: ClassVar[str]
    _instead: ClassVar[str]

    def __init__(self, owner: str, members: dict[str, T]) -> None:
        self._owner = owner
        self._members = members

    def __getattr__(self, name: str) -> T:
        try:
            return self._members[name]
        except KeyError:
            raise AttributeError(self._missing(name), name=name, obj=self) from None

    def __setattr__(self, name: str, value: object) -> None:
        """Refuse what would only hide a member: ``fw.maps.limits = {...}``."""
        if not name.startswith("_"):
            raise AttributeError(
                f"{self._owner}: a {self._kind} cannot be set; {self._instead}", name=name, obj=self
            )
        super().__setattr__(name, value)

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
    _instead = "what it holds can: maps.NAME[key] = value"


class Programs(_Named[Program]):
    """Programs by name: ``fw.programs.ingress`` or ``fw.programs["ingress"]``.

    *alternatives* are further names, of those chosen from several; iterating gives each program once.
    """

    _kind = "program"
    _instead = "a link can be given another: link.update(program)"

    def __init__(
        self, owner: str, members: dict[str, Program], alternatives: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(owner, members)
        self._programs = list(members.values())
        for group, chosen in (alternatives or {}).items():
            members[group] = members[chosen]

    def __iter__(self) -> Iterator[Program]:
        return iter(self._programs)

    def __len__(self) -> int:
        return len(self._programs)


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
        self.lifetime = Lifetime(name)

    @property
    def loaded(self) -> bool:
        """Whether the kernel has it: it was not closed yet."""
        return self._handle is not None

    def close(self) -> None:
        """Detach and unload it: programs, maps and all. Closing twice does nothing."""
        if self._handle is not None:
            handle, self._handle = self._handle, None
            try:
                for link in reversed(self._links()):
                    link.release()
            finally:
                self.lifetime.end()
                self._guest.call("unload", object=handle)

    def attach(self) -> list[Link]:
        """Attach what is loaded and not attached yet: maps of struct_ops, programs with complete settings.

        If one cannot be attached, those before it are detached again, and its error is raised.
        :class:`~pytest_ebpf.errors.UsageError` if there is nothing to attach: no test means that.
        """
        made: list[Link] = []
        try:
            for each in self._attachable():
                made.append(each.attach())  # noqa: PERF401  (what was made before a failure counts)
        except EbpfError:
            for link in reversed(made):
                link.detach()
            raise
        if not made and not any(link.attached for link in self._links()):
            raise UsageError(
                "nothing of it can be attached as it is",
                where=f"{self.name}: attach",
                hint="attach its programs one by one, each with the settings that it needs",
            )
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
        return [each for each in self.maps if isinstance(each, StructOpsMap) and each.created]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"
