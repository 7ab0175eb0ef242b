"""What BTF does not say of kernels: ``vm/kernels.json``, each entry with its source.

Versions are read as numbers: 6.10 is newer than 6.1.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import accumulate
from typing import Any, Final

from pytest_ebpf import paths
from pytest_ebpf.errors import EbpfError
from pytest_ebpf.kernels import Version

_FORMAT: Final = 1

#: Sections of programs of which the kernel also asks what they are attached to, or how.
_BY_ATTACHMENT: Final = frozenset(
    {
        *("kprobe", "kretprobe", "ksyscall", "kretsyscall", "uprobe", "uretprobe", "usdt"),
        *("fentry", "fexit", "fmod_ret", "iter", "lsm", "lsm_cgroup"),
    }
)

#: Major and minor number.
Line = tuple[int, int]


@dataclass(frozen=True)
class HelperClass:
    """Programs in *sections*, whose type and operations of the verifier are the same.

    *allowed* are the helpers that each of *lines* lets them call, both from old to new. For *by_target* that
    depends on the function or the hook that a program is for.
    """

    sections: tuple[str, ...]
    lines: tuple[Line, ...]
    allowed: tuple[frozenset[int], ...]
    by_target: frozenset[int]

    def allows(self, number: int, version: Version) -> bool | None:
        """Whether a kernel lets these programs call a helper; None where that is not known.

        Between two lines that were measured it is what both say, after the last what that says.
        """
        at = bisect_right(self.lines, line_of(version))
        if number in self.by_target or not at:
            return None
        before = number in self.allowed[at - 1]
        if self.lines[at - 1] == line_of(version) or at == len(self.lines):
            return before
        return before if (number in self.allowed[at]) == before else None

    def allowed_from(self, number: int, version: Version) -> str | None:
        """The first line after *version* that lets these programs call a helper, None if none does."""
        for line, allowed in zip(self.lines, self.allowed, strict=True):
            if line > line_of(version) and number in allowed:
                return f"{line[0]}.{line[1]}"
        return None


@dataclass(frozen=True)
class KfuncClass:
    """Programs in *sections*, for which those of *tried* were measured; the others have their types.

    *allowed* are the functions of the kernel that each of *lines* lets them call, both from old to new.
    """

    sections: tuple[str, ...]
    tried: tuple[str, ...]
    lines: tuple[Line, ...]
    allowed: tuple[frozenset[str], ...]

    def allows(self, section: str, name: str, version: Version) -> bool | None:
        """Whether a kernel lets programs of *section* call a function; None where that is not known.

        Between two lines that were measured it is what both say. What they may call they may call on newer
        ones; what they may not, they may then. Some functions ask what a tracing program is attached to.
        """
        around = self._around(version)
        answers = {name in self.allowed[at] for at in around}
        if len(answers) != 1:
            return None
        if True in answers:
            return True
        by_attachment = section not in self.tried and section.partition(".")[0] in _BY_ATTACHMENT
        return None if by_attachment or line_of(version) > self.lines[-1] else False

    def lets(self, name: str, version: Version) -> bool:
        """Whether all that was measured around *version* lets them call it."""
        around = self._around(version)
        return bool(around) and all(name in self.allowed[at] for at in around)

    def _around(self, version: Version) -> list[int]:
        """The line of *version* if it was measured, else those before and behind it, from the first on."""
        at = bisect_right(self.lines, line_of(version))
        if not at or self.lines[at - 1] == line_of(version):
            return [at - 1] if at else []
        return [each for each in (at - 1, at) if each < len(self.lines)]


@dataclass(frozen=True)
class Since:
    """Something that came with version *first*, and that stable kernels got as well, from versions *also* on.

    *measured* are the lines of which it is known that no other of them got it.
    """

    first: Version
    also: tuple[Version, ...]
    measured: frozenset[Line]

    def has(self, version: Version) -> bool | None:
        """Whether a kernel has it; None where it may have been carried back to it."""
        if version >= self.first:
            return True
        line = line_of(version)
        for each in self.also:
            if line_of(each) == line:
                return True if version >= each else None
        return False if line in self.measured else None


@dataclass(frozen=True)
class Rules:
    """The tables of the file. *newest* is the newest line that was measured.

    *sleepable_maps* has types of maps, by ``enum bpf_map_type``, where the classes have helpers.
    """

    newest: Line
    classes: tuple[HelperClass, ...]
    sleepable_maps: HelperClass
    instructions: Mapping[str, Since]
    map_flags: Mapping[str, Since]
    program_flags: Mapping[str, Since]
    sleepable: Mapping[str, Since]
    kfunc_classes: tuple[KfuncClass, ...]
    compiled_in: Mapping[str, str]
    instead: Mapping[str, Mapping[str, str]]

    @cached_property
    def _by_section(self) -> Mapping[str, HelperClass]:
        return {section: each for each in self.classes for section in each.sections}

    def allows(self, section: str | None, number: int, version: Version) -> bool | None:
        """Whether programs of *section*, a prefix of :mod:`pytest_ebpf.hooks`, may call a helper.

        A section that was not measured, and programs without one: what all others may call.
        """
        if found := self._by_section.get(section or ""):
            return found.allows(number, version)
        return all(each.allows(number, version) for each in self.classes) or None

    def allowed_from(self, section: str | None, number: int, version: Version) -> str | None:
        """The first line after *version* that lets programs of *section* call a helper, None if none does."""
        found = self._by_section.get(section or "")
        return found.allowed_from(number, version) if found else None

    def allows_kfunc(self, section: str, name: str, version: Version) -> bool | None:
        """Whether programs of *section* may call a function of the kernel; None where that is not known.

        That they may not is known of what others may call there: of what nobody calls, nothing is.
        """
        found = next((each for each in self.kfunc_classes if section in each.sections), None)
        answer = found.allows(section, name, version) if found else None
        if answer is False and not any(each.lets(name, version) for each in self.kfunc_classes):
            return None
        return answer

    def is_kfunc(self, name: str) -> bool:
        """Whether some kernel lets some programs call the function: not all of those mark it."""
        return any(name in allowed for each in self.kfunc_classes for allowed in each.allowed)


def line_of(version: Version) -> Line:
    """The line that a version is of, as it compares."""
    return version.major, version.minor


@cache
def rules() -> Rules:
    """The file as it came with the project, read once (4 ms)."""
    path = paths.vm() / "kernels.json"
    try:
        return parse(json.loads(path.read_text()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise EbpfError(
            f"cannot be read ({error})", where=str(path), hint="install pytest-ebpf again"
        ) from error


def parse(data: Mapping[str, Any]) -> Rules:
    """The rules in the JSON document *data*; ValueError, KeyError or TypeError where it is another's."""
    if data["format"] != _FORMAT:
        raise ValueError(f"format {data['format']}, not {_FORMAT}")
    return Rules(
        newest=max(line_of(Version.parse(each)) for each in data["measured"]),
        classes=tuple(map(_class, data["helpers"]["classes"])),
        sleepable_maps=_class({"sections": (), **data["sleepable_maps"]}),
        instructions=_since(data, "instructions"),
        map_flags=_since(data, "map_flags"),
        program_flags=_since(data, "program_flags"),
        sleepable=_since(data, "sleepable"),
        kfunc_classes=tuple(map(_kfunc_class, data["kfuncs"]["classes"])),
        compiled_in={name: entry["function"] for name, entry in data["compiled_in"].items()},
        instead={kind: table for kind, table in data["instead"].items() if kind != "source"},
    )


