"""Give every type of a kernel a C name of its own.

A kernel's BTF joins the types of many compilation units, so one name may stand for several types, which C
forbids. The first keeps the plain name, the others get a CO-RE flavour (``___2``), which libbpf ignores when
it looks the type up. The same names come out whatever part of the BTF a header holds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

from pytest_ebpf.btf.reader import Btf
from pytest_ebpf.btf.spelling import keyword
from pytest_ebpf.btf.types import Enum, Fwd, Struct, Typedef

#: What separates a name from its flavour (``bpf_core_essential_name_len`` in libbpf).
FLAVOUR = "___"

#: The compiler has types of these names, which differ between a kernel's machine and the BPF target.
_BUILTIN = frozenset({"__builtin_va_list"})


def essential(identifier: str) -> str:
    """The name without its flavour."""
    return identifier.rpartition(FLAVOUR)[0] or identifier


class Names:
    """C names of the types of *btf* beside names that are *taken* by someone else's declarations.

    C keeps tags (struct, union, enum) apart from ordinary identifiers (typedefs and enum constants). Those
    that are *ordinary* are taken from the latter only: a variable ``file`` may stand beside ``struct file``.
    """

    def __init__(self, btf: Btf, taken: Collection[str], ordinary: Collection[str] = ()) -> None:
        self._btf = btf
        self._taken_tags = _BUILTIN.union(taken)
        self._taken = self._taken_tags.union(ordinary)
        self._tags: dict[str, dict[int, str]] = {}
        self._typedefs: dict[str, dict[int, str]] = {}
        self._plain: set[str] = set()
        self._further: Counter[str] = Counter()

    @staticmethod
    def _numbered(name: str, number: int, taken: Collection[str]) -> str:
        """The name of the type in place *number*, from 0, among those called *name*."""
        if name in taken:
            return f"{name}{FLAVOUR}kernel{number + 1 if number else ''}"
        return f"{name}{FLAVOUR}{number + 1}" if number else name

    def tag(self, type_id: int, found: Struct | Enum | Fwd) -> str:
        """The tag of a named struct, union or enum, or of a forward declaration of one."""
        if found.name not in self._tags:
            self._tags[found.name] = self._name_tags(found.name)
        return self._tags[found.name][type_id]

    def _name_tags(self, name: str) -> dict[int, str]:
        """Definitions are numbered first; a forward declaration means the first definition of its kind."""
        names: dict[int, str] = {}
        forward: list[tuple[int, str]] = []
        first: dict[str, str] = {}
        number = 0
        for type_id in self._btf.ids(name, Struct, Enum, Fwd):
            found = self._btf.type(type_id)
            assert isinstance(found, Struct | Enum | Fwd)
            if isinstance(found, Fwd) or (isinstance(found, Enum) and not found.values):
                forward.append((type_id, keyword(found)))
                continue
            names[type_id] = self._numbered(name, number, self._taken_tags)
            first.setdefault(keyword(found), names[type_id])
            number += 1
        for type_id, word in forward:
            if word not in first:
                first[word] = self._numbered(name, number, self._taken_tags)
                number += 1
            names[type_id] = first[word]
        return names

    def typedef(self, type_id: int, found: Typedef) -> str:
        """The name of a typedef."""
        if found.name not in self._typedefs:
            ids = self._btf.ids(found.name, Typedef)
            self._typedefs[found.name] = {
                each: self._numbered(found.name, number, self._taken) for number, each in enumerate(ids)
            }
        return self._typedefs[found.name][type_id]

    @property
    def owners(self) -> Mapping[str, int]:
        """By enum constant, the first enum that has it: there it keeps its plain name."""
        return self._btf.enums_by_constant

    def constant(self, name: str, enum_id: int) -> str:
        """A constant's name where its enum is written out; each further time, it gets a further name.

        C has no forward declarations of anonymous enums: one that is used twice is written out twice.
        """
        owned = self.owners[name] == enum_id and not self._btf.ids(name, Typedef)
        if owned and name not in self._plain:
            self._plain.add(name)
            return self._numbered(name, 0, self._taken)
        self._further[name] += 1
        return self._numbered(name, self._further[name], self._taken)

    def is_plain(self, type_id: int, identifier: str) -> bool:
        """Whether a source that says *identifier* means this type."""
        found = self._btf.type(type_id)
        if isinstance(found, Typedef):
            return self.typedef(type_id, found) == identifier
        return isinstance(found, Struct | Enum) and self.tag(type_id, found) == identifier
