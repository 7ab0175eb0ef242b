"""``ebpf-build adopt``: what it writes for objects that exist already, and when it writes nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import adopted
import pytest

from pytest_ebpf import manifest

COMMAND = Path(sys.executable).with_name("ebpf-build")

MANIFEST = """\
# Objects that another build makes, as `ebpf-build adopt` found them. Change it: `ebpf-build schema` describes
# every key. "a loader sets this" marks what the objects leave to the program that loads them; what stands
# there lets a first test begin.

[project]
name = "project"
license = "GPL"
kernels = ["6.12"]   # `ebpf-build check` says on which it can work

[objects.open]
path = "../open.bpf.o"
# map sized_later: hash, key __u32, value struct rule
# map valued_later: hash, key 4 bytes, max_entries 16
# map huge: hash, key __u64, value __u64, max_entries 16777216
# map tenants: hash_of_maps, key __u32, value 4 bytes, max_entries 8
# map events: ringbuf
# map samples: perf_event_array, key 4 bytes, value 4 bytes
# map stacks: stack_trace, key 4 bytes

[objects.open.load]
max_entries.sized_later = 1024   # a loader sets this
value_size.valued_later = 8   # a loader sets this
max_entries.huge = 262144   # 16777216 in the object, more than a machine of 256 MiB has room for
inner.tenants = "valued_later"   # a loader sets this; any map of the object will do here
max_entries.events = 65536   # a loader sets this
max_entries.stacks = 1024   # a loader sets this
value_size.stacks = 1016   # a loader sets this
globals.limit = 0   # a loader sets this
globals.debug = false   # a loader sets this
globals.name = ""   # a loader sets this
# globals.fallback = ...: a loader sets this
# globals.ports = ...: a loader sets this

