"""What is said about keys and values that are wrong by themselves: each message to the letter."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Problems = Callable[[str], list[str]]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param(
            '[maps.counters]\ntype = "hash"\nkey = "u32"\nvalue = "u64"\nmax_entrys = 1',
            'ebpf.toml:8: maps.counters.max_entrys: unknown key; did you mean "max_entries"?',
            id="key-of-a-map",
        ),
        pytest.param(
            "[mapz.counters]",
            'ebpf.toml:4: mapz: unknown key; did you mean "maps"?',
            id="key-of-the-file",
        ),
        pytest.param(
            "[test]\nzzz = 1",
            "ebpf.toml:5: test.zzz: unknown key; "
            "known: allow_splats, baseline, cpus, isolation, memory, timeout, tolerance, wires",
            id="key-like-no-other",
        ),
        pytest.param(
            '[objects.a]\npath = "a.o"\nprograms.p = { hook = "xdp", budget = { insns = 1 } }',
            "ebpf.toml:6: objects.a.programs.p.budget.insns: unknown key; "
            "known: peak_states, stack, states, verified_insns",
            id="key-of-a-budget",
        ),
        pytest.param(
            '[objects.a]\npath = "a.o"\nprograms.p = { hook = "xdp", budget = { verified_insns = 0 } }',
            "ebpf.toml:6: objects.a.programs.p.budget.verified_insns: must be at least 1 (seen 0)",
            id="budget-of-nothing",
        ),
        pytest.param(
            '[test]\nbaseline = "b.json"\ntolerance = 1001',
            "ebpf.toml:6: test.tolerance: must be at most 1000 (seen 1001)",
            id="tolerance-of-anything",
        ),
        pytest.param(
            '[build]\nDirectory = "x"',
            'ebpf.toml:5: build.Directory: unknown key; did you mean "directory"?',
            id="key-in-capitals",
        ),
        pytest.param(
            '[types.a]\nenum = ["A"]\nsize = 4',
            "ebpf.toml:6: types.a.size: unknown key; known: enum, type",
            id="key-of-an-enum",
        ),
        pytest.param(
            '[types.a]\nstruct = { x = "u8" }\npackde = true',
            "ebpf.toml:6: types.a.packde: unknown key; known: struct",
            id="key-of-a-struct",
        ),
        pytest.param(
            '[objects.fw]\npath = "fw.o"\nprograms.a = { hook = "xdp", auto-load = true }',
            'ebpf.toml:6: objects.fw.programs.a.auto-load: unknown key; did you mean "autoload"?',
            id="key-of-a-program",
        ),
        pytest.param(
            '[objects.fw]\npath = "fw.o"\nprograms.p = {}',
            (
                "ebpf.toml:6: objects.fw.programs.p.hook: required key is missing;"
                " add it to [objects.fw.programs.p]"
            ),
            id="no-hook",
        ),
        pytest.param(
            "[maps.a]",
            "ebpf.toml:4: maps.a.type: required key is missing; add it to [maps.a]",
            id="map-without-type",
        ),
        pytest.param(
            "[build]\ndirectory = 3",
            "ebpf.toml:5: build.directory: must be a string (seen 3); put it in quotes",
            id="number-for-a-string",
        ),
        pytest.param(
            '[test]\nmemory = "1G"',
            'ebpf.toml:5: test.memory: must be a whole number (seen "1G")',
            id="string-for-a-number",
        ),
        pytest.param(
            "[test]\ncpus = 1.5",
            "ebpf.toml:5: test.cpus: must be a whole number (seen 1.5)",
            id="fraction-for-a-number",
        ),
        pytest.param(
            "[test]\ncpus = true",
            "ebpf.toml:5: test.cpus: must be a whole number (seen true)",
            id="boolean-for-a-number",
        ),
        pytest.param(
            '[globals]\na = { type = "u8", value = 1, const = 1 }',
            "ebpf.toml:5: globals.a.const: must be true or false (seen 1)",
            id="number-for-a-boolean",
        ),
        pytest.param(
            '[build]\nflags = "-g"',
            'ebpf.toml:5: build.flags: must be an array (seen "-g"); put it in brackets',
            id="string-for-an-array",
        ),
        pytest.param(
            '[build]\nflags = [\n"-g",\n2]',
            "ebpf.toml:7: build.flags[1]: must be a string (seen 2); put it in quotes",
            id="number-in-an-array",
        ),
        pytest.param(
            "[maps]\na = 1",
            "ebpf.toml:5: maps.a: must be a table (seen 1)",
            id="number-for-a-table",
        ),
        pytest.param(
            '[build]\ndirectory = ""',
            'ebpf.toml:5: build.directory: must not be empty (seen "")',
            id="empty-string",
        ),
        pytest.param(
            "[types.a]\nstruct = {}",
            "ebpf.toml:5: types.a.struct: must not be empty (seen a table)",
            id="empty-struct",
        ),
        pytest.param(
            "[test]\nmemory = 16",
            "ebpf.toml:5: test.memory: must be at least 64 (seen 16)",
            id="too-little",
        ),
        pytest.param(
            "[test]\nallow_splats = [{ match = '(', reason = 'x' }]",
            "ebpf.toml:5: test.allow_splats[0].match: "
            'no regular expression (seen "(": missing ), unterminated subpattern at position 0)',
            id="splat-no-regex",
        ),
        pytest.param(
            "[test]\ncpus = 100",
            "ebpf.toml:5: test.cpus: must be at most 64 (seen 100)",
            id="too-much",
        ),
        pytest.param(
            '[build]\ncpu = "v5"',
            'ebpf.toml:5: build.cpu: unknown value (seen "v5"); known: v1, v2, v3, v4',
            id="one-of-a-few",
        ),
        pytest.param(
            '[build]\nvmlinux = "all"',
            'ebpf.toml:5: build.vmlinux: unknown value (seen "all"); known: full, minimal',
            id="none-of-a-few",
        ),
        pytest.param(
            "[build]\ncpu = 3",
            'ebpf.toml:5: build.cpu: unknown value (seen 3); did you mean "v3"?',
            id="number-for-one-of-a-few",
        ),
        pytest.param(
            '[build]\nbindings = "generated"',
            'ebpf.toml:5: build.bindings: not the path of a Python module (seen "generated");'
            ' name it as in "tests/programs.py"',
            id="bindings-without-ending",
        ),
        pytest.param(
            '[build]\nkernel = "six"',
            'ebpf.toml:5: build.kernel: not a kernel (seen "six"); write a line ("6.1"), a release'
            ' ("6.1.192"), "latest" or the path of an image ("./bzImage")',
            id="no-kernel",
        ),
        pytest.param(
            '[maps.a]\ntype = "hsh"',
            'ebpf.toml:5: maps.a.type: unknown type of map (seen "hsh"); did you mean "hash"?',
            id="type-of-map",
        ),
        pytest.param(
            '[maps.a]\ntype = "HASH"',
            'ebpf.toml:5: maps.a.type: unknown type of map (seen "HASH"); did you mean "hash"?',
            id="type-of-map-in-capitals",
        ),
        pytest.param(
            '[maps.a]\ntype = "struct_ops"',
            'ebpf.toml:5: maps.a.type: unknown type of map (seen "struct_ops")',
            id="type-of-map-that-is-not-declared",
        ),
        pytest.param(
            (
                '[maps.a]\ntype = "array"\nvalue = "u8"\nmax_entries = 1\n'
                'flags = ["mmapable", "BPF_F_NO_PREALLOC"]'
            ),
            (
                'ebpf.toml:8: maps.a.flags[1]: unknown map flag (seen "BPF_F_NO_PREALLOC");'
                ' did you mean "no_prealloc"?'
            ),
            id="map-flag",
        ),
        pytest.param(
            '[maps.a]\ntype = "array"\nvalue = "u8"\nmax_entries = 0',
            "ebpf.toml:7: maps.a.max_entries: must be at least 1 (seen 0)",
            id="no-entries",
        ),
        pytest.param(
            '[maps.a]\ntype = "array"\nvalue = "u32 *"\nmax_entries = 1',
            (
                'ebpf.toml:6: maps.a.value: not a type (seen "u32 *");'
                ' write a name, or an array as in "u32[4]"'
            ),
            id="type-expression",
        ),
        pytest.param(
            '[maps.a]\ntype = "array"\nvalue = 8\nmax_entries = 1',
            'ebpf.toml:6: maps.a.value: must be a string (seen 8); name a type, as in "u32" or "char[16]"',
            id="number-for-a-type",
        ),
        pytest.param(
            '[maps."a-b"]\ntype = "array"\nvalue = "u8"\nmax_entries = 1',
            'ebpf.toml:4: maps.a-b: not a C identifier (seen "a-b"); use letters, digits and underscores',
            id="name-that-is-no-identifier",
        ),
        pytest.param(
            '[maps."a\\".b"]\ntype = "array"\nvalue = "u8"\nmax_entries = 1',
            (
                'ebpf.toml:4: maps."a\\".b": not a C identifier (seen "a".b");'
                " use letters, digits and underscores"
            ),
            id="name-that-needs-quotes",
        ),
        pytest.param(
            '[types.a]\nstruct = { int = "u8" }',
            'ebpf.toml:5: types.a.struct.int: a reserved word of C (seen "int"); choose another name',
            id="reserved-word",
        ),
        pytest.param(
            '[types.a]\nenum = ["_Bool"]',
            'ebpf.toml:5: types.a.enum._Bool: a reserved word of C (seen "_Bool"); choose another name',
            id="reserved-word-with-underscore",
        ),
        pytest.param(
            '[types.a]\nstruct = { __pad = "u8" }',
            'ebpf.toml:5: types.a.struct.__pad: names that begin with "__" are the compiler\'s'
            ' (seen "__pad"); choose another',
            id="name-of-the-compiler",
        ),
        pytest.param(
            f'[types.{"a" * 128}]\nstruct = {{ a = "u8" }}',
            f"ebpf.toml:4: types.{'a' * 128}: longer than the 127 characters that BTF takes (128)",
            id="name-too-long",
        ),
        pytest.param(
            '[types.u32]\nstruct = { a = "u8" }',
            'ebpf.toml:4: types.u32: a built-in type has this name (seen "u32"); choose another name',
            id="name-of-a-built-in-type",
        ),
        pytest.param(
            "[types.a]",
            "ebpf.toml:4: types.a: needs exactly one of struct, union, enum (seen a table)",
            id="type-that-is-nothing",
        ),
        pytest.param(
            '[types.a]\nstruct = { a = "u8" }\nenum = ["A"]',
            "ebpf.toml:4: types.a: needs exactly one of struct, union, enum (seen a table)",
            id="type-that-is-two",
        ),
        pytest.param(
            '[types.a]\nenum = ["A", "B", "A"]',
            'ebpf.toml:5: types.a.enum: two constants have the same name (seen "A"); remove one',
            id="constant-twice",
        ),
        pytest.param(
            '[types.a]\nenum = ["A", 2]',
            "ebpf.toml:5: types.a.enum: constants are named by strings (seen 2)",
            id="constant-without-name",
        ),
        pytest.param(
            '[types.a]\nenum = { A = "1" }',
            'ebpf.toml:5: types.a.enum.A: must be a whole number (seen "1"); leave out the quotes',
            id="constant-without-number",
        ),
        pytest.param(
            '[types.a]\nenum = { A = 256 }\ntype = "u8"',
            "ebpf.toml:4: types.a: A does not fit u8 (seen 256); u8 holds 0 to 255",
            id="constant-too-large",
        ),
        pytest.param(
            "[types.a]\nenum = { A = -1 }",
            "ebpf.toml:4: types.a: A does not fit u32 (seen -1); u32 holds 0 to 4294967295",
            id="constant-below-zero",
        ),
        pytest.param(
            '[types.a]\nenum = ["A"]\ntype = "int"',
            (
                'ebpf.toml:6: types.a.type: unknown integer type (seen "int");'
                " known: s16, s32, s64, s8, u16, u32, u64, u8"
            ),
            id="integer-type",
        ),
        pytest.param(
            '[globals.a]\ntype = "u8"\nvalue = 1.5',
            (
                "e"
                "bpf.toml:6: globals.a.value: must be a number, a boolean, a string"
                " or an array of them (seen 1.5)"
            ),
            id="global-that-is-a-fraction",
        ),
        pytest.param(
            '[globals.a]\ntype = "u8"\nvalue = { a = 1 }',
            (
                "e"
                "bpf.toml:6: globals.a.value: must be a number, a boolean, a string"
                " or an array of them (seen a table)"
            ),
            id="global-that-is-a-table",
        ),
        pytest.param(
            "[objects.a]",
            "ebpf.toml:4: objects.a: needs exactly one of source, template, path (seen none)",
            id="object-from-nothing",
        ),
        pytest.param(
            '[objects.a]\nsource = "a.c"\npath = "a.o"',
            "ebpf.toml:4: objects.a: needs exactly one of source, template, path (seen source and path)",
            id="object-from-two",
        ),
        pytest.param(
            '[objects.a]\npath = "a.o"\nparameters = { a = 1 }',
            (
                "ebpf.toml:4: objects.a: parameters are for a template (seen none);"
                " add template, or remove parameters"
            ),
            id="parameters-for-nothing",
        ),
        pytest.param(
            '[objects.a]\npath = "a.o"\nflags = ["-g"]',
            "ebpf.toml:4: objects.a: flags are for what is compiled here (seen path); remove flags",
            id="flags-for-nothing",
        ),
    ],
)
def test_a_problem(problems_of: Problems, text: str, problem: str) -> None:
    assert problems_of(text) == [problem]


@pytest.mark.parametrize(
    ("hook", "said"),
    [
        ("xpd", 'unknown hook (seen "xpd"); did you mean "xdp"?'),
        ("XDP", 'unknown hook (seen "XDP"); did you mean "xdp"?'),
        ("fentyr", 'unknown hook (seen "fentyr"); did you mean "fentry"?'),
        ("tc/ingres", 'unknown hook (seen "tc/ingres"); did you mean "tc/ingress"?'),
        (
            "fentyr/tcp_connect",
            'unknown hook (seen "fentyr/tcp_connect"); did you mean "fentry/tcp_connect"?',
        ),
        ("cgroup_skb", 'unknown hook (seen "cgroup_skb"); did you mean "cgroup/skb"?'),
        ("", 'unknown hook (seen ""); write a section that libbpf knows, as "xdp" or "tc/ingress"'),
        (
            "zzzzzz",
            'unknown hook (seen "zzzzzz"); write a section that libbpf knows, as "xdp" or "tc/ingress"',
        ),
        ("xdp/eth0", 'takes no target (seen "xdp/eth0"); write "xdp"'),
        ("kprobe/", 'needs a target after the slash (seen "kprobe/"); as in "kprobe/NAME"'),
    ],
)
def test_a_hook_that_libbpf_does_not_know(problems_of: Problems, hook: str, said: str) -> None:
    text = f'[objects.fw]\npath = "fw.o"\nprograms.a = {{ hook = "{hook}" }}'
    assert problems_of(text) == [f"ebpf.toml:6: objects.fw.programs.a.hook: {said}"]
