"""What the archive offers: packages put together to kernels, and which of them a spec means. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from pytest_ebpf.errors import KernelError, UsageError
from pytest_ebpf.kernels.version import Version, debian_key

#: Signed packages of the cloud flavour. Names that end in ``-unsigned`` or ``-dbg`` do not match.
PACKAGES: Final = "^linux-(image|binary|modules)-[0-9].*-cloud-amd64$"

_NAME: Final = re.compile(r"linux-(?P<part>image|binary|modules)-(?P<release>\d[\w.+~-]*-cloud-amd64)")

_VERSION: Final = re.compile(r"\d[\w.+~:-]*")

#: Since 6.19 ``linux-image-X`` is a shell of 2 kB around ``linux-binary-X`` and ``linux-modules-X``, as
#: ``linux-image-6.1-cloud-amd64``, which follows a line, has always been. The smallest real one has 20 MB.
_SMALLEST_IMAGE: Final = 1_000_000


@dataclass(frozen=True)
class Package:
    """One Debian package: *size* in bytes and *sha256* of its file, from the signed index."""

    name: str
    version: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Available:
    """A kernel in the archive; the first of *packages* holds the image.

    *complete* is False where the archive dropped the modules of a split kernel and kept its image.
    """

    version: Version
    release: str
    packages: tuple[Package, ...]
    suite: str
    complete: bool

    @property
    def line(self) -> str:
        """The stable series, such as ``6.1``."""
        return self.version.line

    @property
    def package_version(self) -> str:
        """Debian's version, such as ``6.1.192-2``."""
        return self.packages[0].version

    @property
    def name(self) -> str:
        """Release and package version: names one build for ever, and its place in the cache."""
        return f"{self.release}_{self.package_version}"

    @property
    def size(self) -> int:
        """Bytes to download."""
        return sum(package.size for package in self.packages)

    def to_json(self) -> dict[str, Any]:
        """A form that :meth:`from_json` reads."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Available:
        """Read what :meth:`to_json` wrote."""
        packages = tuple(Package(**package) for package in data["packages"])
        return cls(**{**data, "version": Version(**data["version"]), "packages": packages})


def sane(release: str, packages: Iterable[Package]) -> bool:
    """Whether these are packages of kernel *release*: names and versions that are nothing but that."""
    names = [_NAME.fullmatch(package.name) for package in packages]
    return all(name is not None and name["release"] == release for name in names) and all(
        _VERSION.fullmatch(package.version) for package in packages
    )


def read_packages(show: str) -> Iterator[Package]:
    """Packages in the output of ``apt-cache show``."""
    for stanza in show.split("\n\n"):
        fields = dict(re.findall(r"^(Package|Version|Size|SHA256): (.+)$", stanza, re.MULTILINE))
        if len(fields) == 4:
            yield Package(fields["Package"], fields["Version"], int(fields["Size"]), fields["SHA256"])


def read_suites(madison: str) -> dict[tuple[str, str], str]:
    """The suite of each (name, version) in the output of ``apt-cache madison``; the first of several."""
    suites: dict[tuple[str, str], str] = {}
    for line in madison.splitlines():
        name, version, source = (part.strip() for part in line.split("|", 2))
        suites.setdefault((name, version), source.split(" ")[1].partition("/")[0])
    return suites


def assemble(packages: Iterable[Package], suites: dict[tuple[str, str], str]) -> tuple[Available, ...]:
    """Put packages together to kernels, newest first; complete ones before others of their version."""
    parts: dict[tuple[str, str], dict[str, Package]] = {}
    for package in packages:
        if match := _NAME.fullmatch(package.name):
            parts.setdefault((match["release"], package.version), {})[match["part"]] = package
    kernels = [
        kernel
        for (release, version), found in parts.items()
        if (kernel := _kernel(release, version, found, suites))
    ]
    return tuple(sorted(kernels, key=_newness, reverse=True))


def _kernel(
    release: str, version: str, found: dict[str, Package], suites: dict[tuple[str, str], str]
) -> Available | None:
    image, binary, modules = found.get("image"), found.get("binary"), found.get("modules")
    if binary:
        packages, complete = ((binary, modules) if modules else (binary,)), modules is not None
    elif image and image.size >= _SMALLEST_IMAGE:
        packages, complete = (image,), True
    else:
        return None
    suite = suites.get((packages[0].name, version), "")
    return Available(Version.parse(version), release, packages, suite, complete)


def _newness(kernel: Available) -> tuple[Version, bool, tuple[object, ...]]:
    return kernel.version, kernel.complete, debian_key(kernel.package_version)


def means(spec: str, version: Version, release: str, package_version: str) -> bool:
    """Whether *spec* names this kernel: its line, its version, its release or its package version."""
    return spec in {version.line, str(version), str(version).replace("-rc", "~rc"), release, package_version}


def matching(spec: str, kernels: Iterable[Available]) -> tuple[Available, ...]:
    """The kernels that *spec* means, in the order to try them: complete ones first, each group newest first.

    ``latest`` is the newest line that has a release; a candidate (7.3-rc7) is only had by asking for its
    line.
    """
    every = tuple(kernels)
    if spec == "latest":
        lines = [kernel.line for kernel in every if not kernel.version.rc and kernel.complete]
        spec = lines[0] if lines else spec
    found = [
        kernel for kernel in every if means(spec, kernel.version, kernel.release, kernel.package_version)
    ]
    return tuple(sorted(found, key=lambda kernel: not kernel.complete))


def lines(kernels: Iterable[Available]) -> tuple[str, ...]:
    """The lines among *kernels*, oldest first."""
    found = {Version(kernel.version.major, kernel.version.minor) for kernel in kernels}
    return tuple(map(str, sorted(found)))


def unknown(spec: str, kernels: Sequence[Available]) -> KernelError:
    """The error for a spec that means no kernel of the archive; names what there is nearby."""
    try:
        line = Version.parse(spec).line
    except UsageError:
        line = ""
    near = [str(kernel.version) for kernel in kernels if kernel.line == line]
    have = ", ".join(dict.fromkeys(near)) if near else ", ".join(lines(kernels))
    return KernelError(
        f"no such kernel in the archive ({spec})",
        where="kernels",
        hint=f"it has {have}; or give the path of an image" if have else "give the path of an image",
    )
