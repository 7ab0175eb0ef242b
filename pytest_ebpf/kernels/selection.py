"""``--ebpf-kernel``: which kernels of those a project promises, or others by name. Pure."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from typing import Final

from pytest_ebpf.errors import UsageError
from pytest_ebpf.kernels.version import Version

_RANGE: Final = re.compile(r"(>=|<=|==|!=|>|<)\s*(\S+)")
_BOUND: Final = re.compile(r"\d+\.\d+(\.\d+)?")
_NAME: Final = re.compile(r"\d+\.\d+[\w.+~:-]*")
_COMPARE: Final[dict[str, Callable[[tuple[int, ...], tuple[int, ...]], bool]]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
}
#: Where ``latest`` stands against a bound: after every number.
_NEWEST: Final = (1 << 30, 0, 0)


def is_path(spec: str) -> bool:
    """Whether a spec is the path of an image: anything with a slash, or that begins with a tilde."""
    return "/" in spec or spec.startswith("~")


def check_spec(spec: str, *, where: str) -> None:
    """:class:`UsageError` when *spec* can be no kernel, whatever the archive has."""
    if not (spec == "latest" or is_path(spec) or _NAME.fullmatch(spec)):
        raise UsageError(
            f"not a kernel ({spec})" if spec else "no kernel named",
            where=where,
            hint="write a line (6.1), a version (6.1.192), latest or the path of an image (./bzImage)",
        )


def names_promised(expression: str) -> bool:
    """Whether *expression* selects among the kernels that a project promises: ``all``, ranges."""
    items = [item.strip() for item in expression.split(",")]
    return any(item == "all" or _RANGE.fullmatch(item) for item in items)


def select(expression: str, promised: Sequence[str], *, option: str = "--ebpf-kernel") -> tuple[str, ...]:
    """The specs that *expression* selects, each once, in the order written or promised.

    A comma list of: ``all`` (what is *promised*), a line, a version, ``latest``, a path, and ranges such as
    ``>=6.1``. A kernel of *promised* is in when it is in every range given, so ``>=5.15,<6.12`` is an
    interval; they come where the first range stands. A bound counts to the precision it is written in:
    6.1.192 is ``<=6.1``. ``latest`` is above every bound, a path in no range. :class:`UsageError` for
    nonsense and for ranges that nothing promised is in; *option* is what the user wrote it after.
    """
    items = [item.strip() for item in expression.split(",")]
    ranges = [match for item in items if (match := _RANGE.fullmatch(item))]
    chosen: dict[str, None] = {}
    for item in items:
        if item == "all":
            chosen.update(dict.fromkeys(promised))
        elif _RANGE.fullmatch(item):
            chosen.update(dict.fromkeys(_in_every(ranges, promised, option)))
        else:
            check_spec(item, where=option)
            chosen[item] = None
    if not chosen:
        have = f"the project promises {', '.join(promised)}" if promised else "no ebpf.toml here promises any"
        raise UsageError(
            f"selects no kernel ({expression})", where=option, hint=f"{have}; name a kernel, such as 6.1"
        )
    return tuple(chosen)


def in_range(expression: str, version: Version, *, where: str) -> bool:
    """Whether *version* is in every range of the comma list *expression*, such as ``>=5.15,<6.12``.

    A bound counts to the precision it is written in, as for :func:`select`. :class:`UsageError`, located at
    *where*, for what is no range.
    """
    for item in expression.split(","):
        match = _RANGE.fullmatch(item.strip())
        if match is None:
            raise _no_range(item.strip(), where)
        bound = _bound(match, where)
        if not _COMPARE[match[1]](_numbers(version)[: len(bound)], bound):
            return False
    return True


def _in_every(ranges: Sequence[re.Match[str]], promised: Sequence[str], option: str) -> list[str]:
    bounds = [(match[1], _bound(match, option)) for match in ranges]
    return [
        spec
        for spec in promised
        if not is_path(spec) and all(_within(spec, sign, bound) for sign, bound in bounds)
    ]


def _bound(match: re.Match[str], where: str) -> tuple[int, ...]:
    if not _BOUND.fullmatch(match[2]):
        raise _no_range(match[0], where)
    return tuple(map(int, match[2].split(".")))


def _no_range(text: str, where: str) -> UsageError:
    return UsageError(f"not a range of kernels ({text})", where=where, hint="write it like >=6.1")


def _numbers(version: Version) -> tuple[int, int, int]:
    return version.major, version.minor, version.patch


def _within(spec: str, sign: str, bound: tuple[int, ...]) -> bool:
    numbers = _NEWEST if spec == "latest" else _numbers(Version.parse(spec))
    return _COMPARE[sign](numbers[: len(bound)], bound)
