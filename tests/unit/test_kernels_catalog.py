"""Packages become kernels; a spec means some of them. The packages are Debian's of November 2026."""

from __future__ import annotations

import json

import pytest

from pytest_ebpf.kernels import Version
from pytest_ebpf.kernels.catalog import (
    Available,
    Package,
    assemble,
    lines,
    matching,
    read_packages,
    read_suites,
    sane,
    unknown,
)

SHOW = """\
Package: linux-image-6.1.0-56-cloud-amd64
Source: linux-signed-amd64 (6.1.192+2)
Version: 6.1.192-2
Description: Linux 6.1 for x86-64 cloud (signed)
 Size: of no interest here
Filename: pool/updates/main/l/linux-signed-amd64/linux-image-6.1.0-56-cloud-amd64_6.1.192-2_amd64.deb
Size: 26713492
SHA256: aa

Package: linux-modules-7.2.12+deb13-cloud-amd64
Version: 7.2.12-1~bpo13+1
Size: 37779084
SHA256: bb

"""

MADISON = """\
linux-image-6.1.0-50-cloud-amd64 |  6.1.176-1 | http://a.example/debian bookworm/main amd64 Packages
linux-image-6.1.0-50-cloud-amd64 |  6.1.176-1 | http://a.example/sec bookworm-security/main amd64 Packages
linux-image-6.1.0-56-cloud-amd64 |  6.1.192-2 | http://a.example/sec bookworm-security/main amd64 Packages
"""


def package(name: str, version: str, size: int = 30_000_000) -> Package:
    return Package(name, version, size, "00")


OFFERED = [
    package("linux-image-6.1-cloud-amd64", "6.1.192-2", 1512),
    package("linux-image-6.1.0-50-cloud-amd64", "6.1.176-1"),
    package("linux-image-6.1.0-56-cloud-amd64", "6.1.192-2"),
    package("linux-image-6.1.0-56-cloud-amd64", "6.1.192-1"),
    package("linux-image-6.12.117+deb12-cloud-amd64", "6.12.117-1~deb12u1"),
    package("linux-image-6.12.117+deb13-cloud-amd64", "6.12.117-1"),
    package("linux-binary-7.1.13+deb13-cloud-amd64", "7.1.13-1~bpo13+1", 13_297_444),
    package("linux-image-7.1.13+deb13-cloud-amd64", "7.1.13-1~bpo13+1", 1924),
    package("linux-binary-7.2.12+deb13-cloud-amd64", "7.2.12-1~bpo13+1", 13_389_360),
    package("linux-image-7.2.12+deb13-cloud-amd64", "7.2.12-1~bpo13+1", 1924),
    package("linux-modules-7.2.12+deb13-cloud-amd64", "7.2.12-1~bpo13+1", 37_779_084),
    package("linux-binary-7.2.13+deb13-cloud-amd64", "7.2.13-1~bpo13+1", 13_389_360),
    package("linux-binary-7.3-cloud-amd64", "7.3~rc7-1~exp1", 13_885_624),
    package("linux-modules-7.3-cloud-amd64", "7.3~rc7-1~exp1", 22_000_000),
]


@pytest.fixture(scope="module")
def kernels() -> tuple[Available, ...]:
    return assemble(OFFERED, {("linux-image-6.1.0-56-cloud-amd64", "6.1.192-2"): "bookworm-security"})


def versions(found: tuple[Available, ...]) -> list[str]:
    return [kernel.package_version for kernel in found]


def test_packages_are_read_from_apt_cache_show():
    assert list(read_packages(SHOW)) == [
        Package("linux-image-6.1.0-56-cloud-amd64", "6.1.192-2", 26713492, "aa"),
        Package("linux-modules-7.2.12+deb13-cloud-amd64", "7.2.12-1~bpo13+1", 37779084, "bb"),
    ]


def test_a_package_in_two_suites_is_told_by_the_first():
    assert read_suites(MADISON) == {
        ("linux-image-6.1.0-50-cloud-amd64", "6.1.176-1"): "bookworm",
        ("linux-image-6.1.0-56-cloud-amd64", "6.1.192-2"): "bookworm-security",
    }


