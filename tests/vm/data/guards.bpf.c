/*
 * Programs that call a helper which no kernel has, each behind something that is settled before it is
 * loaded: whether it loads tells whether the verifier comes there.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

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
