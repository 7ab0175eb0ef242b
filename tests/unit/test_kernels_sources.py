"""The machine's apt configuration, turned into one that asks for kernels."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_ebpf.errors import KernelError
from pytest_ebpf.kernels.apt import failures
from pytest_ebpf.kernels.sources import KEYRING, Roots, apt_conf, read_roots, sources_list


def print_uris(*places: str) -> str:
    """What ``apt-get update --print-uris`` prints for each ROOT/dists/SUITE/COMPONENT."""
    return "".join(
        f"'{place.rsplit('/', 1)[0]}/InRelease' some_InRelease 0 \n"
        f"'{place}/binary-amd64/Packages.xz' some_Packages 0 \n"
        for place in places
    )


def test_the_archive_and_its_security_updates_are_told_apart():
    text = print_uris(
        "http://archive.example/debian/dists/bookworm/main",
        "http://archive.example/debian/dists/bookworm-updates/main",
        "http://archive.example/debian-security/dists/bookworm-security/main",
    )
    assert read_roots(text) == Roots(
        main=("http://archive.example/debian",), security=("http://archive.example/debian-security",)
    )


def test_one_root_may_carry_both():
    text = print_uris(
        "http://mirror.example/all/dists/trixie/main", "http://mirror.example/all/dists/trixie-security/main"
    )
    assert read_roots(text) == Roots(("http://mirror.example/all",), ("http://mirror.example/all",))


def test_a_list_of_mirrors_is_a_root_like_others():
    text = print_uris("mirror+file:/etc/apt/mirrors/debian.list/dists/bookworm/main")
    assert read_roots(text).main == ("mirror+file:/etc/apt/mirrors/debian.list",)


def test_archives_of_other_makers_are_left_out_or_come_last():
    text = print_uris(
        "https://php.example/debian/dists/bookworm/main",  # a Debian name: only signatures can tell
        "https://docker.example/linux/debian/dists/bookworm/stable",
        "https://node.example/dists/nodistro/main",
        "https://pg.example/apt/dists/bookworm-pgdg/main",
        "http://archive.example/debian/dists/bookworm/main",
        "http://archive.example/debian/dists/bookworm-updates/main",
    )
    assert read_roots(text) == Roots(
        ("http://archive.example/debian", "https://php.example/debian"), security=()
    )


def test_a_machine_without_debian_is_told_what_to_do():
    with pytest.raises(KernelError) as caught:
        read_roots(print_uris("http://ubuntu.example/ubuntu/dists/noble/main"))
    assert str(caught.value) == (
        "apt: no Debian archive among the machine's apt sources; "
        "add one to /etc/apt/sources.list.d, or give the path of a kernel image"
    )


def test_every_suite_is_asked_of_its_own_archive_and_signed_by_debian():
    lines = sources_list("http://archive.example/debian", "http://archive.example/security").splitlines()
    options = f"[arch=amd64 lang=none target=Packages signed-by={KEYRING}]"
    assert lines == [
        f"deb {options} http://archive.example/debian bookworm main",
        f"deb {options} http://archive.example/debian bookworm-backports main",
        f"deb {options} http://archive.example/debian trixie main",
        f"deb {options} http://archive.example/debian trixie-backports main",
        f"deb {options} http://archive.example/debian sid main",
        f"deb {options} http://archive.example/debian experimental main",
        f"deb {options} http://archive.example/security bullseye-security main",
        f"deb {options} http://archive.example/security bookworm-security main",
        f"deb {options} http://archive.example/security trixie-security main",
    ]


def test_an_archive_that_is_not_configured_is_not_asked():
    assert "-security" not in sources_list("http://archive.example/debian", None)


@pytest.mark.parametrize("root_user", [True, False])
def test_apt_is_kept_in_a_folder_and_never_trusts_unsigned(root_user):
    conf = apt_conf(Path("/cache/apt"), root_user=root_user)
    assert 'Dir::State "/cache/apt/state";\n' in conf
    assert 'Dir::Etc::sourceparts "/dev/null";\n' in conf
    assert 'Acquire::AllowInsecureRepositories "false";\n' in conf
    assert 'APT::Get::AllowUnauthenticated "false";\n' in conf
    assert "#clear APT::Update::Post-Invoke;\n" in conf
    assert ('APT::Sandbox::User "root";\n' in conf) is root_user
    assert "trusted" not in conf


def test_what_apt_says_of_suites_it_could_not_read():
    said = """\
E: The repository 'http://archive.example/debian nosuch Release' does not have a Release file.
E: The repository 'https://php.example/debian bookworm InRelease' is not signed.
W: Failed to fetch http://a.example/d/dists/sid/InRelease  Unable to connect to proxy:1
E: Failed to fetch http://a.example/d/dists/trixie/main/x/Packages.xz  404  Not Found [IP: 192.0.2.1 80]
W: Some index files failed to download. They have been ignored, or old ones used instead.
"""
    assert failures(said) == {
        "nosuch": "does not have a Release file",
        "bookworm": "is not signed",
        "sid": "Unable to connect to proxy:1",
        "trixie": "404  Not Found",
    }
