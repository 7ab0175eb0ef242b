from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from pytest_ebpf.btf import Btf
from pytest_ebpf.errors import ManifestError
from pytest_ebpf.manifest import Manifest, loads

HEAD = '[project]\nname = "edge"\nkernels = ["6.1"]\n'


@pytest.fixture
def in_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is the current one, so that messages name files as a user sees them."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def manifest_of(in_tmp: Path) -> Callable[[str], Manifest]:
    """Read manifest text, put below a [project] of three lines: its first line is line 4."""

    def read(text: str) -> Manifest:
        return loads(HEAD + dedent(text).lstrip("\n"), path=in_tmp / "ebpf.toml")

    return read


@pytest.fixture
def problems_of(manifest_of: Callable[[str], Manifest]) -> Callable[[str], list[str]]:
    """Read manifest text that is wrong, and return what is said about it, a line for each problem."""

    def read(text: str) -> list[str]:
        with pytest.raises(ManifestError) as caught:
            manifest_of(text)
        return str(caught.value).splitlines()

    return read


class BtfBuilder:
    """Encodes BTF by hand, type by type: each method returns the id of the type it adds."""

    def __init__(self) -> None:
        self._words: list[int] = []
        self._strings = b"\0"
        self._count = 0

    def string(self, text: str) -> int:
        """The offset of *text* in the string table; 0 for the empty one."""
        if not text:
            return 0
        self._strings += text.encode() + b"\0"
        return len(self._strings) - len(text) - 1

    def add(
        self, kind: int, name: str = "", third: int = 0, *more: int, vlen: int = 0, flag: bool = False
    ) -> int:
        """A type of any kind: its third word, and what follows."""
        self._words += [self.string(name), kind << 24 | vlen | flag << 31, third & 0xFFFFFFFF]
        self._words += [word & 0xFFFFFFFF for word in more]
        self._count += 1
        return self._count

    def int(self, name: str, size: int, *, signed: bool = False, encoding: int = 0) -> int:
        return self.add(1, name, size, (encoding | signed) << 24 | size * 8)

    def ptr(self, target: int) -> int:
        return self.add(2, "", target)

    def array(self, element: int, count: int) -> int:
        return self.add(3, "", 0, element, 0, count)

    def struct(self, name: str, size: int, *members: tuple[str, int, int], union: bool = False) -> int:
        """Members are (name, type, offset in bits)."""
        words = [word for member, type_id, bits in members for word in (self.string(member), type_id, bits)]
        return self.add(5 if union else 4, name, size, *words, vlen=len(members))

    def bits(self, name: str, size: int, *members: tuple[str, int, int, int]) -> int:
        """A struct with bit fields: (name, type, offset in bits, bits)."""
        words = [
            word
            for member, type_id, offset, bits in members
            for word in (self.string(member), type_id, bits << 24 | offset)
        ]
        return self.add(4, name, size, *words, vlen=len(members), flag=True)

    def enum(self, name: str, *values: tuple[str, int], size: int = 4, signed: bool = False) -> int:
        words = [word for value, number in values for word in (self.string(value), number)]
        return self.add(6, name, size, *words, vlen=len(values), flag=signed)

    def enum64(self, name: str, *values: tuple[str, int], signed: bool = False) -> int:
        words = [word for value, number in values for word in (self.string(value), number, number >> 32)]
        return self.add(19, name, 8, *words, vlen=len(values), flag=signed)

    def typedef(self, name: str, target: int) -> int:
        return self.add(8, name, target)

    def proto(self, returns: int, *params: tuple[str, int]) -> int:
        words = [word for param, type_id in params for word in (self.string(param), type_id)]
        return self.add(13, "", returns, *words, vlen=len(params))

    def data(self, order: str = "<") -> bytes:
        """Raw BTF in byte order *order*."""
        types = struct.pack(f"{order}{len(self._words)}I", *self._words)
        header = struct.pack(
            f"{order}HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(types), len(types), len(self._strings)
        )
        return header + types + self._strings

    def btf(self) -> Btf:
        return Btf.parse(self.data())


@pytest.fixture
def builder() -> BtfBuilder:
    return BtfBuilder()


@pytest.fixture
def bin_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH; nothing is in it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("EBPF_CLANG", raising=False)
    return folder