def test_a_kernel_in_one_package(kernels):
    kernel = matching("6.1", kernels)[0]
    assert kernel == Available(
        version=Version(6, 1, 192),
        release="6.1.0-56-cloud-amd64",
        packages=(package("linux-image-6.1.0-56-cloud-amd64", "6.1.192-2"),),
        suite="bookworm-security",
        complete=True,
    )
    assert (kernel.line, kernel.name, kernel.size) == ("6.1", "6.1.0-56-cloud-amd64_6.1.192-2", 30_000_000)


def test_a_kernel_in_two_packages_has_its_image_in_the_first(kernels):
    kernel = matching("7.2.12", kernels)[0]
    assert [part.name for part in kernel.packages] == [
        "linux-binary-7.2.12+deb13-cloud-amd64",
        "linux-modules-7.2.12+deb13-cloud-amd64",
    ]
    assert kernel.size == 13_389_360 + 37_779_084


def test_packages_that_only_follow_others_are_no_kernels(kernels):
    assert "6.1-cloud-amd64" not in {kernel.release for kernel in kernels}
    assert sum(kernel.release.startswith("7.2.12") for kernel in kernels) == 1


def test_newest_comes_first(kernels):
    assert versions(matching("6.1", kernels)) == ["6.1.192-2", "6.1.192-1", "6.1.176-1"]
    assert versions(matching("6.12", kernels)) == ["6.12.117-1", "6.12.117-1~deb12u1"]


def test_a_whole_kernel_is_preferred_to_a_newer_image_without_modules(kernels):
    assert versions(matching("7.2", kernels)) == ["7.2.12-1~bpo13+1", "7.2.13-1~bpo13+1"]
    assert [kernel.complete for kernel in matching("7.2", kernels)] == [True, False]


def test_an_image_whose_modules_are_gone_is_better_than_nothing(kernels):
    (kernel,) = matching("7.1", kernels)
    assert not kernel.complete


@pytest.mark.parametrize(
    "spec",
    ["7.3", "7.3-rc7", "7.3~rc7", "7.3-cloud-amd64", "7.3~rc7-1~exp1"],
)
def test_every_name_of_a_candidate(kernels, spec):
    assert versions(matching(spec, kernels)) == ["7.3~rc7-1~exp1"]


def test_latest_is_the_newest_line_with_a_whole_release(kernels):
    assert matching("latest", kernels)[0].release == "7.2.12+deb13-cloud-amd64"
    assert matching("latest", ()) == ()


def test_lines_are_in_order_of_number(kernels):
    assert lines(kernels) == ("6.1", "6.12", "7.1", "7.2", "7.3")


def test_an_unknown_line_is_told_the_lines(kernels):
    assert str(unknown("6.6", kernels)) == (
        "kernels: no such kernel in the archive (6.6); "
        "it has 6.1, 6.12, 7.1, 7.2, 7.3; or give the path of an image"
    )


def test_an_unknown_version_is_told_those_of_its_line(kernels):
    assert str(unknown("6.1.9", kernels)) == (
        "kernels: no such kernel in the archive (6.1.9); "
        "it has 6.1.192, 6.1.176; or give the path of an image"
    )


def test_an_archive_without_kernels_leaves_a_path():
    assert str(unknown("latest", ())) == (
        "kernels: no such kernel in the archive (latest); give the path of an image"
    )


def test_what_is_offered_survives_json(kernels):
    assert (
        tuple(Available.from_json(json.loads(json.dumps(kernel.to_json()))) for kernel in kernels) == kernels
    )


@pytest.mark.parametrize(
    ("release", "name", "version", "verdict"),
    [
        ("6.1.0-56-cloud-amd64", "linux-image-6.1.0-56-cloud-amd64", "6.1.192-2", True),
        ("6.1.0-55-cloud-amd64", "linux-image-6.1.0-56-cloud-amd64", "6.1.192-2", False),
        ("6.1/../x-cloud-amd64", "linux-image-6.1/../x-cloud-amd64", "6.1.192-2", False),
        ("6.1.0-56-cloud-amd64", "-oDir::Etc=/tmp/x", "6.1.192-2", False),
        ("6.1.0-56-cloud-amd64", "linux-image-6.1.0-56-cloud-amd64", "6.1 -o x", False),
        ("6.1.0-56-cloud-amd64", "linux-image-6.1.0-56-cloud-amd64", "6/../../x", False),
    ],
)
def test_only_names_of_kernel_packages_are_sane(release, name, version, verdict):
    assert sane(release, [package(name, version)]) is verdict
