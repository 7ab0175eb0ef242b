"""Global variables of an object: initial values before it is loaded, and access after."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from pytest_ebpf.bpf.lifetime import Lifetime
from pytest_ebpf.bpf.maps import Arena
from pytest_ebpf.elf import Elf
from pytest_ebpf.errors import UsageError
from pytest_ebpf.guest import Guest
from pytest_ebpf.guest.wire import MAX_FRAME
from pytest_ebpf.objects import GlobalFacts, ObjectFacts
from pytest_ebpf.suggest import suggestion
from pytest_ebpf.values import codec
from pytest_ebpf.values.by_btf import Values
from pytest_ebpf.values.codec import Codec, Order, pack, unpack

#: The section of variables that lie in an arena.
ARENA_SECTION: Final = ".addr_space.1"

#: Bytes of the object and of sections that go into one message; the other arguments have the rest.
_ROOM: Final = MAX_FRAME - (1 << 20)

_RENAME: Final = "give each a name of its own, so that it can be told from the others"


def _codec_of(variable: GlobalFacts, values: Values | None, order: Order) -> Codec:
    if values is not None and variable.type_id is not None:
        found = values.codec(variable.type_id)
        if found.size == variable.size:
            return found
    return codec.raw(variable.size, order)


def initial_images(
    elf: bytes,
    facts: ObjectFacts,
    values: Values | None,
    wanted: Mapping[str, Any],
    *,
    order: Order,
    owner: str,
) -> dict[str, bytes]:
    """The contents of the sections in which variables of *wanted* lie, with their values put in."""
    if not wanted:
        return {}
    file = Elf.read(elf)
    variables, twice = _by_name(facts.globals)
    images: dict[str, bytearray] = {}
    for name, value in wanted.items():
        if name in twice:
            raise UsageError(_several(name), where=f"{owner}: globals", hint=_RENAME)
        variable = variables[name]
        if variable.section == ARENA_SECTION:
            raise UsageError(
                f'"{name}" lies in an arena',
                where=f"{owner}: globals",
                hint="set it once the object is loaded",
            )
        if variable.section not in images:
            section = file.section(variable.section)
            assert section is not None, "variables are those of the file's sections"
            images[variable.section] = bytearray(section.data.ljust(section.size, b"\0"))
        data = pack(_codec_of(variable, values, order), value, f"globals.{name}")
        images[variable.section][variable.offset : variable.offset + variable.size] = data
    _check_size(len(elf), {name: len(image) for name, image in images.items()}, owner)
    return {name: bytes(image) for name, image in images.items()}


def _check_size(elf: int, sections: Mapping[str, int], owner: str) -> None:
    """:class:`UsageError` if object and sections, of so many bytes, do not go into one message."""
    total = elf + sum(sections.values())
    if total > _ROOM:
        largest = max(sections, key=lambda name: sections[name])
        raise UsageError(
            f"the object and the sections in which they lie have {total} bytes (limit {_ROOM})",
            where=f"{owner}: globals",
            hint=f"make {largest} smaller, or set what is no constant once the object is loaded",
        )


def _by_name(variables: Iterable[GlobalFacts]) -> tuple[dict[str, GlobalFacts], frozenset[str]]:
    """The variables, and the names that several have, who are none of them."""
    found: dict[str, list[GlobalFacts]] = {}
    for each in variables:
        found.setdefault(each.name, []).append(each)
    alone = {name: same[0] for name, same in found.items() if len(same) == 1}
    return alone, frozenset(found) - frozenset(alone)


def _several(name: str) -> str:
    return f'"{name}" is the name of several static variables'


class Globals:
    """Global variables as attributes: ``fw.globals.seen`` reads, ``fw.globals.limit = 5`` writes.

    Each access is a call of the guest. Static variables of several files that were linked may share a name,
    by which none is reached. ``const`` variables are fixed once loaded: give their values to
    ``load(..., globals={...})``.
    """

    def __init__(
        self,
        guest: Guest,
        facts: ObjectFacts,
        values: Values | None,
        *,
        lifetime: Lifetime,
        owner: str,
        order: Order,
        sections: Mapping[str, int],
        arena: Arena | None = None,
    ) -> None:
        reached = {*sections, *([ARENA_SECTION] if arena else [])}
        variables, twice = _by_name(each for each in facts.globals if each.section in reached)
        state = {
            "_guest": guest,
            "_lifetime": lifetime,
            "_owner": owner,
            "_sections": sections,
            "_arena": arena,
            "_variables": variables,
            "_twice": twice,
            "_codec": lambda variable: _codec_of(variable, values, order),
        }
        self.__dict__.update(state)  # past __setattr__, which writes variables

    def __getattr__(self, name: str) -> Any:
        variable = self._find(name)
        return unpack(self._codec(variable), self._read(variable), f"globals.{name}")

    def __setattr__(self, name: str, value: Any) -> None:
        variable = self._find(name)
        if variable.constant:
            raise UsageError(
                "is const, and fixed once the object is loaded",
                where=f"globals.{name}",
                hint=f"load(..., globals={{{name!r}: ...}})",
            )
        data = pack(self._codec(variable), value, f"globals.{name}")
        if variable.section == ARENA_SECTION:
            self._arena.write(self._arena.globals_offset + variable.offset, data)
        else:
            self._data(variable, data=data)

    def __getitem__(self, name: str) -> Any:
        try:
            return getattr(self, name)
        except AttributeError as error:
            raise KeyError(str(error)) from None

    def __setitem__(self, name: str, value: Any) -> None:
        setattr(self, name, value)

    def __iter__(self) -> Iterator[str]:
        return iter(self._variables)

    def __dir__(self) -> list[str]:
        return [*self._variables]

    def __repr__(self) -> str:
        return f"<globals of {self._owner}: {', '.join(self._variables)}>"

    def _find(self, name: str) -> GlobalFacts:
        self._lifetime.check()
        if name in self._twice:
            raise UsageError(_several(name), where=f"globals.{name}", hint=_RENAME)
        found: GlobalFacts | None = self._variables.get(name)
        if found is None:
            hint = suggestion(name, self._variables)
            text = f'{self._owner} has no global variable "{name}"'
            raise AttributeError(f"{text}; {hint}" if hint else text, name=name, obj=self)
        return found

    def _read(self, variable: GlobalFacts) -> bytes:
        if variable.section == ARENA_SECTION:
            arena: Arena = self._arena
            return arena.read(arena.globals_offset + variable.offset, variable.size)
        image: bytes = self._data(variable, length=variable.size)
        return image

    def _data(self, variable: GlobalFacts, **what: Any) -> Any:
        """Read or write it alone: programs may be writing to its neighbours."""
        handle = self._sections[variable.section]
        return self._guest.call("data", map=handle, offset=variable.offset, **what)


def changeable(variables: Globals) -> list[str]:
    """The names of those that a program can change; no method, which could hide a variable."""
    return [name for name, each in vars(variables)["_variables"].items() if not each.constant]
