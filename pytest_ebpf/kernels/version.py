"""Kernel versions that compare as numbers, and Debian package versions that sort as dpkg sorts them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import total_ordering

from pytest_ebpf.errors import UsageError

_UPSTREAM = re.compile(r"v?(\d+)\.(\d+)(?:\.(\d+))?(?:[-~]rc(\d+))?(?![\d])")
_WORD_AND_NUMBER = re.compile(r"([^\d]*)(\d*)")


@total_ordering
@dataclass(frozen=True)
class Version:
    """An upstream kernel version; *rc* is 0 for a release, else the number of the release candidate."""

    major: int
    minor: int
    patch: int = 0
    rc: int = 0

    @classmethod
    def parse(cls, text: str) -> Version:
        """Read the version that *text* begins with: ``6.1``, ``6.1.192-2``, ``7.3~rc7-1~exp1``, a release.

        :class:`UsageError` when it begins with none. A Debian release such as ``6.1.0-56-cloud-amd64``
        reads as 6.1.0: only the package version or the image tells the real patch level.
        """
        match = _UPSTREAM.match(text)
        if match is None:
            raise UsageError(f"not a kernel version ({text})", hint="write it like 6.1 or 6.1.192")
        major, minor, patch, rc = (int(number or 0) for number in match.groups())
        return cls(major, minor, patch, rc)

    @property
    def line(self) -> str:
        """The stable series it belongs to, such as ``6.1``."""
        return f"{self.major}.{self.minor}"

    def __lt__(self, other: Version) -> bool:
        return self._key() < other._key()

    def __str__(self) -> str:
        patch = f".{self.patch}" if self.patch else ""
        return self.line + patch + (f"-rc{self.rc}" if self.rc else "")

    def _key(self) -> tuple[int, int, int, bool, int]:
        return self.major, self.minor, self.patch, not self.rc, self.rc


def debian_key(version: str) -> tuple[object, ...]:
    """A sort key that orders package versions as dpkg does (deb-version(7)).

    ``~`` comes before the end, letters before other characters, and digits count as numbers.
    """
    epoch, _, rest = version.rpartition(":")
    upstream, _, revision = rest.partition("-") if rest.count("-") < 2 else rest.rpartition("-")
    return int(epoch or 0), _part_key(upstream), _part_key(revision)


def _part_key(part: str) -> tuple[tuple[tuple[int, ...], int], ...]:
    pairs = _WORD_AND_NUMBER.findall(part)
    return tuple(((*map(_weight, word), 0), int(number or 0)) for word, number in pairs)


def _weight(character: str) -> int:
    if character == "~":
        return -1
    return ord(character) if character.isalpha() else ord(character) + 256
