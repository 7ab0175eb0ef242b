"""Files of the build folder: whole or not at all, untouched when equal."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from pytest_ebpf.build import files
from pytest_ebpf.errors import BuildError


def test_an_equal_file_keeps_its_time_of_change(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "ebpf.h"
    assert files.write(path, "int x;\n")
    before = files.stamp(path)
    assert not files.write(path, "int x;\n")
    assert files.stamp(path) == before
    assert files.write(path, "int y;\n")
    assert path.read_text() == "int y;\n"


def test_others_may_read_what_is_written(tmp_path: Path) -> None:
    files.write(tmp_path / "ebpf.h", "int x;\n")
    assert (tmp_path / "ebpf.h").stat().st_mode & 0o777 == 0o644


def test_a_missing_file_has_no_stamp(tmp_path: Path) -> None:
    assert files.stamp(tmp_path / "none") is None
    (tmp_path / "some").write_bytes(b"12345")
    seen = files.stamp(tmp_path / "some")
    assert seen is not None
    assert seen[1] == 5


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "build").write_text("a file")
    with pytest.raises(BuildError) as caught:
        files.write(tmp_path / "build" / "ebpf.h", "")
    assert str(caught.value) == (
        f"{tmp_path}/build/ebpf.h: cannot write the build (not a directory); "
        "something else has that name; move it away, or set build.directory"
    )


@pytest.mark.parametrize(
    ("number", "what", "hint"),
    [
        (errno.ENOSPC, "no space left on device", "free some space and build again"),
        (errno.EDQUOT, "disk quota exceeded", "free some space and build again"),
        (
            errno.EACCES,
            "permission denied",
            "make the folder writable, or set build.directory to one that is",
        ),
        (
            errno.EROFS,
            "read-only file system",
            "make the folder writable, or set build.directory to one that is",
        ),
    ],
)
def test_what_the_system_says_is_explained(number: int, what: str, hint: str) -> None:
    with pytest.raises(BuildError) as caught, files.explained(Path("build/ebpf")):
        raise OSError(number, what.capitalize())
    assert str(caught.value) == f"build/ebpf: cannot write the build ({what}); {hint}"


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ebpf.h"
    files.write(path, "old")

    def full(self: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(BuildError, match="no space left on device"):
        files.write(path, "new")
    assert [each.name for each in tmp_path.iterdir()] == ["ebpf.h"]
    assert path.read_text() == "old"
