"""The part of a type's name that CO-RE compares."""

from __future__ import annotations

import re
from typing import Final

_FLAVOUR: Final = re.compile(r"(.*[^_])___[^_]", re.DOTALL)


def essential(name: str) -> str:
    """*name* without its flavour: ``task_struct`` of ``task_struct___old``.

    The last ``___`` between two characters that are no underscores begins the flavour
    (``bpf_core_essential_name_len`` of libbpf's ``relo_core.c``).
    """
    found = _FLAVOUR.match(name) if "___" in name else None
    return found[1] if found else name
