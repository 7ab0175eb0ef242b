"""Programs of which one is used: the first that the kernel takes, found by trying."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

from pytest_ebpf.bpf.loaded import LoadedObject
from pytest_ebpf.bpf.loading.options import LoadOptions
from pytest_ebpf.errors import AttachError, EbpfError, LoadError, UnsupportedError


@dataclass(frozen=True)
class Choice:
    """The program *chosen* of each group, and for those that were *passed* over, why."""

    chosen: Mapping[str, str] = field(default_factory=dict)
    passed: Mapping[str, str] = field(default_factory=dict)

    def applied(self, options: LoadOptions) -> LoadOptions:
        """*options* that load the programs chosen, and not the others."""
        autoload = {
            name: name == self.chosen[group] and name not in options.declared_for
            for group, programs in options.alternatives.items()
            for name in programs
        }
        narrowed = {group: (name,) for group, name in self.chosen.items()}
        return replace(options, autoload={**options.autoload, **autoload}, alternatives=narrowed)

    def explain(self, error: EbpfError, options: LoadOptions) -> None:
        """Have *error*, of the object as a whole, say what else was tried, if it is about one chosen."""
        program = getattr(error, "program", None)
        for group, name in self.chosen.items():
            others = [each for each in options.alternatives[group] if each in self.passed]
            if others and (program == name or (error.where or "").endswith(f": {name}")):
                tried = "; ".join(f"{each}: {self.passed[each]}" for each in others)
                error.hint = "; ".join(filter(None, [error.hint, f"tried before: {tried}"]))


def choose(
    attempt: Callable[[LoadOptions], LoadedObject], options: LoadOptions, programs: Collection[str]
) -> Choice:
    """Choose a program of each group in *options*: the first that loads by *attempt*, and attaches.

    It is attached for a moment, if that takes no more settings than there are. The last of a group is
    chosen without trying: what is wrong with it is what the kernel says of the object. *programs* are all
    that the object has.
    """
    chosen: dict[str, str] = {}
    passed: dict[str, str] = {}
    none = dict.fromkeys(programs, False)
    bare = replace(options, alternatives={}, contents={}, entries={}, pin={})
    for group, names in options.alternatives.items():
        for name in names[:-1]:
            if reason := _refused(attempt, replace(bare, autoload={**none, name: True}), name):
                passed[name] = reason
            else:
                chosen[group] = name
                break
        else:
            chosen[group] = names[-1]
    return Choice(chosen, passed)


def _refused(attempt: Callable[[LoadOptions], LoadedObject], options: LoadOptions, name: str) -> str | None:
    """Why the kernel does not take the program *name*, loaded with *options*; None if it does."""
    try:
        with attempt(options) as loaded:
            if (program := loaded.programs[name]).attachable:
                program.attach()
    except (LoadError, UnsupportedError, AttachError) as error:
        return error.what
    return None
