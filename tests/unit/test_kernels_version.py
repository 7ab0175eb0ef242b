"""Kernel versions compare as numbers."""

from __future__ import annotations

import itertools

import pytest

from pytest_ebpf.errors import UsageError
from pytest_ebpf.kernels import Version
from pytest_ebpf.kernels.version import debian_key


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("6.1", Version(6, 1)),
        ("v6.1", Version(6, 1)),
        ("6.1.192", Version(6, 1, 192)),
        ("6.1.192-2", Version(6, 1, 192)),
        ("6.12.117-1~deb12u1", Version(6, 12, 117)),
        ("6.12.117+deb13-cloud-amd64", Version(6, 12, 117)),
        ("7.3-rc7", Version(7, 3, rc=7)),
        ("7.3~rc7-1~exp1", Version(7, 3, rc=7)),
        ("7.3.0-rc7-custom", Version(7, 3, rc=7)),
        ("6.1.0-56-cloud-amd64", Version(6, 1, 0)),
    ],
)
def test_a_version_is_what_the_text_begins_with(text, version):
    assert Version.parse(text) == version


@pytest.mark.parametrize("text", ["", "6", "latest", "six.one", "/boot/vmlinuz-6.1"])
def test_text_without_a_version_is_refused(text):
    with pytest.raises(UsageError) as caught:
        Version.parse(text)
    assert str(caught.value) == f"not a kernel version ({text}); write it like 6.1 or 6.1.192"


def test_order_is_by_number_and_a_candidate_comes_before_its_release():
    texts = ["5.10.262", "6.1", "6.1.9", "6.1.10", "6.9.3", "6.10", "7.3-rc2", "7.3-rc10", "7.3", "7.3.1"]
    versions = [Version.parse(text) for text in texts]
    assert sorted(versions, key=lambda version: version) == versions
    assert all(lower < higher for lower, higher in itertools.pairwise(versions))
    assert [str(version) for version in versions] == texts


def test_the_line_is_the_series():
    assert Version.parse("6.12.117-1").line == "6.12"


def test_package_versions_sort_as_dpkg_sorts_them():
    ordered = [
        "6.12.9-1",
        "6.12.117-1~bpo12+1",
        "6.12.117-1~deb12u1",
        "6.12.117-1",
        "6.12.117-1+b1",
        "6.12.117-2",
        "6.12.117-10",
        "7.3~rc7-1~exp1",
        "7.3~rc10-1~exp1",
        "7.3-1",
        "7.3a-1",
        "7.3+-1",
        "7.3-1-1",
        "7.3-2-1",
        "1:1.0",
        "1:1.0-1",
    ]
    shuffled = sorted(ordered, key=len)
    assert sorted(shuffled, key=debian_key) == ordered
