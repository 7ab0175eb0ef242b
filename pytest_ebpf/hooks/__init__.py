"""The places a program can be hooked to, and how it gets there."""

from pytest_ebpf.hooks.attachments import SETTINGS, Attachment, Setting, attachment
from pytest_ebpf.hooks.kinds import KINDS, Hook, HookKind, parse, verdicts

__all__ = [
    "KINDS",
    "SETTINGS",
    "Attachment",
    "Hook",
    "HookKind",
    "Setting",
    "attachment",
    "parse",
    "verdicts",
]
