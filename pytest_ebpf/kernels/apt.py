"""Ask apt for kernels, as an ordinary user, in folders of our own. The only module that runs apt."""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_ebpf import process
from pytest_ebpf.errors import KernelError, ToolError
from pytest_ebpf.kernels import catalog, sources
from pytest_ebpf.kernels.cache import remove
from pytest_ebpf.kernels.catalog import Available, Package

_UNFETCHED: Final = re.compile(
    r"^[WE]: Failed to fetch \S+/dists/([^/\s]+)/\S+\s+(.+?)(?: \[IP:.*)?$", re.MULTILINE
)
_REFUSED: Final = re.compile(r"^E: The repository '\S+ (\S+) (?:In)?Release' (.+)$", re.MULTILINE)
_GONE: Final = re.compile(r"\b404\b|was not found|Unable to locate package|no candidate")
_ERROR: Final = re.compile(r"^E: (.+?)(?: \[IP:.*)?$", re.MULTILINE)

#: Seconds. apt has time limits of its own for a network that is silent; these end an apt that hangs.
_FETCH: Final = 900.0
_QUERY: Final = 60.0


class PackageGoneError(KernelError):
    """The index lists a package whose file is no longer in the archive."""


@dataclass(frozen=True)
class Index:
    """What the archive offered at *fetched* (seconds since the epoch), newest first."""

    kernels: tuple[Available, ...]
    fetched: float

    @property
    def age(self) -> float:
        """Seconds since it was fetched."""
        return time.time() - self.fetched


class Apt:
    """apt with its state below *folder*. Its methods that change it are called under the store's lock."""

    def __init__(self, folder: Path, *, say: Callable[[str], None]) -> None:
        self._folder = folder
        self._say = say

    def index(self) -> Index | None:
        """The index as last fetched, None if it never was. Reads one small file."""
        try:
            data = json.loads((self._folder / "index.json").read_text())
            return Index(tuple(map(Available.from_json, data["kernels"])), data["fetched"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def update(self) -> Index:
        """Fetch the signed indices of all suites (about 30 MB) and keep the kernels in them.

        A suite that the mirror does not carry is told of and passed over. :class:`KernelError` when no kernel
        can be seen.
        """
        self._say("reading the index of kernels from the archive")
        roots = self.archives()
        self._prepare()
        security = roots.security[0] if roots.security else None
        reason = "it lists no cloud kernel"
        for main in roots.main or (None,):
            text = sources.sources_list(main, security)
            (self._folder / "sources.list").write_text(text)
            done = self._run("apt-get", "update", timeout=_FETCH)
            reasons = failures(done.stderr)
            kernels = () if len(reasons) >= len(text.splitlines()) else self._query()
            if kernels:
                for suite, reason in reasons.items():
                    self._say(f"the archive does not give suite {suite} ({reason})")
                return self._keep(Index(kernels, time.time()))
            reason = next(iter([*reasons.values(), *_ERROR.findall(done.stderr)]), reason)
        raise KernelError(
            f"the index of the archive cannot be read ({reason})",
            where="apt",
            hint="check the network and that `apt-get update` works, or give the path of a kernel image",
        )

    def download(self, package: Package, into: Path) -> Path:
        """Fetch *package* to folder *into*, its signature chain checked by apt, and its sha256 again.

        :class:`PackageGoneError` when the archive no longer has it; :class:`KernelError` for all else.
        """
        self._prepare()
        wanted = f"{package.name}={package.version}"
        done = self._run("apt-get", "download", wanted, timeout=_FETCH, cwd=into)
        if done.status:
            reason = next(iter(_ERROR.findall(done.stderr)), f"apt-get ended with status {done.status}")
            if _GONE.search(done.stderr):
                raise PackageGoneError(f"{wanted} is no longer in the archive", where="apt")
            hint = "check the network and the space on the disk; cached kernels still work"
            raise KernelError(f"{wanted} cannot be fetched ({reason})", where="apt", hint=hint)
        (file,) = into.glob(f"{package.name}_*.deb")
        with file.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        if digest != package.sha256:
            raise KernelError(
                f"{file.name} is not the file expected (sha256 {digest}, not {package.sha256})",
                where="apt",
                hint="fetch it again; if that stays so, the mirror is damaged",
            )
        return file

    def clear(self) -> int:
        """Remove the index and all that apt keeps, and return how many bytes that frees."""
        return remove(self._folder)

    def archives(self) -> sources.Roots:
        """The archives of Debian that this machine is configured for; :class:`KernelError` without any."""
        done = _run("apt-get", "update", "--print-uris", timeout=_QUERY)
        if done.status:
            reason = next(iter(_ERROR.findall(done.stderr)), f"apt-get ended with status {done.status}")
            raise KernelError(
                f"the machine's sources cannot be read ({reason})",
                where="apt",
                hint="make `apt-get update` work, or give the path of a kernel image",
            )
        return sources.read_roots(done.stdout)

    def _query(self) -> tuple[Available, ...]:
        found = self._run("apt-cache", "search", "--names-only", catalog.PACKAGES, timeout=_QUERY).stdout
        names = [line.split(" ", 1)[0] for line in found.splitlines()]
        if not names:
            return ()
        show = self._run("apt-cache", "show", *names, timeout=_QUERY).stdout
        madison = self._run("apt-cache", "madison", *names, timeout=_QUERY).stdout
        return catalog.assemble(catalog.read_packages(show), catalog.read_suites(madison))

    def _keep(self, index: Index) -> Index:
        text = json.dumps(
            {"fetched": index.fetched, "kernels": [kernel.to_json() for kernel in index.kernels]}
        )
        new = self._folder / "index.json.new"
        new.write_text(text)
        new.replace(self._folder / "index.json")
        return index

    def _prepare(self) -> None:
        for part in ("state/lists/partial", "cache/archives/partial"):
            (self._folder / part).mkdir(parents=True, exist_ok=True)
        conf = sources.apt_conf(self._folder, root_user=os.geteuid() == 0)
        (self._folder / "apt.conf").write_text(conf)
        if not sources.KEYRING.exists():
            raise KernelError(
                f"the keys of Debian's archive are not there ({sources.KEYRING})",
                where="apt",
                hint="install the package debian-archive-keyring",
            )

    def _run(self, tool: str, *words: str, timeout: float, cwd: Path | None = None) -> process.Completed:
        return _run(tool, "-c", str(self._folder / "apt.conf"), *words, timeout=timeout, cwd=cwd)


def _run(tool: str, *words: str, timeout: float, cwd: Path | None = None) -> process.Completed:
    try:
        return process.run([tool, *words], timeout=timeout, cwd=cwd, env={"LC_ALL": "C"})
    except ToolError as error:
        raise KernelError(
            f"kernels are fetched through apt ({error})",
            where="apt",
            hint="or give the path of a kernel image",
        ) from error


def failures(stderr: str) -> dict[str, str]:
    """The suites that ``apt-get update`` could not read, each with apt's reason."""
    found = {suite: reason.rstrip(".") for suite, reason in _UNFETCHED.findall(stderr)}
    return found | {suite: reason.rstrip(".") for suite, reason in _REFUSED.findall(stderr)}