[objects.open.programs]
uses_all = { hook = "xdp" }   # attach = { interface = ... }: a loader sets this
sampled = { hook = "kprobe/do_nanosleep" }
"""

TESTS = '''\
"""First tests of several, which `ebpf-build adopt` wrote: put in what you expect of it."""

from __future__ import annotations

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Raw

#: What programs are run on. Send what yours is about.
PACKET = Ether() / IP(src="192.0.2.1", dst="192.0.2.2") / UDP(sport=40000, dport=53) / Raw(b"some bytes")


@pytest.fixture
def loaded(ebpf):
    return ebpf.load("several", autoload={"odd": False})


def test_loads(loaded):
    assert [each.name for each in loaded.programs if each.loaded] == [
        "first", "second", "__third", "on_its_way", "shaper",
    ]


def test_first_runs(loaded):
    result = loaded.programs.first.run(PACKET)
    assert result.retval >= 0  # say which verdict: result.verdict == ...


def test_second_runs(loaded):
    result = loaded.programs.second.run(PACKET)
    assert result.retval >= 0  # say which verdict: result.verdict == ...


def test___third_runs(loaded):
    result = loaded.programs["__third"].run(PACKET)
    assert result.retval >= 0  # say which verdict: result.verdict == ...


@pytest.mark.skip(reason="section \\"mine\\" tells no type of program: a loader sets it")
def test_odd(loaded):
    loaded.programs.odd.attach()


@pytest.mark.skip(reason="put it into a devmap: maps.NAME[0] = (interface, program)")
def test_on_its_way(loaded):
    loaded.programs.on_its_way.attach()


def test_shaper_runs(loaded):
    result = loaded.programs.shaper.run(PACKET)
    assert result.retval >= 0  # say which verdict: result.verdict == ...
'''.replace(
    """[
        "first", "second", "__third", "on_its_way", "shaper",
    ]""",
    '["first", "second", "__third", "on_its_way", "shaper"]',
)

Adopt = Callable[..., subprocess.CompletedProcess]


@pytest.fixture
def adopt(tmp_path: Path) -> Adopt:
    """``adopt("a.o")`` in a folder of its own; the project comes to be in its folder ``project``."""

    def once(*words: object, kernel: str = "6.12") -> subprocess.CompletedProcess:
        argv = [COMMAND, "adopt", *map(str, words), "--output", "project", "--kernel", kernel]
        done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
        assert "Traceback" not in done.stdout + done.stderr
        return done

    return once


@pytest.fixture
def place(tmp_path: Path, compile_bpf) -> Callable[..., Path]:
    """``place(adopted.OPEN, "open.bpf.o", *flags)``: the object beside the project."""

    def once(source: str, name: str, *flags: str) -> Path:
        target = tmp_path / name
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(compile_bpf(source, *flags).read_bytes())
        return target

    return once


def text_of(path: Path, name: str) -> str:
    return (path / "project" / name).read_text()


def test_the_manifest_marks_what_a_loader_sets(adopt, place, tmp_path):
    place(adopted.OPEN, "open.bpf.o")
    done = adopt("open.bpf.o")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "wrote project/ebpf.toml",
        "wrote project/tests/test_open.py",
        "next: cd project && pytest -p ebpf tests",
    ]
    assert text_of(tmp_path, "ebpf.toml") == MANIFEST


def test_the_tests_do_what_needs_no_more_knowledge(adopt, place, tmp_path):
    place(adopted.SEVERAL, "several.bpf.o")
    adopt("several.bpf.o")
    assert text_of(tmp_path, "tests/test_several.py") == TESTS
    hidden = "# __third: a manifest cannot name it, tests can"
    lines = text_of(tmp_path, "ebpf.toml").splitlines()
    assert hidden in lines
    assert [line for line in lines if line.startswith("[")] == [
        "[project]",
        "[objects.several]",
        "[objects.several.programs]",
    ]


@pytest.mark.parametrize("source", ["OPEN", "SEVERAL", "HOOKS", "CONTEXT", "OPS", "BARE", "LEGACY"])
def test_the_manifest_is_one_and_declares_what_was_found(source, adopt, place, tmp_path):
    path = place(getattr(adopted, source), "subject.o")
    adopt("subject.o")
    declared = manifest.load(tmp_path / "project" / "ebpf.toml").objects["subject"]
    assert declared.path == "../subject.o"
    assert (tmp_path / "project" / declared.path).resolve() == path
    text = text_of(tmp_path, "tests/test_subject.py")
    compile(text, "test_subject.py", "exec")
    assert ("PACKET" in text) is ("import Ether" in text) is (".run(PACKET)" in text)
    assert "autoload={}" not in text


def test_what_is_not_loaded_says_why(adopt, place, tmp_path):
    place(adopted.HOOKS, "hooks.o")
    adopt("hooks.o")
    lines = text_of(tmp_path, "ebpf.toml").splitlines()
    assert [line for line in lines if "autoload = false" in line] == [
        (
            'gone = { hook = "fentry/no_such_function_anywhere", autoload = false }'
            "   # on no kernel at hand: no function no_such_function_anywhere in its BTF"
        ),
        (
            'traced_somewhere = { hook = "fentry", autoload = false }'
            "   # what it is loaded for is not in its section: a loader sets the target of fentry"
        ),
        (
            'replaced = { hook = "freplace/main", autoload = false }'
            "   # it replaces a function of another program, which a loader names: targets={...}"
        ),
        'asked_for = { hook = "kprobe/do_nanosleep", autoload = false }',
    ]
    tests = text_of(tmp_path, "tests/test_hooks.py").splitlines()
    assert [line.split('"')[1] for line in tests if line.startswith("@pytest.mark.skip")] == [
        "on no kernel at hand: no function no_such_function_anywhere in its BTF",
        "what it is loaded for is not in its section: a loader sets the target of fentry",
        "it replaces a function of another program, which a loader names: targets={...}",
        "its section asks that it is not loaded by itself: load it with autoload={...: True}",
        "attaching it takes function: attach(function=...)",
        "the file that it is attached to must be in the guest: ebpf.guest.install(...)",
        "which map it goes over, attaching says: attach(map=...)",
        "attaching it takes type and config and period or frequency: attach(type=...)",
        "attaching it takes cgroup: attach(cgroup=...)",
        "attaching it takes socket: attach(socket=...)",
    ]


def test_a_program_that_only_some_kernels_take_is_for_those(adopt, place, tmp_path):
    source = adopted.HOOKS.replace("no_such_function_anywhere", "do_file_open")  # from 7.0 on
    place(source, "hooks.o")
    adopt("hooks.o", kernel="6.12,7.2")
    declared = next(line for line in text_of(tmp_path, "ebpf.toml").splitlines() if line.startswith("gone"))
    assert declared.startswith('gone = { hook = "fentry/do_file_open", kernels = ">6.12" }   # not on 6.12.')
    assert declared.endswith(": no function do_file_open in its BTF")
    tests = text_of(tmp_path, "tests/test_hooks.py")
    assert "    assert {each.name for each in loaded.programs if each.loaded} >= {" in tests
    assert "def test_gone_attaches(loaded):\n    with loaded.programs.gone.attach() as link:\n" in tests
    assert done_checking(tmp_path / "project").returncode == 0


def test_an_object_that_only_some_kernels_take_is_for_those(adopt, place, tmp_path):
    place(adopted.NEWER, "newer.o")
    adopt("newer.o", kernel="5.10,6.12,7.2")
    head = text_of(tmp_path, "ebpf.toml").partition("[objects.newer]\n")[2].splitlines()
    assert head[0] == 'path = "../newer.o"'
    assert head[1].startswith('kernels = ">5.10"   # not on 5.10.')
    assert head[1].endswith(": no helper bpf_get_current_task_btf")
    assert head[4:] == ['traced = { hook = "fentry/do_nanosleep" }']
    assert '    assert [each.name for each in loaded.programs if each.loaded] == ["traced"]\n' in text_of(
        tmp_path, "tests/test_newer.py"
    )
    assert done_checking(tmp_path / "project").returncode == 0


def test_what_a_manifest_cannot_name_is_not_loaded_where_some_kernel_does_not_take_it(adopt, place, tmp_path):
    source = adopted.HOOKS.replace("no_such_function_anywhere", "do_file_open").replace("gone", "__gone")
    place(source, "hooks.o")
    adopt("hooks.o", kernel="6.12,7.2")
    assert "# __gone: not on 6.12." in text_of(tmp_path, "ebpf.toml")
    tests = text_of(tmp_path, "tests/test_hooks.py")
    assert '    return ebpf.load("hooks", autoload={"__gone": False})\n' in tests
    assert '@pytest.mark.skip(reason="not on 6.12.' in tests


def test_what_no_kernel_has_a_function_for_is_loaded_and_not_attached(adopt, place, tmp_path):
    place(adopted.ASTRAY, "astray.o")
    adopt("astray.o", kernel="6.12,7.2")
    assert (
        'astray = { hook = "kprobe/no_such_function_anywhere" }\nplaced = { hook = "kprobe/do_nanosleep" }\n'
    ) in text_of(tmp_path, "ebpf.toml")
    tests = text_of(tmp_path, "tests/test_astray.py")
    assert (
        '@pytest.mark.skip(reason="on no kernel at hand: no function no_such_function_anywhere in its BTF")\n'
        "def test_astray(loaded):\n"
    ) in tests
    assert "def test_placed_attaches(loaded):\n" in tests


def test_an_object_of_which_no_kernel_takes_anything_is_skipped(adopt, place, tmp_path):
    place(adopted.NEWER.replace("do_nanosleep", "no_such_function_anywhere"), "newer.o")
    what = "on no kernel at hand: no function no_such_function_anywhere in its BTF"
    assert adopt("newer.o", kernel="6.12,7.2").stderr == f"../newer.o: {what}\n"
    assert f'path = "../newer.o"\n# {what}\n' in text_of(tmp_path, "ebpf.toml")
    assert f'\npytestmark = pytest.mark.skip(reason="{what}")\n' in text_of(tmp_path, "tests/test_newer.py")


def test_an_array_that_holds_what_is_not_loaded_is_filled_by_no_loader(adopt, place, tmp_path):
    place(adopted.TAILS, "tails.o")
    assert adopt("tails.o").stderr == (
        "../tails.o: map stages holds later, which is not loaded: "
        'section "tail" tells no type of program: a loader sets it\n'
    )


def done_checking(project: Path) -> subprocess.CompletedProcess:
    """``ebpf-build check`` of a project: what it promises is held."""
    return subprocess.run([COMMAND, "check"], cwd=project, capture_output=True, timeout=120, check=False)


BIG = "the object is big-endian, the kernel is not: use -target bpfel"
OLD = 'map counts is defined in section maps, which libbpf gave up with 1.0: define it in SEC(".maps")'
UNTYPED = "libbpf reads .maps through BTF, which the object does not have: compile with -g"
EXTERNS = "libbpf finds bpf_prog_active through BTF, which the object does not have: compile with -g"
NAMELESS = "there are no symbols, by which libbpf finds programs: strip it with -g, which leaves them"
UNKEYED = "map samples has no size of keys, which its loader sets"
SHAPELESS = "map tenants holds maps, and the object has none that tells what they look like"
KSYM = (
    adopted.BARE
    + 'extern int bpf_prog_active __attribute__((section(".ksyms")));\n'
    + ('SEC("xdp") int active(struct xdp_md *ctx) { return bpf_prog_active; }\n')
)
TENANTS = (
    adopted.BARE
    + """
