"""Maps of struct_ops: tables of programs that a part of the kernel calls, a congestion control for one."""

from __future__ import annotations

import errno
from typing import Any, Final

from pytest_ebpf.bpf.attaching.links import AgentLink, Link
from pytest_ebpf.bpf.attaching.rows import Held
from pytest_ebpf.bpf.maps.base import Map, MapSpec
from pytest_ebpf.btf import Btf
from pytest_ebpf.errors import AttachError
from pytest_ebpf.guest import CallError
from pytest_ebpf.uapi import MapFlag
from pytest_ebpf.values.by_btf import Values

#: The kernel's types, and more than they take (3 to 6 MB).
_KERNEL_BTF: Final = "/sys/kernel/btf/vmlinux"
_LIMIT: Final = 32 << 20

#: There is one element, with this key.
_FIRST: Final = bytes(4)


class StructOpsMap(Map):
    """A map of struct_ops; *links* are its attachments so far, also those that were ended."""

    def __init__(self, spec: MapSpec) -> None:
        super().__init__(spec)
        self.links: list[Link] = []

    def attach(self) -> Link:
        """Register it with the part of the kernel that it is for, and return the link.

        :class:`~pytest_ebpf.errors.AttachError` if that does not take it. A map of a section
        ``.struct_ops``, not ``.struct_ops.link``, is registered once and for all: after its link was
        detached it cannot be attached again.
        """
        link = Link(self._spec.guest, self._spec.where, self._register)
        self.links.append(link.attach())
        return link

    @property
    def value(self) -> Any:
        """What the kernel holds: ``data`` are the operations, functions by their programs' ids.

        Beside them it tells how often they are in use, and their state. Its types are read for this, which
        takes up to a second.
        """
        info = self.info()
        types = Btf.parse(self._spec.guest.call("read_file", path=_KERNEL_BTF, limit=_LIMIT))
        codec = Values(types).codec(info.kernel_value_type)
        (data,) = self._call("lookup", keys=[_FIRST])
        return codec.decode(data, 0)

    def _register(self) -> Held:
        guest = self._spec.guest
        try:
            return AgentLink(guest, guest.call("attach_map", map=self.handle)["link"])
        except CallError as error:
            what, hint = f"cannot attach it: {error.what}", None
            if any(link.attached for link in self.links):
                what, hint = "is attached already", "detach() that link first"
            elif error.errno == errno.EEXIST:
                what, hint = "another of its name is there", "detach that first, or give it another name"
            elif self.links and not self.flags & MapFlag.LINK:
                hint = 'it was attached before: declare it in SEC(".struct_ops.link")'
            log = str(error.details.get("log", ""))
            raise AttachError(what, where=self._spec.where, hint=hint, errno=error.errno, log=log) from error
