"""What is noted of a snapshot's files, and how damage to them is noticed."""

from __future__ import annotations

import json
import os
import subprocess
import zlib
from pathlib import Path

import pytest

from pytest_ebpf.machine.snapshot import DamagedSnapshotError, Snapshot

RAM = os.urandom(3 << 20)
STATE = b"QEVM" + bytes(5000)


@pytest.fixture
def snapshot(tmp_path):
    """Files as they are after saving; the memory ends in a hole."""
    with (tmp_path / "ram").open("wb") as ram:
        ram.write(RAM)
        ram.truncate(8 << 20)
    (tmp_path / "state").write_bytes(STATE)
    facts = {name: describe(tmp_path / name) for name in ("ram", "state")}
    (tmp_path / "snapshot.json").write_text(json.dumps(facts))
    return Snapshot(tmp_path, recipe=None)


def describe(path: Path) -> list[int]:
    """What is noted of a file: its size, its time in ns, a CRC-32.

    The CRC goes over each 64 KiB that are not all zero, led by the eight bytes of where they are.
    """
    data, checksum = path.read_bytes(), 0
    for at in range(0, len(data), 64 << 10):
        if any(chunk := data[at : at + (64 << 10)]):
            checksum = zlib.crc32(at.to_bytes(8, "little") + chunk, checksum)
    return [len(data), path.stat().st_mtime_ns, checksum]


def complaint(snapshot: Snapshot) -> str:
    with pytest.raises(DamagedSnapshotError) as caught:
        snapshot.check()
    return str(caught.value)


def overwrite(path: Path, at: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)


def test_files_as_they_were_written_are_sound(snapshot):
    snapshot.check()


@pytest.mark.parametrize("name", ["ram", "state"])
def test_a_file_that_was_copied_is_sound(snapshot, name):
    """A cache that travels through an archive has lost the fractions of its times."""
    path = snapshot.folder / name
    os.utime(path, ns=(0, path.stat().st_mtime_ns // 10**9 * 10**9))
    snapshot.check()


@pytest.mark.parametrize("holes", ["never", "always"])
def test_a_copy_may_have_its_holes_elsewhere(snapshot, tmp_path_factory, holes):
    copy = tmp_path_factory.mktemp("copy")
    subprocess.run(["cp", f"--sparse={holes}", *snapshot.folder.iterdir(), copy], check=True)
    Snapshot(copy, recipe=None).check()


def test_contents_are_read_only_once_where_times_differ(snapshot):
    noted = (snapshot.folder / "ram").stat().st_mtime_ns
    os.utime(snapshot.folder / "ram", ns=(0, 0))
    snapshot.check()
    assert (snapshot.folder / "ram").stat().st_mtime_ns == noted


@pytest.mark.parametrize(
    ("name", "size", "cut"), [("ram", 8 << 20, 1), ("ram", 8 << 20, 8 << 20), ("state", 5004, 5000)]
)
def test_a_file_that_is_cut_is_damaged(snapshot, name, size, cut):
    os.truncate(snapshot.folder / name, size - cut)
    assert complaint(snapshot) == f"{name} has {size - cut} bytes, not {size}"


@pytest.mark.parametrize(("name", "at"), [("ram", 0), ("ram", 2 << 20), ("state", 77)])
def test_a_bit_that_is_flipped_is_damage(snapshot, name, at):
    path = snapshot.folder / name
    overwrite(path, at, bytes([path.read_bytes()[at] ^ 4]))
    assert complaint(snapshot) == f"{name} was changed"


def test_a_byte_in_what_was_a_hole_is_damage(snapshot):
    overwrite(snapshot.folder / "ram", 6 << 20, b"\1")
    assert complaint(snapshot) == "ram was changed"


@pytest.mark.parametrize("name", ["ram", "state"])
def test_a_file_that_is_missing_is_damage(snapshot, name):
    (snapshot.folder / name).unlink()
    assert complaint(snapshot) == f"{name} cannot be read (No such file or directory)"


def test_without_its_description_a_snapshot_is_damaged(snapshot):
    (snapshot.folder / "snapshot.json").unlink()
    assert complaint(snapshot) == "its description cannot be read (No such file or directory)"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "JSONDecodeError"),
        ("{", "JSONDecodeError"),
        ("[]", "AttributeError"),
        ("null", "AttributeError"),
        ("{}", "KeyError"),
        ('{"ram": 1, "state": 2}', "TypeError"),
        ('{"ram": [], "state": []}', "ValueError"),
        ('{"ram": [1, 2, "x"], "state": [1, 2, 3]}', "ValueError"),
        ("[" * 10**5, "RecursionError"),
    ],
    ids=lambda text: text[:24] or "empty",
)
def test_a_description_that_is_none_is_damage(snapshot, text, why):
    (snapshot.folder / "snapshot.json").write_text(text)
    assert complaint(snapshot) == f"its description cannot be read ({why})"


def test_a_description_that_is_not_text_is_damage(snapshot):
    (snapshot.folder / "snapshot.json").write_bytes(b"\xff\xfe")
    assert complaint(snapshot) == "its description cannot be read (UnicodeDecodeError)"
