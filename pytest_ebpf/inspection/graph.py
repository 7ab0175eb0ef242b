"""Control flow as a picture: basic blocks with their source lines, in the language of graphviz."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pytest_ebpf import process
from pytest_ebpf.errors import ToolError
from pytest_ebpf.inspection.opened import Inspection
from pytest_ebpf.objects.code import Function
from pytest_ebpf.objects.instructions import CALL, HELPER, SIZE, Instruction
from pytest_ebpf.requirements.blocks import block_starts, falls_through, is_jump, jump_target
from pytest_ebpf.requirements.helpers import helper_name

#: Seconds for graphviz.
_TIMEOUT: Final = 60.0

#: Source lines that a block shows, and characters of each.
_LINES: Final = 8
_WIDTH: Final = 72

_ESCAPES: Final = str.maketrans({"\\": "\\\\", '"': '\\"'})


@dataclass(frozen=True)
class Block:
    """Instructions *first* to *last* of a function, which run one after the other.

    *successors* are the first instructions of the blocks that may come next, each with what decides:
    ``taken``, ``not taken``, or nothing. *lines* are the source lines in their order, each once.
    *helpers* are the kernel's functions that it calls by number.
    """

    first: int
    last: int
    successors: tuple[tuple[int, str], ...]
    lines: tuple[str, ...]
    helpers: tuple[str, ...]


def blocks(inspection: Inspection, function: Function) -> tuple[Block, ...]:
    """The basic blocks of *function* in their order, whether control ever comes to them or not."""
    instructions = inspection.linker.body(function).instructions
    starts = sorted({0, *(each for each in block_starts(instructions) if 0 <= each < len(instructions))})
    ends = [*(start - 1 for start in starts[1:]), len(instructions) - 1]
    return tuple(
        Block(
            first=first,
            last=last,
            successors=tuple(_successors(instructions, last)),
            lines=tuple(_lines(inspection, function, first, last)),
            helpers=tuple(_helpers(instructions[first : last + 1])),
        )
        for first, last in zip(starts, ends, strict=True)
    )


def _successors(instructions: Sequence[Instruction], last: int) -> Iterator[tuple[int, str]]:
    """Where control goes behind instruction *last*; jumps out of the function, which no kernel takes, end."""
    instruction = instructions[last]
    target = jump_target(last, instruction) if is_jump(instruction) else None
    conditional = target is not None and falls_through(instruction)
    if target is not None and 0 <= target < len(instructions):
        yield target, "taken" if conditional else ""
    if falls_through(instruction) and last + 1 < len(instructions):
        yield last + 1, "not taken" if conditional else ""


def _lines(inspection: Inspection, function: Function, first: int, last: int) -> Iterator[str]:
    seen = set()
    for index in range(first, last + 1):
        source = inspection.linker.line(function, index)
        if source and (source.file, source.line) not in seen:
            seen.add((source.file, source.line))
            text = source.quoted
            yield text if len(text) <= _WIDTH else text[: _WIDTH - 3] + "..."


def _helpers(instructions: Sequence[Instruction]) -> Iterator[str]:
    for each in instructions:
        if each.code == CALL and each.src == HELPER:
            yield helper_name(each.immediate)


def to_dot(inspection: Inspection, program: str | None = None) -> str:
    """The control flow of *program* and of the functions it calls, or of all functions, as dot text."""
    functions = inspection.functions(program)
    places = {(each.section.index, each.start): number for number, each in enumerate(functions)}
    name = program or inspection.path.name
    text = [
        f"digraph {_quoted(name)} {{",
        '  node [shape=box, fontname="monospace", fontsize=10];',
        '  edge [fontname="monospace", fontsize=9];',
    ]
    firsts = []
    for number, function in enumerate(functions):
        found = blocks(inspection, function)
        firsts.append([each.first for each in found])
        text += [f"  {line}" for line in _cluster(number, function, found)]
    for number, function in enumerate(functions):
        for call in inspection.linker.code.calls(function):
            callee = places.get((call.callee.section.index, call.callee.start))
            index = (call.offset - function.start) // SIZE
            first = firsts[number][bisect_right(firsts[number], index) - 1]
            label = "callback" if call.is_callback else "call"
            if callee is not None:
                text.append(f'  f{number}_{first} -> f{callee}_0 [style=dashed, label="{label}"];')
    return "\n".join([*text, "}"])


def _cluster(number: int, function: Function, found: Sequence[Block]) -> Iterator[str]:
    yield f"subgraph cluster_{number} {{"
    yield f"  label={_quoted(f'{function.name} ({function.section.name})')};"
    for each in found:
        yield f"  f{number}_{each.first} [label={_label(each)}];"
    for each in found:
        for target, decides in each.successors:
            attributes = f' [label="{decides}"]' if decides else ""
            yield f"  f{number}_{each.first} -> f{number}_{target}{attributes};"
    yield "}"


def _label(block: Block) -> str:
    """Left-justified lines: the instructions, the source, the helpers."""
    one = block.first == block.last
    count = f"instruction {block.first}" if one else f"instructions {block.first} to {block.last}"
    shown = list(block.lines[:_LINES])
    if len(block.lines) > _LINES:
        shown.append(f"and {len(block.lines) - _LINES} more lines")
    rows = [count, *shown, *(f"calls {each}" for each in dict.fromkeys(block.helpers))]
    return '"' + "".join(_escaped(row) + "\\l" for row in rows) + '"'


def _escaped(text: str) -> str:
    """*text* within the quotation marks of a string of dot, where backslashes begin escapes."""
    return "".join(each if each.isprintable() else " " for each in text).translate(_ESCAPES)


def _quoted(text: str) -> str:
    return f'"{_escaped(text)}"'


def to_svg(dot: str) -> str:
    """The picture as SVG; :class:`ToolError` if graphviz is missing, fails, or takes too long.

    It takes a second for some hundred blocks, and minutes for thousands.
    """
    tool = process.find(["dot"], hint="apt-get install graphviz, or take --graph dot")
    try:
        done = process.run([tool, "-Tsvg"], timeout=_TIMEOUT, stdin=dot)
    except ToolError as error:
        hint = "take --program for a smaller picture, or --graph dot"
        raise ToolError(error.what, hint=hint) from error
    if done.status != 0:
        said = (done.stderr.strip().splitlines() or [f"status {done.status}"])[0]
        raise ToolError(f"dot: {said}", hint="take --graph dot")
    return done.stdout
