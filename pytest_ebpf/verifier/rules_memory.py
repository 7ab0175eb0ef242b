"""What the verifier says of memory: packets, values of maps, the stack, the context."""

from __future__ import annotations

from typing import Final

from pytest_ebpf.verifier import sentences
from pytest_ebpf.verifier.model import Kind
from pytest_ebpf.verifier.sentences import Rule, rule

_NULL_ARGUMENT = "{it} may be null, and {callee} takes no null"
_CONSTANT = "{callee} takes only a size that is a constant ({reg})"
_ANY_CONSTANT = (
    "give it the most that is needed; what varies goes through bpf_ringbuf_output() or a dynptr (5.19)"
)

MEMORY: Final[tuple[Rule, ...]] = (
    # memory
    rule(
        Kind.PACKET,
        r"invalid access to packet, off=(?P<off>-?\d+) size=(?P<size>\d+), "
        r"REG\(id=(?P<id>\d+),off=-?\d+,r=(?P<r>-?\d+)\)",
        sentences.packet,
    ),
    rule(
        Kind.BOUNDS,
        r"invalid access to map (?P<what>value|key), (?:value|key)_size=(?P<whole>\d+) "
        r"off=(?P<off>-?\d+) size=(?P<size>\d+)",
        sentences.memory("a map value"),
        "memory",
    ),
    rule(
        Kind.BOUNDS,
        r"invalid access to memory, mem_size=(?P<whole>\d+) off=(?P<off>-?\d+) size=(?P<size>\d+)",
        sentences.memory("memory"),
        "memory",
    ),
    rule(
        Kind.LENGTH, r"REG unbounded size, use|REG is not a (?:known )?const", _CONSTANT, advice=_ANY_CONSTANT
    ),
    rule(
        Kind.LENGTH,
        r"REG unbounded memory access, use 'var &= const'",
        "{callee} is given a length that has no upper limit ({reg})",
    ),
    rule(
        Kind.UNBOUNDED,
        r"REG unbounded memory access|REG invalid variable buffer offset",
        "memory is {does} at an offset that has no upper limit",
    ),
    rule(
        Kind.LENGTH,
        r"REG min value is negative, either use unsigned or 'var &= const'",
        "{callee} is given a length that may be negative ({reg})",
    ),
    rule(
        Kind.UNBOUNDED,
        r"REG min value is negative|math between \w+ pointer and register with unbounded min value"
        r"|REG (?:min|max) value is outside|value -?\d+ makes (?P<pointer>\w+) pointer be out of bounds"
        r"|math between \w+ pointer and -?\d+ is not allowed",
        "memory is used at an offset that may be negative or far too large",
        "added",
    ),
    rule(
        Kind.LENGTH,
        r"(?:REG )?invalid zero-sized read",
        "{callee} is given a length that may be 0 ({reg})",
        "length",
    ),
    rule(
        Kind.NULL,
        r"REG (?:pointer )?arithmetic on (?P<type>\w+_or_null_?) prohibited",
        "{it} may be null where a number is added to it",
    ),
    rule(
        Kind.NULL,
        r"REG invalid mem access '(?P<type>\w+_or_null_?)'",
        "{it} may be null where memory is {does} through it",
    ),
    rule(Kind.NULL, r"REG type=(?P<type>\w+_or_null_?) expected=", _NULL_ARGUMENT),
    rule(Kind.NULL, r"NULL pointer passed to (?:trusted|helper) (?:arg#?(?P<arg>\d+)|REG)", _NULL_ARGUMENT),
    rule(
        Kind.NO_POINTER,
        r"REG invalid mem access '(?P<type>inv|scalar)'",
        "{it} is a number, and memory is {does} through it",
    ),
    rule(Kind.POINTER, r"REG invalid mem access '(?P<type>\w+)'", sentences.not_memory),
    rule(
        Kind.STACK_ACCESS,
        r"invalid variable-offset (?:indirect )?(?:read from|write to|access to) stack REG"
        r"|variable stack access var_off="
        r"|variable offset stack pointer cannot be passed"
        r"|(?:invalid )?unbounded (?:variable-offset )?(?:indirect )?(?:\w+ )+stack REG",
        "the stack is {does} at an offset that may lie outside it",
        "memory",
    ),
    rule(
        Kind.UNINITIALISED,
        r"invalid (?:indirect )?(?:read from|access to) stack "
        r"(?:REG )?(?:off )?(?:var_off )?-?\d+\+\d+ size \d+",
        "bytes of the stack are {does} that were never written",
    ),
    rule(
        Kind.BUFFER,
        r"invalid indirect access to stack REG off=(?P<off>-?\d+) size=(?P<size>\d+)"
        r"|invalid stack type REG off=(?P<old>-?\d+) access_size=(?P<old_size>\d+)",
        lambda found: sentences.stack(sentences.aged(found)),
    ),
    rule(
        Kind.BUFFER,
        r"invalid (?:read from|write to) stack REG off=(?P<off>-?\d+) size=(?P<size>\d+)",
        sentences.stack,
        at_call=True,
    ),
    rule(
        Kind.STACK_ACCESS,
        r"invalid (?:read from|write to|access to) stack (?:REG )?off=(?P<off>-?\d+) size=(?P<size>\d+)",
        sentences.stack,
    ),
    rule(
        Kind.ALIGNMENT,
        r"misaligned (?P<what>[\w ]+) access",
        "memory ({what}) is {does} at an address that is no multiple of the size",
    ),
    rule(
        Kind.STACK_ACCESS,
        r"attempt to corrupt spilled pointer on stack|corrupted spill memory",
        "a pointer that is kept on the stack is partly overwritten",
    ),
    rule(
        Kind.CONTEXT,
        r"func '(?P<function>\w+)' doesn't have \d+-th argument",
        "{function} has fewer arguments than are read here",
        "memory",
        advice="read no more arguments than this kernel's function has",
    ),
    rule(
        Kind.CONTEXT,
        r"invalid bpf_context access off=(?P<off>-?\d+) size=(?P<size>\d+)",
        "{count} at offset {off} of the context cannot be {does} by programs of this type",
        "memory",
    ),
    rule(
        Kind.BOUNDS,
        r"REG invalid (?P<type>\w+) access off=(?P<off>-?\d+) size=(?P<size>\d+)",
        "{count} at offset {off} cannot be {does} there: {words}",
        advice="use the fields by name, and those that programs of this type may",
    ),
    rule(
        Kind.CONTEXT,
        r"variable ctx access",
        "the context is {does} at an offset that is not constant",
        "memory",
    ),
    rule(
        Kind.ARGUMENT,
        r"REG must have zero offset when passed to release func|dereference of modified \w*mem ptr REG",
        "{it} was moved before it is given to {callee}, which takes it as it was returned",
        advice="keep the pointer that was returned, and give that",
    ),
    rule(
        Kind.CONTEXT,
        r"dereference of modified (?P<type>\w+) ptr (?:REG|arg#\d+) off=(?P<off>-?\d+) disallowed",
        "{words} is {does}, but was moved by {off} bytes before",
    ),
    rule(
        Kind.READ_ONLY,
        r"write into map forbidden",
        "a constant, or a map that is read-only for programs, is written",
        "memory",
    ),
    rule(
        Kind.READ_ONLY,
        r"REG cannot write into (?P<type>\w+)|cannot write into (?P<place>packet|buffer)"
        r"|only read is supported|REG cannot write",
        "memory is written that programs of this type may only read",
        "memory",
    ),
    rule(
        Kind.READ_ONLY,
        r"BPF_(?:ST|XADD|ATOMIC) (?:stores into|loads from) REG (?P<type>\w+) is not allowed",
        "memory is written in a way that is not allowed there ({words})",
        advice="atomic operations work on maps and global variables: use a plain read and a plain write here",
    ),
    rule(
        Kind.FIELD,
        r"(?P<field>bpf_\w+|kptr) cannot be accessed (?:in)?directly by"
        r"|store to (?:\w+ )?(?P<other>kptr) disallowed",
        sentences.field,
        "memory",
    ),
    rule(
        Kind.FIELD,
        r"REG doesn't have constant offset\. (?P<field>\w+) has to be",
        "a {field} is used at an offset that is not constant ({reg})",
    ),
    rule(
        Kind.NO_POINTER,
        r"REG is ptr_(?P<name>\w+) access (?P<where>user|percpu) memory",
        "{it} leads to {where} memory, which cannot be {does} directly",
        advice="read it by bpf_probe_read_user(), or bpf_per_cpu_ptr() where it is there once for each CPU",
    ),
    rule(
        Kind.BOUNDS,
        r"REG invalid \w+ buffer access: off=(?P<off>-?\d+), size=(?P<size>\d+)",
        "{count} at offset {off} of a buffer cannot be {does}",
    ),
    rule(
        Kind.STRUCT,
        r"REG is (?P<type>\w+) invalid (?:negative access|variable offset)",
        "{words} is {does} at an offset that is negative or not constant",
    ),
    rule(
        Kind.STRUCT,
        r"access beyond (?:the end of member \w+ \(mend:\d+\) in )?struct (?P<name>\w+)",
        "memory behind the end of struct {name}, or of a member of it, is {does}",
        "memory",
    ),
    rule(
        Kind.STRUCT,
        r"cannot access ptr member (?P<member>\w+) with moff \d+ in struct (?P<name>\w+)",
        "{member} of struct {name} is a pointer, of which a part is {does}",
        "memory",
    ),
)
