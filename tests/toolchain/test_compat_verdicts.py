"""What is said of objects on kernels that are not running, to the letter."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import predicted
import pytest

from pytest_ebpf.compat.facts import KernelFacts
from pytest_ebpf.compat.model import Status, Verdict
from pytest_ebpf.compat.verdict import Subject, judge
from pytest_ebpf.kernels import KernelStore
from pytest_ebpf.objects import parse_object


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory):
    """``judged("hook_xdp", "6.12")``: the verdict on the first program of one of the predicted objects.

    ``config=path``: on a kernel that was configured as it says there.
    """
    folder, sources, store = tmp_path_factory.mktemp("judged"), predicted.sources(), KernelStore(say=print)

    @cache
    def subject(name: str) -> Subject:
        path = folder / f"{name}.bpf.o"
        sources[name].compile(path)
        return Subject.of(name, path.read_bytes(), parse_object(path.read_bytes(), path))

    def verdict(name: str, line: str, **changes: Path | None) -> Verdict:
        return next(judge(subject(name), KernelFacts(replace(store.get(line), **changes))))

    return verdict


def words(verdict: Verdict) -> str | None:
    """What decides and what to do about it, without the place."""
    if verdict.reason is None:
        return None
    instead = verdict.reason.instead
    return f"{verdict.reason.what}; {instead}" if instead else verdict.reason.what


@pytest.mark.parametrize(
    ("name", "line", "text"),
    [
        ("hook_netfilter", "6.1", "no program type netfilter; use tc or cgroup_skb"),
        ("hook_lirc", "6.12", "built without program type lirc_mode2"),
        ("hook_connect_unix", "6.1", "no attach type cgroup_unix_connect"),
        ("hook_tcx", "6.1", "no attach type tcx_ingress; use tc, attached by netlink"),
        ("hook_xdp_frags", "5.10", "program flag xdp_has_frags came with 5.18"),
        ("hook_uprobe_sleeps", "5.10", "sleepable uprobe.s programs came with 6.0"),
        ("hook_tp_btf_missing", "6.12", "no tracepoint no_such_tracepoint in its BTF"),
        ("hook_fentry_missing", "6.12", "no function no_such_function in its BTF"),
        ("hook_lsm_missing", "6.12", "no LSM hook no_such_hook"),
        ("hook_iterator_missing", "6.12", "no iterator no_such_thing"),
        (
            "instructions_call_through_a_pointer",
            "7.2",
            (
                "no kernel has calls through a pointer; call functions by their names, with a switch between"
                " them"
            ),
        ),
        (
            "instructions_atomic_unknown",
            "6.12",
            (
                "no kernel has an atomic operation 0x10; use add, and, or, xor, xchg or cmpxchg on 4 or 8"
                " bytes"
            ),
        ),
        (
            "instructions_atomic_of_a_byte",
            "7.2",
            (
                "no kernel has an atomic operation on 1 byte; use add, and, or, xor, xchg or cmpxchg on 4 or"
                " 8 bytes"
            ),
        ),
        (
            "instructions_end_without_exit",
            "6.1",
            (
                "control runs off the end of prog; let it return: compilers leave off where what comes next"
                " is undefined"
            ),
        ),
        (
            "instructions_code_without_a_way_to_it",
            "6.1",
            (
                "no kernel takes code that no jump leads to; leave it to the compiler, or correct the bytes"
                " in the assembly"
            ),
        ),
        ("maps_bloom", "5.10", "no map type bloom_filter (map map); use hash"),
        (
            "maps_legacy",
            "6.12",
            'map map is defined in section maps, which libbpf gave up with 1.0; define it in SEC(".maps")',
        ),
        (
            "helpers_in_a_subprogram",
            "5.10",
            (
                "no helper bpf_ktime_get_tai_ns; guard it with bpf_core_enum_value_exists(enum bpf_func_id,"
                " BPF_FUNC_ktime_get_tai_ns), or use bpf_ktime_get_ns"
            ),
        ),
        (
            "refused_map_trie_of_short_keys",
            "6.12",
            "map map: keys of lpm_trie have at least 5 bytes, not 4",
        ),
        (
            "refused_map_by_cpu_too_large",
            "6.12",
            "map map: values of percpu_array have at most 32768 bytes, not 40000",
        ),
        ("refused_map_storage_with_entries", "7.2", "map map: sk_storage has no max_entries; leave it out"),
        ("refused_map_ring_read_only", "5.10", "map map: the flag rdonly_prog is not for ringbuf"),
        (
            "maps_lock_in_a_kprobe",
            "7.2",
            "kprobe programs may not have bpf_spin_lock in map map; use atomic operations",
        ),
        (
            "maps_timer_in_a_kprobe",
            "6.18",
            ("kprobe programs may not have bpf_timer in map map; have a program of another type start it"),
        ),
        (
            "maps_growing_in_a_perf_event",
            "5.10",
            "perf_event programs may not have no_prealloc in map map; leave the flag out",
        ),
        (
            "maps_lock_further_in",
            "6.12",
            "kprobe programs may not have a nested bpf_spin_lock in map map; use atomic operations",
        ),
        ("symbols_exception_callback", "6.1", "exception callback caught came with 6.7"),
        ("symbols_exception_callback_that_asks", "6.12", "no helper 9999"),
        (
            "symbols_exception_callback_static",
            "6.1",
            "exception callback caught must be a global function of .text that is not hidden",
        ),
        (
            "symbols_exception_callback_missing",
            "7.2",
            "exception callback nobody must be a global function of .text that is not hidden",
        ),
        ("maps_queue_asleep", "6.1", "syscall programs may not have maps of type queue (map)"),
        ("maps_stacks_asleep", "7.2", "uprobe.s programs may not have maps of type stack_trace (map)"),
        (
            "symbols_variable_of_another_type",
            "6.12",
            (
                "symbol runqueues has another type; declare it with the kernel's types in full, as vmlinux.h"
                " does"
            ),
        ),
        ("symbols_struct_ops_sleeps", "6.1", "sleepable struct_ops.s programs came with 6.3"),
        (
            "guards_by_an_unknown_number",
            "5.10",
            (
                "no helper bpf_ktime_get_tai_ns; guard it with bpf_core_enum_value_exists(enum bpf_func_id,"
                " BPF_FUNC_ktime_get_tai_ns), or use bpf_ktime_get_ns"
            ),
        ),
        (
            "guards_by_global_return",
            "5.10",
            (
                "no helper bpf_ktime_get_tai_ns; guard it with bpf_core_enum_value_exists(enum bpf_func_id,"
                " BPF_FUNC_ktime_get_tai_ns), or use bpf_ktime_get_ns"
            ),
        ),
        ("helpers_of_another_type", "6.12", "xdp programs may not call bpf_skb_change_type"),
        (
            "helpers_came_to_the_type",
            "6.12",
            (
                "socket programs may not call bpf_get_current_uid_gid;"
                " they may from 6.16 on: guard it with LINUX_KERNEL_VERSION"
            ),
        ),
        (
            "helpers_for_gpl_without",
            "6.12",
            (
                "bpf_get_current_task is for programs with a GPL-compatible licence;"
                ' SEC("license") says which it is'
            ),
        ),
        (
            "relocations_gone",
            "6.12",
            (
                "struct task_struct::state: struct task_struct has no state;"
                " guard it with bpf_core_field_exists(struct task_struct, state)"
            ),
        ),
        (
            "instructions_signed_division",
            "6.1",
            "instruction signed_divide came with 6.6; compile with -mcpu=v3",
        ),
        ("instructions_load_acquire", "6.12", "instruction load_acquire came with 6.15"),
        (
            "instructions_may_goto",
            "6.1",
            (
                "instruction may_goto came with 6.9;"
                " put it into a program of its own: behind a guard it is refused as well"
            ),
        ),
        ("symbols_kfunc_not_for_xdp", "6.12", "xdp programs may not call bpf_dynptr_from_skb"),
        (
            "symbols_kfunc_missing",
            "6.12",
            (
                "no function bpf_no_such_kfunc;"
                " declare it __weak and guard it with bpf_ksym_exists(bpf_no_such_kfunc)"
            ),
        ),
        (
            "symbols_kfunc_of_another_type",
            "6.12",
            (
                "function bpf_cpumask_create has another type;"
                " declare it with the kernel's types in full, as vmlinux.h does"
            ),
        ),
        (
            "symbols_variable_missing",
            "6.12",
            (
                "no symbol no_such_variable;"
                " declare it __weak and guard it with bpf_ksym_exists(no_such_variable)"
            ),
        ),
        ("symbols_struct_ops_missing", "6.12", "programs cannot implement struct no_such_ops"),
        (
            "symbols_struct_ops_link",
            "6.1",
            'no links of struct_ops, as section .struct_ops.link has them; use SEC(".struct_ops")',
        ),
        (
            "others_stack_of_two",
            "6.12",
            "it needs 672 bytes of stack, and the verifier allows 512; put what is large into a map",
        ),
        (
            "refused_static_program",
            "6.12",
            ("prog in section tc is static, and libbpf takes it for a program; leave out static, or SEC"),
        ),
        (
            "refused_program_calls_program",
            "6.12",
            (
                "prog calls inner in section tc, and libbpf takes calls of subprograms;"
                " leave out the SEC of what is called"
            ),
        ),
        (
            "refused_section_of_its_own",
            "6.12",
            (
                "helper in section .text.helper is static, and libbpf takes it for a program;"
                " compile without -ffunction-sections"
            ),
        ),
        (
            "refused_section_of_its_own_global",
            "6.12",
            (
                "prog calls helper in section .text.helper, and libbpf takes calls of subprograms;"
                " compile without -ffunction-sections"
            ),
        ),
        (
            "refused_no_btf_map",
            "6.12",
            "libbpf reads .maps through BTF, which the object does not have; compile with -g",
        ),
        (
            "refused_bcc_maps",
            "6.12",
            (
                "prog refers to events in maps/events, which libbpf does not load;"
                ' define maps in SEC(".maps"), variables in .data, .rodata or .bss'
            ),
        ),
        (
            "refused_undefined_function",
            "6.12",
            (
                "somewhere is defined nowhere;"
                " declare it __ksym if it is the kernel's, else link what defines it"
            ),
        ),
        (
            "refused_unknown_map_member",
            "6.12",
            "map map has no_such_member, which libbpf does not know; leave it out",
        ),
        (
            "refused_map_static",
            "6.12",
            "map map is static, and libbpf takes none that are; leave out static, or __hidden",
        ),
        (
            "refused_map_hidden",
            "6.12",
            "map map is static, and libbpf takes none that are; leave out static, or __hidden",
        ),
        ("refused_map_flag_new", "6.12", "map flag rb_overwrite (map map) came with 6.19"),
        ("refused_map_array_long_key", "6.12", "map map: keys of array have 4 bytes, not 8"),
        ("refused_map_ring_of_values", "6.12", "map map: values of ringbuf have no bytes, not 8"),
        ("refused_map_trie_without_its_flag", "6.12", "map map: lpm_trie takes the flag no_prealloc"),
        ("refused_map_flag_of_another_type", "6.12", "map map: the flag mmapable is not for hash"),
        (
            "refused_tail_call_deep",
            "6.12",
            (
                "a tail call comes above 320 bytes of stack, and the verifier allows 255; put what is large"
                " into a map, or make the tail call in the program itself"
            ),
        ),
        (
            "refused_ld_abs_in_xdp",
            "6.12",
            (
                "xdp programs may not use instruction packet_access;"
                " use an access that is checked against data_end"
            ),
        ),
        (
            "refused_deep_calls",
            "6.12",
            ("10 functions call one another, and the verifier allows 8; make some of them __always_inline"),
        ),
        (
            "refused_kconfig_unknown_virtual",
            "6.12",
            "libbpf knows no LINUX_NO_SUCH_THING; declare what it knows",
        ),
        ("refused_struct_ops_extra_field", "6.12", "struct tcp_congestion_ops has no no_such_flag"),
        ("others_big_endian", "6.12", "the object is big-endian, the kernel is not; use -target bpfel"),
    ],
)
def test_what_cannot_work(judged, name, line, text):
    verdict = judged(name, line)
    assert (verdict.status, words(verdict)) == (Status.CANNOT, text)


@pytest.mark.parametrize(
    "name", ["symbols_kfunc_new", "symbols_kfunc_for_tc", "symbols_variable", "symbols_struct_ops_congestion"]
)
def test_symbols_of_the_kernel_that_are_there(judged, name):
    assert judged(name, "6.12").status is Status.WORKS


@pytest.mark.parametrize(
    ("name", "line", "text"),
    [
        ("hook_lsm_sleeps", "6.12", "the verifier decides which functions and hooks may sleep"),
        ("hook_fentry_anywhere", "6.12", "the loader says what this fentry program is attached to"),
        ("hook_freplace", "6.12", "the loader says in which program it replaces a function"),
        ("refused_struct_ops_alone", "6.12", "the loader says which operation of which struct it is"),
        (
            "refused_fmod_ret_plain",
            "6.12",
            "the verifier decides whether programs may change what tcp_connect returns",
        ),
        (
            "refused_fentry_denied",
            "6.12",
            "the verifier decides whether migrate_disable may be traced",
        ),
        (
            "refused_stack_of_a_timer",
            "6.12",
            "it needs 640 bytes of stack, and the verifier allows 512; put what is large into a map",
        ),
        (
            "refused_deep_calls",
            "7.2",
            (
                "10 functions call one another, and verifiers up to 6.18 allow 8;"
                " make some of them __always_inline"
            ),
        ),
        ("hook_loaders_own", "6.12", "section custom/something is no hook: the loader says what it is"),
    ],
)
def test_what_cannot_be_told(judged, name, line, text):
    verdict = judged(name, line)
    assert (verdict.status, words(verdict)) == (Status.UNKNOWN, text)


@pytest.mark.parametrize(
    ("config", "weak", "strong"),
    [
        (
            None,
            "libbpf reads CONFIG_NO_SUCH_OPTION from the configuration in /boot",
            "libbpf reads CONFIG_HZ from the configuration in /boot",
        ),
        ("CONFIG_HZ=250\n", None, None),
        ("# CONFIG_HZ is not set\n", None, "CONFIG_HZ is not set; declare it __weak"),
        ("CONFIG_HZ=100\n", None, "no helper 9999"),
    ],
)
def test_the_kernel_s_configuration(judged, tmp_path, config, weak, strong):
    path = tmp_path / "config"
    path.write_text(config or "")
    changes = {"config": path if config else None}
    assert words(judged("symbols_kconfig_weak", "6.12", **changes)) == weak
    assert words(judged("symbols_kconfig", "6.12", **changes)) == strong


@pytest.mark.parametrize(
    ("name", "config", "text"),
    [
        (
            "symbols_kconfig_of_another_shape",
            "CONFIG_BPF=y\n",
            "CONFIG_BPF is y, which its type (int, 4 bytes) does not hold; declare it enum libbpf_tristate",
        ),
        (
            "symbols_kconfig_too_large",
            "CONFIG_ILLEGAL_POINTER_VALUE=0xdead000000000000\n",
            (
                "CONFIG_ILLEGAL_POINTER_VALUE is 0xdead000000000000, which its type (int, 4 bytes) does not"
                " hold; declare it unsigned long"
            ),
        ),
    ],
)
def test_an_option_that_its_declaration_does_not_hold(judged, tmp_path, name, config, text):
    path = tmp_path / "config"
    path.write_text(config)
    verdict = judged(name, "6.12", config=path)
    assert (verdict.status, words(verdict)) == (Status.CANNOT, text)


@pytest.mark.parametrize("name", ["symbols_address_guarded", "guards_spilled_half"])
def test_what_is_missing_behind_an_unknown_is_not_certain(judged, name):
    verdict = judged(name, "6.12")
    assert verdict.status is Status.UNKNOWN
    assert verdict.reason.what == "no helper 9999, if it comes to that"


@pytest.mark.parametrize(
    "name",
    [
        "helpers_guarded_by_version",
        "relocations_guarded",
        "relocations_type_guarded",
        "symbols_kfunc_guarded",
        "symbols_variable_guarded",
        "guards_by_return_value",
        "guards_by_argument_of_two",
        "guards_flags",
        "guards_two_settings",
        "guards_hidden_function",
        "guards_no_btf_global",
        "guards_type_id",
        "guards_volatile_local",
        "guards_not_optimised",
    ],
)
def test_what_a_kernel_never_comes_to_does_not_count(judged, name):
    assert judged(name, "5.10").status is Status.WORKS


def test_what_netlink_attaches_needs_no_tcx(judged):
    assert judged("hook_tc_ingress", "5.10").status is Status.WORKS


def test_a_program_that_is_not_loaded_with_its_object_is_judged_all_the_same(judged):
    verdict = judged("others_optional_program", "6.1")
    assert (verdict.program, verdict.required, verdict.status) == ("later", False, Status.CANNOT)


def test_the_line_that_decides(judged):
    reason = judged("relocations_gone", "6.12").reason
    assert Path(reason.source.file).name == "relocations_gone.bpf.c"
    assert reason.source.text.strip() == "return BPF_CORE_READ(task, state);"