def _since(data: Mapping[str, Any], table: str) -> Mapping[str, Since]:
    measured = frozenset(line_of(Version.parse(each)) for each in data["measured"])
    return {
        name: Since(Version.parse(entry["since"]), tuple(map(Version.parse, entry.get("also", ()))), measured)
        for name, entry in data[table].items()
    }


def _class(data: Mapping[str, Any]) -> HelperClass:
    return HelperClass(
        sections=tuple(data["sections"]),
        lines=_lines(data),
        allowed=_allowed(data),
        by_target=frozenset(data.get("by_target", ())),
    )


def _kfunc_class(data: Mapping[str, Any]) -> KfuncClass:
    return KfuncClass(
        sections=tuple(data["sections"]),
        tried=tuple(data["tried"]),
        lines=_lines(data),
        allowed=_allowed(data),
    )


def _lines(data: Mapping[str, Any]) -> tuple[Line, ...]:
    return tuple(line_of(Version.parse(line)) for line in data["measured"])


def _allowed(data: Mapping[str, Any]) -> tuple[frozenset[Any], ...]:
    """What each line lets programs call; the file gives what came with a line and what went."""
    came, went = data["since"], data.get("until", {})

    def next_line(allowed: frozenset[Any], line: str) -> frozenset[Any]:
        return (allowed - frozenset(went.get(line, ()))) | frozenset(came.get(line, ()))

    nothing: frozenset[Any] = frozenset()
    return tuple(accumulate(data["measured"], next_line, initial=nothing))[1:]
