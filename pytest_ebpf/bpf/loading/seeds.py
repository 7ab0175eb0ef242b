"""What a loader does once an object is loaded: the contents of maps, the programs in a prog_array."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pytest_ebpf.bpf.loaded import LoadedObject
from pytest_ebpf.bpf.loading.options import Contents, Entries, LoadOptions
from pytest_ebpf.bpf.maps import ArrayMap, BloomFilter, CpuMap, DevMap, KeyedMap, Map, ProgArray, QueueMap
from pytest_ebpf.errors import UsageError

_KEYED: Final = (ArrayMap, KeyedMap, DevMap, CpuMap)
_STREAMS: Final = (QueueMap, BloomFilter)

#: The classes of maps that can be given contents.
FILLED: Final = (*_KEYED, *_STREAMS)


def seed(loaded: LoadedObject, options: LoadOptions) -> None:
    """Put into the maps of *loaded* what *options* say they hold."""
    for name, contents in options.contents.items():
        _fill(loaded.maps[name], contents, f"{loaded.name}: contents")
    for name, entries in options.entries.items():
        _enter(loaded, loaded.maps[name], entries, f"{loaded.name}: entries")


def _fill(target: Map, contents: Contents, where: str) -> None:
    if isinstance(target, _KEYED):
        target.update(contents)
    elif isinstance(target, _STREAMS):
        add = target.push if isinstance(target, QueueMap) else target.add
        for value in contents:
            add(value)
    else:
        raise UsageError(
            f"{target.name} ({target.type_name}) takes none",
            where=where,
            hint="only maps of values do; put what a test makes into it in the test",
        )


def _enter(loaded: LoadedObject, target: Map, entries: Entries, where: str) -> None:
    """Programs that were not loaded are left out: a tail call to one goes on behind the call."""
    if not isinstance(target, ProgArray):
        raise UsageError(f"{target.name} holds no programs", where=where, hint="only a prog_array does")
    keyed = entries if isinstance(entries, Mapping) else dict(enumerate(entries))
    for key, name in keyed.items():
        if (program := loaded.programs[name]).loaded:
            target[key] = program
