"""For each mistake the first screen names the right line and the right reason, on every kernel.

The mistakes are the programs of tests/vm/data/mistakes, one machine a kernel loads them all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from mistakes import MISTAKES, OBJECTS, Mistake, compiled

from pytest_ebpf.bpf import LoadOptions, load
from pytest_ebpf.errors import EbpfError, LoadError, UnsupportedError
from pytest_ebpf.guest import Guest
from pytest_ebpf.objects import ObjectFacts, read_object

KERNELS = ("5.10", "6.1", "6.12", "6.18", "7.2")

#: Told by other means: the kernel is asked whether it has what the program needs.
PROBED = {"helper_in_future", "helper_of_others", "nowhere"}
TOLD = [each for each in MISTAKES if each.program not in PROBED]


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[bytes, ObjectFacts]]:
    """The mistakes as clang compiles them, by name."""
    folder = tmp_path_factory.mktemp("mistakes")
    built = {name: compiled(name, folder) for name in OBJECTS}
    return {name: (path.read_bytes(), read_object(path)) for name, path in built.items()}


Refused = Callable[[Mistake], EbpfError]


@pytest.fixture
def refused(guest: Guest, objects: dict[str, tuple[bytes, ObjectFacts]]) -> Refused:
    """``refused(mistake)``: the error of loading it."""

    def one(mistake: Mistake) -> EbpfError:
        options = LoadOptions(autoload={mistake.program: True})
        with pytest.raises(EbpfError) as caught:
            load(guest, *objects[mistake.object], name=mistake.object, options=options)
        return caught.value

    return one


def wrong(mistake: Mistake, error: EbpfError) -> Iterator[str]:
    """What is not as it should be in what is told of *mistake*."""
    if not isinstance(error, LoadError):
        yield f"{type(error).__name__}: {error}"
        return
    screen = error.explanation.splitlines()
    if screen[:1] != [mistake.reason] or error.what != mistake.reason:
        yield f"reason: {error.what}"
    if mistake.line and not any(f"{mistake.place}, in " in text for text in screen):
        yield f"place: {error.at}, not {mistake.place}"
    marked = [text.partition(" | ")[2].strip() for text in screen if text.startswith("> ")]
    if marked != [mistake.line] * bool(mistake.line):
        yield f"line: {error.at}"
    if len(screen) > 40:
        yield f"{len(screen)} lines"


def test_the_first_screen(refused, line):
    known = [each for each in TOLD if KERNELS.index(each.since) <= KERNELS.index(line)]
    assert not {each.program: found for each in known if (found := list(wrong(each, refused(each))))}


def test_an_instruction_that_an_old_kernel_does_not_know(guest, line, tmp_path):
    path = compiled("later", tmp_path)
    options = LoadOptions(autoload={"fetches": True})
    if line != KERNELS[0]:
        load(guest, path.read_bytes(), read_object(path), name="later", options=options).close()
        return
    with pytest.raises(UnsupportedError) as caught:
        load(guest, path.read_bytes(), read_object(path), name="later", options=options)
    assert str(caught.value) == (
        "later: fetches: this kernel does not know an instruction of it: atomic_fetch_add "
        "(BPF_STX uses reserved fields); run it on a newer kernel"
    )


def test_there_are_enough():
    assert len([each for each in TOLD if each.since == KERNELS[0]]) >= 20
    assert len({each.kind for each in TOLD}) >= 18
