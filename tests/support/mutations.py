"""What happens to bytes on their way: some are others, some are missing, some are there twice."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager

from hypothesis import strategies as st

#: Numbers that readers stumble over: nothing, the signs' edges, the largest, and off by one.
_EDGES = st.sampled_from([0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])


@st.composite
def mutated(draw: st.DrawFn, data: bytes) -> bytes:
    """*data* with up to a dozen small wounds, most of the time."""
    if not data or draw(st.integers(0, 40)) == 0:
        return draw(st.binary(max_size=2000))
    wounded = bytearray(data)
    for _ in range(draw(st.integers(0, 12))):
        at = draw(st.integers(0, max(0, len(wounded) - 1)))
        match draw(st.integers(0, 7)):
            case 0 | 1:
                wounded[at : at + 1] = draw(st.binary(min_size=1, max_size=1))
            case 2 | 3:
                wounded[at : at + 4] = struct.pack("<I", draw(_EDGES))
            case 4:
                wounded[at : at + 8] = struct.pack("<Q", draw(st.integers(0, 2**64 - 1)))
            case 5:
                del wounded[at : at + draw(st.integers(1, 64))]
            case 6:
                wounded[at:at] = wounded[at : at + draw(st.integers(1, 64))]
            case 7:
                del wounded[at + draw(st.integers(0, len(wounded))) :]
    return bytes(wounded)


@contextmanager
def only(declared: type[Exception], says: str = "") -> Iterator[None]:
    """Let the *declared* error pass, if its message has *says* in it, and nothing else."""
    said = None
    try:
        yield
    except declared as error:
        said = str(error)
    assert said is None or (said.strip() and says in said), said
