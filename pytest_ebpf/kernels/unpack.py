"""Make a cache entry's files out of Debian packages or of an image. Imported only when one is made."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pytest_ebpf import process
from pytest_ebpf.errors import KernelError, ToolError
from pytest_ebpf.kernels import cache
from pytest_ebpf.kernels.catalog import Available
from pytest_ebpf.kernels.image import extract_btf, read_header, starts_unpacked, unpack
from pytest_ebpf.kernels.modules import Module, closure
from pytest_ebpf.kernels.wanted import WANTED

_UNPACK: Final = 120.0
#: Where ``make bzImage`` leaves it.
_BUILT: Final = ("arch", "x86", "boot")


def from_packages(debs: Sequence[Path], into: Path, *, kernel: Available, scratch: Path) -> None:
    """Fill folder *into* with the kernel in *debs*; they are unpacked below *scratch* (about 110 MB).

    A package's whole tree is unpacked, 0.8 s: quicker than to pick members out of the one xz stream it is.
    """
    for deb in debs:
        _unpack(deb, scratch)
    # Until 6.18 boot/vmlinuz-RELEASE; from 6.19 on usr/lib/modules/RELEASE/vmlinuz.
    images = [*scratch.glob("boot/vmlinuz-*"), *scratch.glob("usr/lib/modules/*/vmlinuz")]
    if len(images) != 1:
        raise KernelError(f"{len(images)} kernel images in the package", where=debs[0].name)
    modules = [*scratch.glob("lib/modules/*/kernel"), *scratch.glob("usr/lib/modules/*/kernel")]
    first = kernel.packages[0]
    _fill(
        into,
        images[0],
        modules=modules[0] if modules else None,
        config=next(scratch.glob("boot/config-*"), None),
        origin=f"debian:{first.name}={first.version}",
        kernel=kernel,
    )


def from_image(image: Path, into: Path) -> None:
    """Fill folder *into* with a copy of *image* and of the modules that are installed for it, if any are."""
    _fill(into, image, modules=None, config=configuration_of(image), origin=f"path:{image}", kernel=None)


def _fill(
    into: Path,
    image: Path,
    *,
    modules: Path | None,
    config: Path | None,
    origin: str,
    kernel: Available | None,
) -> None:
    where = origin.partition(":")[2]
    content = _read(image)
    header = read_header(content, where=where)
    (into / cache.IMAGE).write_bytes(content)
    vmlinux = unpack(content, header, where=where)
    (into / cache.BTF).write_bytes(extract_btf(vmlinux, where=where))
    if starts_unpacked(vmlinux, where=where):
        (into / cache.UNPACKED).write_bytes(vmlinux)
    if config:
        (into / cache.CONFIG).write_bytes(config.read_bytes())
    modules = modules or _installed(image, header.release)
    kept = None if modules is None else _keep_modules(modules, into / cache.MODULES)
    cache.write_facts(
        into,
        release=header.release,
        version=header.version,
        origin=origin,
        packages=kernel.packages if kernel else (),
        depends=None if kept is None else {module.name: module.depends for module in kept},
        aliases={module.name: module.aliases for module in kept or () if module.aliases},
    )


def _installed(image: Path, release: str) -> Path | None:
    """The modules of an installed kernel: ``/boot/vmlinuz-R`` goes with ``/lib/modules/R``."""
    if image.name != f"vmlinuz-{release}":
        return None
    root = image.parent.parent
    folders = (root / prefix / release / "kernel" for prefix in ("lib/modules", "usr/lib/modules"))
    return next((folder for folder in folders if folder.is_dir()), None)


def configuration_of(image: Path) -> Path | None:
    """The configuration beside an installed kernel, or in the tree where it was built."""
    beside = image.with_name(image.name.replace("vmlinuz-", "config-", 1))
    places = [beside] if beside != image else []
    places += [folder / ".config" for folder in image.parents[3:4] if image.parts[-4:-1] == _BUILT]
    return next((place for place in places if place.is_file()), None)


def _keep_modules(tree: Path, into: Path) -> Sequence[Module]:
    found = closure(tree.rglob("*.ko*"), WANTED)
    into.mkdir()
    for module in found.values():
        (into / f"{module.name}.ko").write_bytes(module.data)
    return [module for _, module in sorted(found.items())]


def _read(image: Path) -> bytes:
    try:
        return image.read_bytes()
    except OSError as error:
        raise KernelError(
            f"the image cannot be read ({error.strerror})",
            where=str(image),
            hint="give the path of a bzImage",
        ) from error


def _unpack(deb: Path, into: Path) -> None:
    try:
        done = process.run(["dpkg-deb", "--extract", deb, into], timeout=_UNPACK)
    except ToolError as error:
        raise KernelError(f"packages are unpacked with dpkg-deb ({error})", where=deb.name) from error
    if done.status:
        reason = (done.stderr.strip().splitlines() or [f"status {done.status}"])[-1]
        raise KernelError(
            f"the package cannot be unpacked ({reason})",
            where=deb.name,
            hint="make room on the disk, or set PYTEST_EBPF_CACHE to another folder",
        )
