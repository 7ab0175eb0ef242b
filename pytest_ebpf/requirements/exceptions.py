"""What a program names to be called when it throws (``__exception_cb``).

Source: ``bpf_prog_assign_exc_cb`` of libbpf 1.7, which appends the function to the program.
"""

from __future__ import annotations

from pytest_ebpf.btf import Btf, DeclTag, Func

_PREFIX = "exception_callback:"
_DECL_TAG = 17  # BTF_KIND_DECL_TAG


def callbacks(btf: Btf | None) -> dict[str, str]:
    """By program, the function that its tag names; of several the first."""
    found: dict[str, str] = {}
    for type_id in range(1, len(btf)) if btf else ():
        assert btf
        tag = btf.type(type_id) if btf.kind(type_id) == _DECL_TAG else None
        if not isinstance(tag, DeclTag) or tag.component != -1 or not tag.name.startswith(_PREFIX):
            continue
        program = btf.type(tag.type_id)
        if isinstance(program, Func):
            found.setdefault(program.name, tag.name.removeprefix(_PREFIX))
    return found
