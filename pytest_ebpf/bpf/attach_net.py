"""Attachments to network devices, network namespaces, cgroups and sockets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pytest_ebpf.bpf.attach_rows import Row

NET_ROWS: Final[Mapping[str, Row]] = {}
