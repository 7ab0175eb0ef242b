"""From instructions, as the verifier counts them, to source lines: by ``.BTF.ext`` and the files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_ebpf.elf import Elf
from pytest_ebpf.objects import ObjectFacts
from pytest_ebpf.objects.code import read_ext
from pytest_ebpf.objects.instructions import features
from pytest_ebpf.requirements.linked import Body, Linker
from pytest_ebpf.requirements.model import FunctionFacts, shown_file
from pytest_ebpf.verifier.model import Place

#: Lines that are shown on either side.
_AROUND: Final = 2

#: A build folder is at most so many levels below the sources.
_LEVELS: Final = 5

#: Bytes of a source file that are read.
_LARGEST: Final = 4 << 20


@dataclass(frozen=True)
class Sources:
    """The source of one program. *places* are by instruction; *texts* what is known of lines, by file.

    *features* are the kinds of its instructions that not every kernel knows.
    """

    functions: tuple[FunctionFacts, ...]
    places: Sequence[Place | None]
    texts: Mapping[str, Mapping[int, str]]
    features: frozenset[str] = frozenset()

    def place(self, instruction: int) -> Place | None:
        """The line of *instruction*, None if the object does not tell."""
        return self.places[instruction] if 0 <= instruction < len(self.places) else None

    def neighbours(self, place: Place) -> tuple[tuple[int, str | None], ...]:
        """The lines around *place*, numbered."""
        texts = self.texts.get(place.file, {})
        if texts.get(place.line, "").strip() != place.text:
            texts = {}  # another file of that name
        first = max(place.line - _AROUND, 1)
        around = {line: texts.get(line) for line in range(first, place.line + _AROUND + 1)}
        around[place.line] = texts.get(place.line, place.text)
        known = [line for line, text in around.items() if text is not None]
        return tuple((line, text) for line, text in around.items() if line <= max(known))


def sources_of(data: bytes, facts: ObjectFacts, program: str) -> Sources | None:
    """The source of *program* in the object *data*, of which *facts* tell; None if it is not in there.

    :class:`~pytest_ebpf.errors.ObjectError` if the object is damaged.
    """
    elf = Elf.read(data)
    ext = read_ext(elf, facts.btf)
    linker = Linker(elf, facts.btf, ext)
    function = next((each for each in linker.code.program_functions() if each.name == program), None)
    if function is None:
        return None
    code, bodies = linker.link(function)
    texts: dict[str, dict[int, str]] = {}
    for line in ext.lines if ext else ():
        texts.setdefault(line.file, {})[line.line] = line.text
    places = [place for body in bodies for place in _places(linker, body)]
    whole = {shown_file(file): _read(file, lines, facts.path) or lines for file, lines in texts.items()}
    used = {name for body in bodies for each in body.instructions for name in features(each)}
    return Sources(code.functions, places, whole, frozenset(used))


def _places(linker: Linker, body: Body) -> Iterator[Place | None]:
    """The lines of the instructions of *body*; the compiler's own have line 0 and count to those before."""
    place: Place | None = None
    for index in range(len(body.instructions)):
        source = linker.line(body.function, index)
        if source and source.line:
            place = Place(shown_file(source.file), source.line, source.text.strip(), body.function.name)
        yield place


def _read(file: str, lines: Mapping[int, str], built: Path) -> dict[int, str] | None:
    """The lines of *file*, looked for from the folders above the object; None if it is not what was built."""
    for folder in (Path(), *list(built.absolute().parents)[:_LEVELS]):
        path = folder / file
        try:
            if not path.is_file() or path.stat().st_size > _LARGEST:
                continue
            found = dict(enumerate(path.read_text(errors="replace").splitlines(), 1))
        except OSError:
            continue
        if all(found.get(line, "").strip() == text.strip() for line, text in lines.items() if text):
            return found
    return None
