"""A byte stream turned into calls on the guest agent. See ``docs/protocol.md``."""

from pytest_ebpf.guest.client import CallError, Guest, Hello, Ticket
from pytest_ebpf.guest.wire import Stream

__all__ = ["CallError", "Guest", "Hello", "Stream", "Ticket"]
