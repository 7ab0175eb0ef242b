"""Objects and programs that are for a part of the project's kernels."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_ebpf.errors import UnsupportedError
from pytest_ebpf.kernels import Version, in_range

if TYPE_CHECKING:
    from pytest_ebpf.bpf import LoadOptions
    from pytest_ebpf.manifest import Manifest
    from pytest_ebpf.objects import ObjectFacts


def declared_for(manifest: Manifest, name: str, facts: ObjectFacts) -> dict[str, str]:
    """The programs of the object *name* that are not for all kernels, and which they are for.

    A program of an object that is for fewer is for those that are in both ranges.
    """
    declared = manifest.objects[name]
    found = {}
    for program in facts.programs:
        own = declared.programs.get(program.name)
        ranges = [each for each in (declared.kernels, own.kernels if own else None) if each]
        if ranges:
            found[program.name] = ",".join(ranges)
    return found


def outside(ranges: Mapping[str, str], version: Version, owner: str) -> dict[str, str]:
    """Those of *ranges* that a kernel of *version* is not in."""
    return {
        program: text
        for program, text in ranges.items()
        if not in_range(text, version, where=f"{owner}: kernels")
    }


def narrowed(
    options: LoadOptions, facts: ObjectFacts, version: Version, *, name: str, wanted: Collection[str] = ()
) -> LoadOptions:
    """*options* that load what of the object *name* is for a kernel of *version*.

    *wanted* are programs that a test asks for whatever is declared.
    :class:`~pytest_ebpf.errors.UnsupportedError` if nothing is left of what would have been loaded.
    """
    out = outside(options.declared_for, version, name)
    out = {program: text for program, text in out.items() if program not in wanted}
    if not out:
        return replace(options, declared_for={})
    loaded = [each.name for each in facts.programs if options.autoload.get(each.name, each.autoload)]
    if set(loaded) <= out.keys():
        raise not_declared(name, " or ".join(dict.fromkeys(out[each] for each in loaded or out)))
    return replace(
        options,
        declared_for=out,
        autoload={**options.autoload, **dict.fromkeys(out, False)},
        alternatives={group: _left(names, out) for group, names in options.alternatives.items()},
    )


def not_declared(where: str, ranges: str) -> UnsupportedError:
    """What is said of an object or a program on a kernel that it is not for."""
    return UnsupportedError(f"declared for {ranges}", where=where)


def _left(names: Sequence[str], out: Collection[str]) -> Sequence[str]:
    """The alternatives that are for the kernel; one that is not stands for all of them if none is."""
    return [name for name in names if name not in out] or names[:1]
