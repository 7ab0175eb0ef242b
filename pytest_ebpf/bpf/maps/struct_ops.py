"""Maps of struct_ops: tables of programs that a part of the kernel calls, a congestion control for one."""

from __future__ import annotations

from pytest_ebpf.bpf.attach_rows import Held
from pytest_ebpf.bpf.links import AgentLink, Link
from pytest_ebpf.bpf.maps.base import Map, MapSpec
from pytest_ebpf.errors import AttachError
from pytest_ebpf.guest import CallError
from pytest_ebpf.uapi import MapFlag


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

    def _register(self) -> Held:
        guest = self._spec.guest
        try:
            return AgentLink(guest, guest.call("attach_map", map=self.handle)["link"])
        except CallError as error:
            spent = self.links and not self.flags & MapFlag.LINK
            raise AttachError(
                f"cannot attach it: {error.what}",
                where=self._spec.where,
                hint='it was attached before: declare it in SEC(".struct_ops.link")' if spent else None,
                errno=error.errno,
                log=str(error.details.get("log", "")),
            ) from error
