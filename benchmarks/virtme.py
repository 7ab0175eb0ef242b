"""virtme-ng on the very kernels that are tested: what it needs beside the image, and its command line.

Debian's cloud kernels have no 9p, so that the host's file system goes over virtio-fs, which is also the
faster way. A Debian release without the package virtiofsd is given the next one's, with the libraries it
was built for beside it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_ebpf import paths, process
from pytest_ebpf.kernels import Kernel
from pytest_ebpf.kernels.apt import Apt

_INSTALL: Final = "install what virtme-ng needs: apt-get install busybox-static kmod udev"

#: Where virtme-ng looks for virtiofsd itself.
_PLACES: Final = ("/usr/libexec/virtiofsd", "/usr/lib/virtiofsd")

_SUITE: Final = "trixie"
_VIRTIOFSD: Final = ("virtiofsd", "libc6", "libcap-ng0", "libgcc-s1", "libseccomp2")
_WRAPPER: Final = """\
#!/bin/sh
exec {root}/usr/lib64/ld-linux-x86-64.so.2 --library-path {root}/usr/lib/x86_64-linux-gnu \\
    {root}/usr/libexec/virtiofsd "$@"
"""


@dataclass(frozen=True)
class Command:
    """A command line and the environment to run it in."""

    argv: tuple[str, ...]
    environment: dict[str, str]


def command(kernel: Kernel, guest_command: str) -> Command:
    """Return the call of virtme-ng that runs *guest_command* on *kernel*, without KVM as our machines are."""
    for tool in ("busybox", "depmod", "udevadm"):
        process.find([tool], hint=_INSTALL)
    tools = Path(sys.executable).parent
    folders = [str(tools), *_virtiofsd_folder(), os.environ["PATH"]]
    argv = (str(tools / "vng"), "--disable-kvm", "--run", str(_image(kernel)), "--", guest_command)
    return Command(argv, {**os.environ, "PATH": ":".join(folders)})


def _image(kernel: Kernel) -> Path:
    """Return the image in the unpacked packages: virtme-ng takes the modules from the tree around it."""
    tree = paths.cache_root() / "bench" / kernel.release
    if not tree.is_dir():
        apt = Apt(paths.cache_root() / "apt", say=print)
        draft = _draft(tree)
        for package in kernel.packages:
            _unpack(apt.download(package, draft), draft)
        draft.rename(tree)
    images = [*tree.glob("boot/vmlinuz-*"), *tree.glob("usr/lib/modules/*/vmlinuz")]
    return images[0]


def _virtiofsd_folder() -> list[str]:
    """Return the folder to add to ``PATH``, none where the host has its own."""
    if shutil.which("virtiofsd") or any(map(os.path.exists, _PLACES)):
        return []
    root = paths.cache_root() / "bench" / "virtiofsd"
    if not root.is_dir():
        draft = _draft(root)
        configuration = paths.cache_root() / "apt" / "apt.conf"
        words = [f"{name}/{_SUITE}" for name in _VIRTIOFSD]
        subprocess.run(
            ["apt-get", "-c", configuration, "-q", "download", *words], cwd=draft, check=True, timeout=300
        )
        for deb in draft.glob("*.deb"):
            _unpack(deb, draft)
        wrapper = draft / "bin" / "virtiofsd"
        wrapper.parent.mkdir()
        wrapper.write_text(_WRAPPER.format(root=root))
        wrapper.chmod(0o755)
        draft.rename(root)
    return [str(root / "bin")]


def _draft(folder: Path) -> Path:
    """Make a folder to fill and rename to *folder*; one that was left half full goes."""
    draft = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    return draft


def _unpack(deb: Path, into: Path) -> None:
    subprocess.run(["dpkg-deb", "--extract", deb, into], check=True, timeout=300)
    deb.unlink()