struct { __uint(type, BPF_MAP_TYPE_HASH_OF_MAPS); __type(key, __u32); __uint(value_size, 4);
         __uint(max_entries, 8); } tenants SEC(".maps");
"""
)


@pytest.mark.parametrize(
    ("source", "flags", "reason"),
    [
        (adopted.BARE, ["-target", "bpfeb"], BIG),
        (adopted.LEGACY, [], OLD),
        (adopted.OPEN, ["-g0"], UNTYPED),
        (KSYM, ["-g0"], EXTERNS),
        (
            adopted.OPEN.replace(
                "__uint(key_size, 4); __uint(value_size, 4); }\n    samples", "}\n    samples"
            ),
            [],
            UNKEYED,
        ),
        (TENANTS, [], SHAPELESS),
    ],
    ids=["big_endian", "legacy", "no_btf", "no_btf_externs", "no_keys", "no_inner"],
)
def test_an_object_that_no_loader_takes_is_skipped(source, flags, reason, adopt, place, tmp_path):
    place(source, "subject.o", *flags)
    done = adopt("subject.o")
    assert (done.returncode, done.stderr) == (0, f"../subject.o: {reason}\n")
    assert f"# No kernel takes it as it is: {reason}.\n" in text_of(tmp_path, "ebpf.toml")
    assert f"\npytestmark = pytest.mark.skip(reason={json.dumps(reason)})\n" in text_of(
        tmp_path, "tests/test_subject.py"
    )


def test_an_object_without_symbols_is_skipped(adopt, place, tmp_path):
    path = place(adopted.SEVERAL, "subject.o")
    subprocess.run(["llvm-strip-19", "--strip-all", path], check=True)
    assert adopt("subject.o").stderr == f"../subject.o: {NAMELESS}\n"


def test_files_of_one_name_are_told_apart(adopt, place, tmp_path):
    place(adopted.BARE, "my-probe.bpf.o")
    place(adopted.BARE, "other/my-probe.o")
    place(adopted.BARE, "int.o")
    place(adopted.BARE, "7th.o")
    place(adopted.BARE, 'a\x7f"b.o')
    adopt("my-probe.bpf.o", "other/my-probe.o", "int.o", "7th.o", "./int.o", 'a\x7f"b.o')
    declared = manifest.load(tmp_path / "project" / "ebpf.toml").objects
    assert {name: each.path for name, each in declared.items()} == {
        "my_probe": "../my-probe.bpf.o",
        "my_probe_2": "../other/my-probe.o",
        "object_int": "../int.o",
        "object_7th": "../7th.o",
        "a__b": '../a\x7f"b.o',
    }


def test_constants_of_one_name_are_nobody_s(adopt, place, tmp_path):
    one = 'SEC("xdp") int {name}(void *ctx) {{ static const volatile int zero; return zero; }}\n'
    place(adopted.BARE + one.format(name="one") + one.format(name="loads"), "twice.o")
    assert adopt("twice.o").returncode == 0
    assert manifest.load(tmp_path / "project" / "ebpf.toml").objects["twice"].load.globals == {}
    assert "def test_loads_2_runs(" in text_of(tmp_path, "tests/test_twice.py")


def test_nothing_is_overwritten(adopt, place, tmp_path):
    place(adopted.BARE, "bare.o")
    mine = tmp_path / "project" / "tests" / "test_bare.py"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    done = adopt("bare.o")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "ebpf-build: project/tests/test_bare.py: is there already; move it away, or give --output\n"
    )
    assert mine.read_text() == "mine"
    assert not (tmp_path / "project" / "ebpf.toml").exists()


def test_what_is_no_object(adopt, tmp_path):
    (tmp_path / "notes.o").write_text("no object")
    done = adopt("notes.o")
    assert done.returncode == 1
    assert done.stderr == (
        "ebpf-build: notes.o: not an ELF file (begins with 6e 6f 20 6f);"
        " give an object made by clang -target bpf\n"
    )
    assert not (tmp_path / "project").exists()


def test_kernels_are_named_as_everywhere(adopt, place):
    place(adopted.BARE, "bare.o")
    done = adopt("bare.o", kernel="newest")
    assert done.returncode == 2
    assert done.stderr == (
        "ebpf-build: --kernel: not a kernel (newest); write a line (6.1), a version (6.1.192),"
        " latest or the path of an image (./bzImage)\n"
    )
