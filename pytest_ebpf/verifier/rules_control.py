"""What the verifier says of calls, of what programs hold and return, and of the way they take."""

from __future__ import annotations

from typing import Final

from pytest_ebpf.verifier import sentences
from pytest_ebpf.verifier.model import Kind
from pytest_ebpf.verifier.sentences import Rule, rule

_KEPT = "what {callee} acquired is not released before the program ends"
_LOCKED = "the program ends with the lock held"
_CALLS_LOCKED = "{callee} is called with a lock held"
_SLEEPS = "{callee} may sleep, and this program may not"
_RETURNS = (
    r" the register R0 has (?:value \((?P<value>0x[0-9a-f]+); (?P<mask>0x[0-9a-f]+)\)"
    r"|(?:smin=(?P<least>-?\w+) )?(?:smax=(?P<most>-?\w+) )?(?:unknown scalar value )?)"
    r" ?should have been in (?:\((?P<low>0x[0-9a-f]+); (?P<high>0x[0-9a-f]+)\)"
    r"|\[(?P<from>-?\d+), (?P<to>-?\d+)\])"
)

CONTROL: Final[tuple[Rule, ...]] = (
    # calls
    rule(Kind.SLEEP, r"unknown func (?P<name>bpf_copy_from_user)#148", _SLEEPS),
    rule(
        Kind.SLEEP,
        r"sleepable (?:helper \w+#\d+|global function \w+\(\) called) in (?P<region>[\w-]+) region"
        r"|kernel func(?:tion)? \w+ is sleepable within (?P<within>[\w-]+) region",
        sentences.region,
        advice="call it before the region begins, or behind its end",
    ),
    rule(
        Kind.SLEEP,
        r"helper call might sleep in a non-sleepable prog|sleepable helper \w+#\d+ in"
        r"|must be sleepable to call sleepable"
        r"|kernel func(?:tion)? \w+ is sleepable within|sleepable global function \w+\(\) called in",
        _SLEEPS,
    ),
    rule(
        Kind.HELPER,
        r"(?P<what>tracing|socket filter|[\w ]+?) prog(?:ram)?s cannot use (?P<field>bpf_\w+)",
        "{what} programs cannot use {field} on this kernel",
        advice="use atomic operations, or another type of program",
    ),
    rule(
        Kind.ARGUMENT,
        r"helper access to the packet is not allowed",
        "{callee} takes no pointer into the packet",
        advice="copy the bytes to a buffer first: bpf_skb_load_bytes(), bpf_xdp_load_bytes() (5.18)",
    ),
    rule(
        Kind.ARGUMENT,
        r"(?P<field>\w+) pointer in R\d+ map_uid=\d+ doesn't match map pointer",
        "{callee} is given a {field} that is not in the map which it is given",
        advice="give it the map that the value was looked up in",
    ),
    rule(
        Kind.ARGUMENT,
        r"REG must be (?:referenced or trusted|a rcu pointer|referenced$)",
        "{it} is given to {callee}, which takes only pointers that are sure to be valid",
        advice="acquire it first, or use it between bpf_rcu_read_lock() and bpf_rcu_read_unlock()",
    ),
    rule(
        Kind.HELPER,
        r"(?:unknown|invalid) func (?P<name>\w+)#(?P<number>\d+)"
        r"|cannot use helper (?P<other>\w+)#(?P<other_number>\d+)",
        lambda found: sentences.helper(sentences.named(found)),
    ),
    rule(Kind.HELPER, r"helper call is not allowed in probe", "{callee} cannot be called in this program"),
    rule(
        Kind.HELPER,
        r"calling kernel function (?P<name>\w+) is not allowed",
        "programs of this type cannot call {name}",
    ),
    rule(
        Kind.LICENCE,
        r"cannot call (?:a )?GPL[- ](?:restricted|only)|GPL-only helper|prog '.*' is not GPL",
        "{callee} is for programs under a licence that is compatible with the GPL",
    ),
    rule(Kind.ARGUMENT, r"REG type=(?P<type>\w+) expected=", "{it} is {words}, which {callee} does not take"),
    rule(
        Kind.ARGUMENT,
        r"kernel subsystem misconfigured verifier",  # 5.10 to 6.12, where a tail call has no prog array
        "{callee} does not take a map of this type",
        at_call=True,
    ),
    rule(
        Kind.ARGUMENT,
        r"cannot pass map_type (?P<number>\d+) into func (?P<name>\w+)#"
        r"|expected prog array map for (?P<tail>tail call)",
        "{callee} does not take a map of this type",
    ),
    rule(
        Kind.DYNPTR,
        r"[Ee]xpected an? (?:un)?initialized (?P<what>\w+) as (?:arg|R)",
        "{callee} is given no {what} that was made before",
    ),
    rule(
        Kind.ARGUMENT,
        r"REG is not a (?P<wanted>pointer|scalar)\b",
        "{it} is no {wanted}, as {callee} wants",
    ),
    rule(
        Kind.ARGUMENT,
        r"REG is of type (?P<type>\w+) but (?P<wanted>\w+) is expected",
        "{it} is {words}, which {callee} does not take",
    ),
    rule(
        Kind.ARGUMENT,
        r"Caller passes invalid args into func#\d+ \('(?P<called>\w+)'\)",
        "{called} is given arguments that it does not take",
    ),
    rule(
        Kind.ARGUMENT,
        r"release (?:helper|kfunc|kernel function) (?P<name>\w+) expects"
        r"|reference has not been acquired before|must be referenced when passed to release function",
        "{callee} is given something that was not acquired, or was released before",
        advice="release what a helper has acquired, once, and only that",
    ),
    rule(Kind.DYNPTR, r"[Ee]xpected a dynptr of type", "{callee} is given a dynptr of another kind"),
    # what is held
    rule(Kind.REFERENCE, r"Unreleased reference id=\d+ alloc_insn=(?P<insn>\d+)", _KEPT, "held"),
    rule(
        Kind.REFERENCE,
        r"would lead to reference leak|Leaking reference id=\d+ alloc_insn=(?P<insn>\d+)",
        "something that was acquired is not released before the program ends",
    ),
    rule(
        Kind.LOCK,
        r"bpf_\w+ without taking a lock|unmatched \w+ read unlock|unmatched attempt to",
        "{callee} is called, but nothing is locked",
        advice="lock first, on every way there",
    ),
    rule(Kind.LOCK, r"function calls are not allowed while holding a lock", _CALLS_LOCKED),
    rule(
        Kind.LOCK,
        r"(?P<call>bpf_\w+?)_?(?:un)?lock is missing|cannot be used inside (?P<inside>bpf_\w+)-ed region"
        r"|missing (?P<spin>unlock)",
        _LOCKED,
        "held",
    ),
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
    rule(Kind.LEAK, r"REG partial copy of pointer", "half of a pointer is copied ({reg})"),
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
        r"Arg#(?P<arg>\d+) type \w+ in (?P<function>\w+)\(\) is not supported",
        "this kernel does not verify functions by themselves that take pointers ({function})",
    ),
)
