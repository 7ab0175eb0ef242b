/*
 * Programs that call a helper which no kernel has, each behind something that is settled before it is
 * loaded: whether it loads tells whether the verifier comes there.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <stdbool.h>

#define CORE __attribute__((preserve_access_index))
#define PROGRAM(name) SEC("?tc") int name(struct __sk_buff *skb)

static long (*const no_such_helper)(void) = (void *)9999;
#define FALL no_such_helper()

extern int LINUX_KERNEL_VERSION __kconfig;
extern void bpf_no_such_kfunc(void) __ksym __weak;
extern const int no_such_variable __ksym __weak;
extern const void no_such_symbol __ksym __weak;

struct task_struct {
	int pid;
	unsigned int __state;
} CORE;
struct task_struct___old {
	long state;
} CORE;
struct no_such_struct {
	int x;
} CORE;
struct bpf_timer_kern {
	void *timer;
} CORE;
enum bpf_func_id___later {
	BPF_FUNC_loop___later = 181,
	BPF_FUNC_cgrp_storage_get___later = 210,
};

const volatile int zero;
const volatile short many[4] = {0, -5, 3, 0};

PROGRAM(unguarded) { FALL; return 0; }
PROGRAM(by_context) { if (skb->len == 77) FALL; return 0; }

PROGRAM(field_missing) { if (bpf_core_field_exists(struct no_such_struct, x)) FALL; return 0; }
PROGRAM(field_there) { if (!bpf_core_field_exists(struct task_struct, pid)) FALL; return 0; }
PROGRAM(field_renamed) { if (bpf_core_field_exists(struct task_struct, __state)) FALL; return 0; }
PROGRAM(field_old) { if (bpf_core_field_exists(struct task_struct___old, state)) FALL; return 0; }
PROGRAM(type_missing) { if (bpf_core_type_exists(struct no_such_struct)) FALL; return 0; }
PROGRAM(type_later) { if (!bpf_core_type_exists(struct bpf_timer_kern)) FALL; return 0; }
PROGRAM(type_size) { if (bpf_core_type_size(struct task_struct) < 4) FALL; return 0; }
PROGRAM(enumerator_17)
{
	if (!bpf_core_enum_value_exists(enum bpf_func_id___later, BPF_FUNC_loop___later))
		FALL;
	return 0;
}
PROGRAM(enumerator_62)
{
	if (bpf_core_enum_value_exists(enum bpf_func_id___later, BPF_FUNC_cgrp_storage_get___later))
		FALL;
	return 0;
}

PROGRAM(version_below) { if (LINUX_KERNEL_VERSION < KERNEL_VERSION(6, 5, 0)) FALL; return 0; }
PROGRAM(version_above) { if (LINUX_KERNEL_VERSION >= KERNEL_VERSION(6, 12, 50)) FALL; return 0; }
PROGRAM(kfunc_missing) { if (bpf_ksym_exists(bpf_no_such_kfunc)) bpf_no_such_kfunc(); return 0; }
PROGRAM(kfunc_unguarded) { bpf_no_such_kfunc(); return 0; }
PROGRAM(variable_missing) { if (&no_such_variable) FALL; return 0; }
PROGRAM(symbol_missing) { if (&no_such_symbol) FALL; return 0; }

PROGRAM(rodata_zero) { if (zero) FALL; return 0; }
PROGRAM(rodata_signed) { if (many[1] + many[2] != -2) FALL; return 0; }
PROGRAM(rodata_reached) { if (many[2] == 3) FALL; return 0; }
PROGRAM(rodata_loop)
{
	for (int i = 0; i < 10; i++) {
		bpf_get_prandom_u32();
		if (zero)
			FALL;
	}
	return 0;
}

PROGRAM(spilled)
{
	__u64 kept = zero, key[2] = {1, 2};

	asm volatile("*(u64 *)(r10 - 64) = %[kept]" :: [kept] "r"(kept) : "memory");
	bpf_skb_load_bytes(skb, 0, key, 16);
	asm volatile("%[kept] = *(u64 *)(r10 - 64)" : [kept] "=r"(kept) :: "memory");
	if (kept)
		FALL;
	return key[0] == 5;
}

static __noinline int helpless(struct __sk_buff *skb) { FALL; return skb->len; }
__noinline int helpless_global(int x) { FALL; return x + 1; }
__noinline int harmless_global(int x) { if (zero) FALL; return x * bpf_get_prandom_u32(); }

PROGRAM(static_function) { return zero ? helpless(skb) : 0; }
PROGRAM(global_function) { return zero ? helpless_global(5) : 0; }
PROGRAM(guard_in_function) { return harmless_global(skb->len); }

static __noinline int nothing(void) { int x = zero; asm volatile("" : "+r"(x)); return x; }
static __noinline int falls_if(struct __sk_buff *skb, int wanted)
{
	asm volatile("" : "+r"(wanted));
	if (wanted)
		FALL;
	return skb->len;
}
__hidden __noinline int hidden(struct __sk_buff *skb) { FALL; return skb->mark; }
__noinline int nothing_global(void) { int x = zero; asm volatile("" : "+r"(x)); return x; }

PROGRAM(by_result) { if (nothing()) FALL; return 0; }
PROGRAM(by_result_of_global) { if (nothing_global()) FALL; return 0; }
PROGRAM(by_argument) { return falls_if(skb, zero); }
PROGRAM(by_either_argument) { return skb->len > 70 ? falls_if(skb, zero) : falls_if(skb, 1); }
PROGRAM(hidden_function) { return zero ? hidden(skb) : 0; }

PROGRAM(by_type_id) { if (bpf_core_type_id_kernel(struct no_such_struct)) FALL; return 0; }
PROGRAM(by_offset) { if (bpf_core_field_offset(struct task_struct, pid) > 100000) FALL; return 0; }

PROGRAM(by_flags)
{
	__u64 flags = 0;

	if (zero)
		flags |= 1;
	if (skb->len > 100)
		flags |= 2;
	if (skb->mark)
		flags |= 4;
	asm volatile("" : "+r"(flags));
	if (flags & 1)
		FALL;
	return flags;
}

PROGRAM(by_one_of_several)
{
	int mode = 0;

	switch (skb->mark) {
	case 1: mode = 1; break;
	case 2: mode = 2; break;
	case 7: mode = zero ? 3 : 0; break;
	}
	asm volatile("" : "+r"(mode));
	bpf_get_prandom_u32();
	if (mode == 3)
		FALL;
	return mode;
}

PROGRAM(by_count)
{
	int from = zero ? 0 : 10;

	asm volatile("" : "+r"(from));
	for (int i = 0; i < 10; i++) {
		asm volatile("" : "+r"(i));
		if (i >= from)
			FALL;
	}
	return 0;
}

PROGRAM(by_elements)
{
#pragma clang loop unroll(disable)
	for (int i = 0; i < 4; i++) {
		if (many[i] > 3)
			FALL;
		bpf_get_prandom_u32();
	}
	return 0;
}

PROGRAM(zero_byte) { volatile bool x = zero; bpf_get_prandom_u32(); if (x) FALL; return 0; }
PROGRAM(zero_word) { volatile int x = zero; bpf_get_prandom_u32(); if (x) FALL; return 0; }
PROGRAM(word_that_is_5) { volatile int x = zero + 5; bpf_get_prandom_u32(); if (x != 5) FALL; return 0; }
PROGRAM(stored_number) { volatile int x = 6; bpf_get_prandom_u32(); if (x != 6) FALL; return 0; }
PROGRAM(swapped) { if (bpf_htons(many[2]) != 0x300) FALL; return 0; }
PROGRAM(divided) { unsigned x = many[2]; if (x / (unsigned)(zero + 2) != 1) FALL; return 0; }
PROGRAM(negated) { int x = many[2]; asm volatile("%0 = -%0" : "+r"(x)); if (x != -3) FALL; return 0; }

PROGRAM(arithmetic)
{
	__u64 x = zero + 21;
	__u32 y = zero;

	x = (x << 40 | 5) ^ 4;
	y = (y - 1) >> 28;
	asm volatile("" : "+r"(x), "+r"(y));
	x *= y;
	if (x != ((21ull << 40 | 1) * 15) || (int)(y << 28) >> 28 != -1)
		FALL;
	return 0;
}

char _license[] SEC("license") = "GPL";
