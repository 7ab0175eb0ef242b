"""What the verifier says of the way that programs take, of what they return, and before it looks at them."""

from __future__ import annotations

from typing import Final

from pytest_ebpf.verifier import sentences
from pytest_ebpf.verifier.model import Kind
from pytest_ebpf.verifier.sentences import Rule, rule

_RETURNS = (
    r" the register R0 has (?:value \((?P<value>0x[0-9a-f]+); (?P<mask>0x[0-9a-f]+)\)"
    r"|(?:smin=(?P<least>-?\w+) )?(?:smax=(?P<most>-?\w+) )?(?:unknown scalar value )?)"
    r" ?should have been in (?:\((?P<low>0x[0-9a-f]+); (?P<high>0x[0-9a-f]+)\)"
    r"|\[(?P<from>-?\d+), (?P<to>-?\d+)\])"
)

CONTROL: Final[tuple[Rule, ...]] = (
    # the way of control
    rule(Kind.RETURN, rf"At program exit{_RETURNS}", sentences.returned("the program"), "R0"),
    rule(
        Kind.RETURN,
        rf"At (?:async )?callback(?: return)?{_RETURNS}",
        sentences.returned("the callback"),
        "R0",
        advice="return one of these values, on every way out of the callback",
    ),
    rule(
        Kind.RETURN,
        r"At program exit the register R0 is not a known value",
        "the program returns no number",
        "R0",
    ),
    rule(
        Kind.LEAK,
        r"REG leaks addr (?:as|into|to) (?P<what>.+)",
        "an address of the kernel is given away: {what}",
    ),
    rule(Kind.UNINITIALISED, r"REG !read_ok", sentences.unset),
    rule(Kind.UNREACHABLE, r"unreachable insn (?P<insn>\d+)", "control never comes to instruction {insn}"),
    rule(
        Kind.LOOP,
        r"infinite loop detected at insn (?P<insn>\d+)|back-edge from insn (?P<edge>\d+) to \d+",
        "the loop never ends, as far as the verifier can see",
    ),
    rule(
        Kind.CALLS,
        r"recursive call from (?P<function>\w+)\(\) to (?P<called>\w+)\(\)",
        "{function} calls {called}, which leads back to {function}: recursion",
    ),
    rule(
        Kind.JUMP,
        r"jump out of range from insn (?P<insn>\d+)|last insn is not an exit or jmp",
        "control leaves the program",
    ),
    rule(
        Kind.COMPLEX,
        r"The sequence of (?P<number>\d+) jumps is too complex",
        "there are more than 8192 branches on one way through the program",
    ),
    rule(
        Kind.COMPLEX,
        r"BPF program is too large. Processed (?P<number>\d+) insn",
        "checking the program takes more than 1000000 steps",
    ),
    rule(
        Kind.STACK_DEPTH,
        r"combined stack size of (?P<calls>\d+) calls is (?P<size>\d+)",
        "the stacks of {calls} functions that call each other have more than 512 bytes",
    ),
    rule(
        Kind.STACK_DEPTH,
        r"tail_calls are not allowed when call stack of previous frames is \d+ bytes",
        "a function that makes a tail call is called with more than 256 bytes of stack in use",
    ),
    rule(
        Kind.STACK_DEPTH,
        r"stack size of subprog \d+ is (?P<size>\d+)",
        "a function has a larger stack than it may have where it is called",
    ),
    rule(
        Kind.CALLS,
        r"the call stack of (?P<calls>\d+) frames is too deep(?P<early> !)?",
        sentences.frames,
    ),
    # pointers
    rule(
        Kind.POINTER,
        r"REG pointer arithmetic with (?P<operator>\S+) operator prohibited",
        "{operator} is used on a pointer ({reg})",
    ),
    rule(
        Kind.POINTER,
        r"REG 32-bit pointer arithmetic prohibited",
        "half of a pointer is used for arithmetic ({reg})",
    ),
    rule(
        Kind.POINTER,
        r"REG (?:bitwise operator|pointer) (?P<operator>\S+) (?:on pointer|pointer) prohibited",
        "{operator} is used on a pointer ({reg})",
    ),
    rule(
        Kind.POINTER,
        r"REG pointer arithmetic on (?P<type>\w+) prohibited",
        "a number is added to {reg}, which is {words}",
    ),
    rule(
        Kind.POINTER,
        r"REG pointer (?P<what>arithmetic|comparison) prohibited"
        r"|REG (?P<other>subtraction) from stack pointer"
        r"|REG tried to (?P<act>subtract) pointer from scalar",
        "a pointer is used in a way that is not allowed ({reg})",
    ),
    rule(
        Kind.LEAK,
        r"REG (?:partial copy|sign-extension part) of pointer",
        "half of a pointer is copied ({reg})",
    ),
    # before the verifier looks at instructions
    rule(
        Kind.MISSING,
        r"extern \(.*\) '(?P<name>\w+)'.*: not found in kernel",
        'this kernel has no "{name}"',
    ),
    rule(
        Kind.MISSING,
        r"failed to find kernel BTF type ID of '(?P<function>[^']+)'",
        'this kernel has no "{function}" to attach to',
    ),
    rule(
        Kind.BTF,
        r"extern \(.*\) '(?P<name>\w+)'.*incompatible",
        '"{name}" is declared in another way than the kernel has it',
    ),
    rule(
        Kind.BTF,
        r"Global function (?P<function>\w+)\(\) (?:doesn't return scalar|return value not void or scalar)",
        "{function} is verified by itself, and returns something else than a number",
        advice="make it static, or have it return a number",
    ),
    rule(
        Kind.BTF,
        r"Arg#(?P<arg>\d+) type \w+ in (?P<function>\w+)\(\) is not supported",
        "this kernel does not verify functions by themselves that take pointers ({function})",
    ),
)
