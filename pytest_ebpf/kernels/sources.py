"""Where to ask for kernels: derived from the machine's own apt configuration. Pure text in, text out.

The machine names one Debian suite or two; the same archive carries kernels of many more. So its addresses are
kept, and the suites that carry cloud kernels put in place of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_ebpf.errors import KernelError

#: The archive's own keys, from the package debian-archive-keyring. Nothing signed by another key is used.
KEYRING: Final = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

#: Suites that carry cloud kernels, and the lines seen in each in November 2026.
MAIN_SUITES: Final = (
    "bookworm",  # 6.1
    "bookworm-backports",  # 6.12
    "trixie",  # 6.12
    "trixie-backports",  # 6.16 to 7.2
    "sid",  # 7.2
    "experimental",  # 7.3-rc
)
SECURITY_SUITES: Final = (
    "bullseye-security",  # 5.10
    "bookworm-security",  # 6.1
    "trixie-security",  # 6.12
)

_DEBIAN_SUITE: Final = re.compile(
    r"(bullseye|bookworm|trixie|forky|sid|experimental|(old){0,2}stable|testing|unstable)"
    r"(-updates|-backports|-backports-sloppy|-proposed-updates|-security)?"
)
#: A line of ``apt-get update --print-uris``: 'ROOT/dists/SUITE/main/binary-ARCH/Packages.xz' ...
_INDEX_URI: Final = re.compile(r"'(?P<root>[^']+?)/?/dists/(?P<suite>[^']+)/main/binary-[^/']+/Packages")


@dataclass(frozen=True)
class Roots:
    """Addresses of archives as apt writes them: the likeliest mirrors of Debian first."""

    main: tuple[str, ...]
    security: tuple[str, ...]


def read_roots(print_uris: str) -> Roots:
    """Find the Debian archives in what ``apt-get update --print-uris`` says of the machine's own sources.

    apt reads both its formats and all their options itself. An archive of another maker may carry a Debian
    suite's name; whoever has more of them comes first, and signatures decide in the end. :class:`KernelError`
    when there is none.
    """
    suites: dict[str, set[str]] = {}
    for match in _INDEX_URI.finditer(print_uris):
        if _DEBIAN_SUITE.fullmatch(match["suite"]):
            suites.setdefault(match["root"], set()).add(match["suite"])
    ranked = sorted(suites, key=lambda root: -len(suites[root]))
    security = tuple(root for root in ranked if any(suite.endswith("-security") for suite in suites[root]))
    main = tuple(root for root in ranked if not all(suite.endswith("-security") for suite in suites[root]))
    if not main and not security:
        raise KernelError(
            "no Debian archive among the machine's apt sources",
            where="apt",
            hint="add one to /etc/apt/sources.list.d, or give the path of a kernel image",
        )
    return Roots(main, security)


def sources_list(main: str | None, security: str | None) -> str:
    """The text of a sources file that asks *main* and *security* for all suites with kernels."""
    options = f"[arch=amd64 lang=none target=Packages signed-by={KEYRING}]"
    asked = ((main, MAIN_SUITES), (security, SECURITY_SUITES))
    lines = (f"deb {options} {root} {suite} main" for root, suites in asked if root for suite in suites)
    return "".join(f"{line}\n" for line in lines)


def apt_conf(folder: Path, *, root_user: bool) -> str:
    """Configuration that keeps apt below *folder*, read after the machine's own (``apt-get -c``).

    The machine's proxies, mirrors and credentials stay in force. Hooks that run after an update are dropped:
    they serve the system's package state, and fail for an ordinary user. apt's sandbox user cannot read a
    cache in a home folder, so root stays root.
    """
    settings = {
        "Dir::State": f"{folder}/state",
        "Dir::State::status": "/dev/null",
        "Dir::Cache": f"{folder}/cache",
        "Dir::Cache::pkgcache": "pkgcache.bin",
        "Dir::Cache::srcpkgcache": "",
        "Dir::Etc::sourcelist": f"{folder}/sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::Etc::preferences": "/dev/null",
        "Dir::Etc::preferencesparts": "/dev/null",
        "Acquire::GzipIndexes": "true",
        "Acquire::Retries": "1",
        "Acquire::http::Timeout": "20",
        "Acquire::https::Timeout": "20",
        "Acquire::AllowInsecureRepositories": "false",
        "APT::Architecture": "amd64",
        "APT::Get::AllowUnauthenticated": "false",
    }
    if root_user:
        settings["APT::Sandbox::User"] = "root"
    cleared = ("Pre-Invoke", "Post-Invoke", "Post-Invoke-Success")
    return _lines(f"#clear APT::Update::{hook};" for hook in cleared) + _lines(
        f'{key} "{value}";' for key, value in settings.items()
    )


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
