"""From a spec to a kernel: the cache first, then the lock file or the archive's index, then apt."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from pytest_ebpf import paths
from pytest_ebpf.errors import KernelError, UsageError
from pytest_ebpf.kernels import catalog, lockfile
from pytest_ebpf.kernels.apt import Apt, Index, PackageGoneError
from pytest_ebpf.kernels.cache import Cache, DamagedError
from pytest_ebpf.kernels.catalog import Available
from pytest_ebpf.kernels.kernel import Kernel
from pytest_ebpf.kernels.lockfile import Locked
from pytest_ebpf.kernels.selection import check_spec, is_path

_DAY: Final = 86_400.0
#: Seconds for which an index is as good as one fetched now.
_FRESH: Final = 300.0


def _silent(_message: str) -> None:
    """Say nothing."""


class KernelStore:
    """The user's kernels. *say* is given one line for each thing that takes long or was put right.

    Relative paths of images are from the folder on that was the current one when it was made.
    """

    def __init__(
        self, root: Path | None = None, *, lock: Path | None = None, say: Callable[[str], None] = _silent
    ) -> None:
        root = (root or paths.cache_root()).absolute()  # apt takes relative names from /
        self._cache = Cache(root)
        self._apt = Apt(root / "apt", say=say)
        self._lock_path = lock
        self._say = say
        self._here = Path.cwd()

    def get(self, spec: str, *, verify: bool = False, refresh: bool = False) -> Kernel:
        """The kernel that *spec* means: a line (6.1), a version, a release, ``latest``, a path.

        The lock file decides where it names the spec; else a line is the newest build in the cache, and only
        what is not there is fetched. *refresh* asks the archive for the newest whatever is cached or locked;
        *verify* hashes every file. :class:`KernelError` when the kernel cannot be had, :class:`UsageError`
        for nonsense.
        """
        check_spec(spec, where="kernels")
        if is_path(spec):
            return self._from_path(self._path(spec).resolve(), verify=verify)
        if refresh:
            return self._from_archive(spec, self._index(refresh=True), verify=verify)
        if locked := self._locked(spec):
            return self._from_lock(spec, locked, verify=verify)
        if spec == "latest":
            return self._latest(verify=verify)
        return self._newest_cached(spec, verify=verify) or self._from_archive(
            spec, self._index(), verify=verify
        )

    def cached(self) -> tuple[Kernel, ...]:
        """The kernels in the cache, oldest version first; damaged ones are left out."""
        return tuple(sorted(self._described(), key=lambda kernel: (kernel.version, kernel.release)))

    def has(self, spec: str) -> bool:
        """Whether :meth:`get` gives *spec* without a network: it is in the cache, as locked, or a file."""
        if is_path(spec):
            return self._path(spec).is_file()
        if locked := self._locked(spec):
            return self._cache.has(locked.as_available().name)
        there = [kernel for kernel in self._described() if kernel.packages]
        if spec != "latest":
            return any(_means(spec, kernel) for kernel in there)
        if index := self._apt.index():
            return any(self._cache.has(kernel.name) for kernel in catalog.matching(spec, index.kernels)[:1])
        return any(not kernel.version.rc for kernel in there)

    def clear(self) -> int:
        """Remove every kernel and what apt keeps for them, and return how many bytes that frees."""
        with self._cache.locked(self._say):
            return self._cache.clear() + self._apt.clear()

    def available(self) -> tuple[Available, ...]:
        """What the archive offers, newest first; asked at most once a day.

        Without a network the last index is used, and that is said. :class:`KernelError` when there is none.
        """
        return self._index().kernels

    def _path(self, spec: str) -> Path:
        """The image that *spec* names; :class:`KernelError` where ``~`` is of nobody."""
        try:
            return self._here / Path(spec).expanduser()
        except RuntimeError as error:
            raise KernelError(
                "there is no such home folder", where=spec, hint="write the whole path"
            ) from error

    def _index(self, *, refresh: bool = False) -> Index:
        index = self._apt.index()
        if index and index.age < (_FRESH if refresh else _DAY):
            return index
        with self._cache.locked(self._say):
            index = self._apt.index()  # another process may have been quicker
            if index and index.age < _FRESH:
                return index
            try:
                return self._apt.update()
            except KernelError as error:
                if index is None:
                    raise
                self._say(f"{error.what}; using the index of {index.age / 3600:.0f} hours ago")
                return index

    def _locked(self, spec: str) -> Locked | None:
        return lockfile.read_lock(self._lock_path).get(spec) if self._lock_path else None

    def _described(self) -> Iterator[Kernel]:
        for name in self._cache.names():
            try:
                yield self._cache.describe(name)
            except DamagedError:
                continue

    def _newest_cached(self, spec: str, *, verify: bool) -> Kernel | None:
        found = [kernel for kernel in self._described() if kernel.packages and _means(spec, kernel)]
        if not found:
            return None
        newest = max(found, key=lambda kernel: (kernel.version, kernel.modules is not None))
        loaded = self._load(newest.image.parent.name, verify=verify)
        return self._install(spec, _available(loaded), verify=False) if loaded and loaded.outdated else loaded

    def _latest(self, *, verify: bool) -> Kernel:
        try:
            index = self._index()
        except KernelError:
            releases = [kernel for kernel in self.cached() if kernel.packages and not kernel.version.rc]
            if not releases:
                raise
            self._say(
                f"the archive cannot be asked; the latest kernel in the cache is {releases[-1].version}"
            )
            return self.get(releases[-1].release, verify=verify)
        return self._from_archive("latest", index, verify=verify)

    def _from_archive(self, spec: str, index: Index, *, verify: bool) -> Kernel:
        kernel = self._first_of(spec, index, verify=verify)
        if kernel is None and index.age >= _FRESH:
            index = self._index(refresh=True)
            kernel = self._first_of(spec, index, verify=verify)
        if kernel:
            return kernel
        candidates = catalog.matching(spec, index.kernels)
        if not candidates:
            raise catalog.unknown(spec, index.kernels)
        raise KernelError(
            f"the archive lists {spec} and has none of its files ({candidates[0].package_version})",
            where="kernels",
            hint=f"its lines are {', '.join(catalog.lines(index.kernels))}; choose another",
        )

    def _first_of(self, spec: str, index: Index, *, verify: bool) -> Kernel | None:
        """The first kernel that *spec* means whose packages are really in the archive."""
        for candidate in catalog.matching(spec, index.kernels):
            try:
                return self._install(spec, candidate, verify=verify)
            except PackageGoneError as error:
                self._say(f"{spec}: {error.what}, trying the next")
        return None

    def _from_lock(self, spec: str, locked: Locked, *, verify: bool) -> Kernel:
        wanted = locked.as_available()
        try:
            kernel = self._install(spec, wanted, verify=verify)
        except PackageGoneError:
            self._index(refresh=True)
            try:
                kernel = self._install(spec, wanted, verify=verify)
            except PackageGoneError as error:
                raise KernelError(
                    f"{spec} is locked to {wanted.package_version}, which is no longer in the archive",
                    where=str(self._lock_path),
                    hint=lockfile.AGAIN,
                ) from error
        if kernel.sha256 != locked.image_sha256:
            raise KernelError(
                f"the image of {spec} is not the one locked (sha256 {kernel.sha256})",
                where=str(self._lock_path),
                hint=lockfile.AGAIN,
            )
        return kernel

    def _from_path(self, image: Path, *, verify: bool) -> Kernel:
        try:
            status = image.stat()
        except OSError as error:
            raise KernelError(
                f"no kernel image there ({error.strerror})",
                where=str(image),
                hint="give the path of a bzImage",
            ) from error
        identity = f"{image}:{status.st_size}:{status.st_mtime_ns}"
        name = f"path-{hashlib.sha256(identity.encode()).hexdigest()[:16]}"
        kernel = self._load(name, verify=verify)
        if kernel and not kernel.outdated:
            return kernel
        from pytest_ebpf.kernels import unpack  # noqa: PLC0415 - reads ELF, which is slow to import

        with self._cache.locked(self._say), self._cache.building(name) as folder:
            unpack.from_image(image, folder)
        kernel = self._cache.load(name)
        self._cache.discard_older(kernel)
        return kernel

    def _install(self, spec: str, kernel: Available, *, verify: bool) -> Kernel:
        """The entry for *kernel*, fetched if it is not there or lacks modules that are wanted by now."""
        found = self._load(kernel.name, verify=verify)
        if found and not found.outdated:
            return found
        with self._cache.locked(self._say):
            found = self._load(kernel.name, verify=verify, held=True)
            if found and not found.outdated:
                return found  # fetched by another process while this one waited
            try:
                self._fetch(spec, kernel)
            except KernelError as error:
                if found is None:
                    raise
                self._say(f"{spec}: {error.what}; going on without the modules that are missing in the cache")
                self._cache.postpone(kernel.name)
        return self._cache.load(kernel.name)

    def _fetch(self, spec: str, kernel: Available) -> None:
        from pytest_ebpf.kernels import unpack  # noqa: PLC0415 - reads ELF, which is slow to import

        self._say(f"{spec}: fetching {kernel.release} {kernel.package_version} ({kernel.size / 1e6:.0f} MB)")
        if not kernel.complete:
            self._say(f"{spec}: the archive has the image of {kernel.release} but no longer its modules")
        with self._cache.building(kernel.name) as folder, self._cache.scratch() as scratch:
            debs = [self._apt.download(package, scratch) for package in kernel.packages]
            unpack.from_packages(debs, folder, kernel=kernel, scratch=scratch / "tree")

    def _load(self, name: str, *, verify: bool, held: bool = False) -> Kernel | None:
        """A sound entry, or None; a damaged one is told of and removed."""
        if not self._cache.has(name):
            return None
        try:
            return self._cache.load(name, verify=verify)
        except DamagedError as error:
            if not held:
                with self._cache.locked(self._say):
                    return self._load(name, verify=verify, held=True)
            self._say(f"{name}: damaged in the cache ({error.what}); making it anew")
            self._cache.discard(name)
            return None


def _available(kernel: Kernel) -> Available:
    """What to ask the archive for, to have a kernel of the cache once more."""
    complete = kernel.modules is not None
    return Available(kernel.version, kernel.release, kernel.packages, suite="", complete=complete)


def _means(spec: str, kernel: Kernel) -> bool:
    return catalog.means(spec, kernel.version, kernel.release, kernel.packages[0].version)


def lock_kernels(specs: Sequence[str], store: KernelStore, path: Path) -> dict[str, Kernel]:
    """Fetch the newest build of each of *specs*, write them to the lock file *path*, and return them by spec.

    Paths are left out: what lies on one machine cannot be had by another.
    """
    kernels = {spec: store.get(spec, refresh=True) for spec in dict.fromkeys(specs) if not is_path(spec)}
    if not kernels:
        raise UsageError("no kernel to lock", where=str(path), hint="name lines, such as 6.1")
    entries = {
        spec: Locked(kernel.release, kernel.sha256, kernel.packages) for spec, kernel in kernels.items()
    }
    lockfile.write_lock(path, entries)
    return kernels
