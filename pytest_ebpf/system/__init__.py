"""The guest as a machine that a test drives: commands, processes, sockets, files."""

from pytest_ebpf.system.commands import Command, Completed
from pytest_ebpf.system.files import Files
from pytest_ebpf.system.identity import Capability
from pytest_ebpf.system.processes import Process, Stat
from pytest_ebpf.system.sockets import Socket
from pytest_ebpf.system.system import System
from pytest_ebpf.system.waiting import until

__all__ = ["Capability", "Command", "Completed", "Files", "Process", "Socket", "Stat", "System", "until"]
