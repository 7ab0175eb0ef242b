"""fetch-libbpf: the pinned sources from the cache, and what it says when they cannot be had.

apt is replaced by a few lines of shell on ``PATH``: the real archive changes from day to day.
"""

import hashlib
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from pytest_ebpf import paths

SCRIPT = paths.agent().parent.parent / "fetch-libbpf"
REAL_PIN = SCRIPT.with_name("libbpf.pin")

APT_GET = """#!/bin/sh
case "$*" in
*--print-uris*)
    echo "'http://archive.invalid/security/dists/stable-security/InRelease' x 0"
    echo "'http://archive.invalid/main/dists/stable/InRelease' x 0" ;;
update*)
    for word; do case $word in Dir::Etc::sourcelist=*) cat "${word#*=}" >> "$APT_LOG" ;; esac; done
    test -z "$APT_FAILS" || { echo "E: $APT_FAILS" >&2; exit 100; } ;;
source*) cp "$APT_TARBALL" . ;;
esac
"""
APT_CACHE = """#!/bin/sh
for version in $APT_VERSIONS; do echo "Package: libbpf"; echo "Version: $version"; echo; done
"""


class Archive:
    """A copy of the script with a pin of its own, a cache of its own, and an archive we make up."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.log = root / "apt.log"
        self.cache = root / "cache" / "src"
        self.tarball = self._make_tarball("libbpf_9.9.0.orig.tar.gz")
        self.env = {"APT_VERSIONS": "9.9.0-1", "APT_TARBALL": str(self.tarball), "APT_FAILS": ""}
        (root / "bin").mkdir()
        for name, text in (("apt-get", APT_GET), ("apt-cache", APT_CACHE)):
            (root / "bin" / name).write_text(text)
            (root / "bin" / name).chmod(0o755)
        (root / "fetch-libbpf").write_text(SCRIPT.read_text())
        self.pin("9.9.0-1", hashlib.sha256(self.tarball.read_bytes()).hexdigest())

    def _make_tarball(self, name: str) -> Path:
        (self.root / "libbpf-9.9.0" / "src").mkdir(parents=True)
        (self.root / "libbpf-9.9.0" / "src" / "libbpf.c").write_text("int libbpf;\n")
        with tarfile.open(self.root / name, "w:gz") as archive:
            archive.add(self.root / "libbpf-9.9.0", "libbpf-9.9.0")
        return self.root / name

    def pin(self, version: str, sha256: str) -> None:
        (self.root / "libbpf.pin").write_text(f"# a pin\nsuite sid\nversion {version}\nsha256 {sha256}\n")

    def run(self, *words: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
        env = {
            **os.environ,
            **self.env,
            "PATH": path or f"{self.root / 'bin'}:{os.environ['PATH']}",
            "PYTEST_EBPF_CACHE": str(self.root / "cache"),
            "APT_LOG": str(self.log),
        }
        return subprocess.run(
            [sys.executable, self.root / "fetch-libbpf", *words],
            env=env,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def into(self, **options: str) -> subprocess.CompletedProcess[str]:
        return self.run("--into", str(self.root / "build" / "libbpf"), **options)

    @property
    def unpacked(self) -> Path:
        return self.root / "build" / "libbpf" / "src" / "libbpf.c"


@pytest.fixture
def archive(tmp_path):
    return Archive(tmp_path)


def test_the_sources_are_fetched_kept_and_unpacked(archive):
    done = archive.into()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "  FETCH    libbpf 9.9.0-1 from sid, through apt\n"
    assert archive.unpacked.read_text() == "int libbpf;\n"
    assert [entry.name for entry in archive.cache.iterdir()] == ["libbpf_9.9.0.orig.tar.gz"]


def test_apt_checks_the_main_archive_with_debians_keyring(archive):
    archive.into()
    assert archive.log.read_text() == (
        "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] "
        "http://archive.invalid/main sid main\n"
    )


def test_what_is_in_the_cache_needs_no_apt(archive):
    archive.into()
    archive.unpacked.unlink()
    done = archive.into(path="/nonexistent")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert archive.unpacked.exists()


def test_a_damaged_file_in_the_cache_is_fetched_again(archive):
    archive.cache.mkdir(parents=True)
    (archive.cache / "libbpf_9.9.0.orig.tar.gz").write_bytes(b"half")
    assert archive.into().returncode == 0
    assert archive.unpacked.exists()


def test_a_version_that_has_left_the_archive(archive):
    archive.env["APT_VERSIONS"] = "10.0.0-1 9.10.0-2"
    done = archive.into()
    assert done.returncode == 1
    assert done.stderr == (
        "fetch-libbpf: libbpf 9.9.0-1: no longer in sid (10.0.0-1, 9.10.0-2 there); "
        "run vm/agent/fetch-libbpf --repin, build, test, and commit vm/agent/libbpf.pin\n"
    )
    assert not archive.unpacked.exists()


def test_a_tarball_that_is_not_the_pinned_one_is_not_used(archive):
    digest = hashlib.sha256(archive.tarball.read_bytes()).hexdigest()
    archive.pin("9.9.0-1", "0" * 64)
    done = archive.into()
    assert done.returncode == 1
    assert done.stderr == (
        "fetch-libbpf: libbpf_9.9.0.orig.tar.gz: SHA-256 is not that of libbpf.pin "
        f"({digest}); do not build from it\n"
    )
    assert list(archive.cache.iterdir()) == []


def test_no_network(archive):
    archive.env["APT_FAILS"] = "Could not resolve 'archive.invalid'"
    done = archive.into()
    assert done.returncode == 1
    assert done.stderr.splitlines()[0] == "fetch-libbpf: no archive of this machine's apt gives sid:"
    assert "E: Could not resolve 'archive.invalid'" in done.stderr


def test_no_apt(archive):
    done = archive.into(path="/nonexistent")
    assert done.returncode == 1
    assert done.stderr == "fetch-libbpf: apt-get: not found; this needs Debian's apt\n"


def test_a_pin_without_a_line(archive):
    (archive.root / "libbpf.pin").write_text("suite sid\nversion 1\n")
    done = archive.into()
    assert done.returncode == 1
    assert done.stderr == (
        f"fetch-libbpf: {archive.root / 'libbpf.pin'}: no line 'sha256'; restore it from the repository\n"
    )


def test_repin_takes_the_newest_version(archive):
    archive.env["APT_VERSIONS"] = "9.9.0-1 9.10.0-2 9.9.1-1"
    archive.env["APT_TARBALL"] = str(archive.tarball.rename(archive.root / "libbpf_9.10.0.orig.tar.gz"))
    done = archive.run("--repin")
    assert (done.returncode, done.stdout) == (0, "libbpf.pin: 9.9.0-1 -> 9.10.0-2\n")
    assert archive.into(path="/nonexistent").returncode == 0


def test_the_pin_of_the_repository_is_whole():
    lines = [line.split() for line in REAL_PIN.read_text().splitlines() if not line.startswith("#")]
    assert [line[0] for line in lines] == ["suite", "version", "sha256"]
    assert len(lines[2][1]) == 64


def test_no_address_of_an_archive_is_written_down():
    folder = SCRIPT.parent
    for path in (SCRIPT, REAL_PIN, folder / "Makefile"):
        assert "://" not in path.read_text(), path
