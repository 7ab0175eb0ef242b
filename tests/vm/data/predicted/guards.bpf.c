/* Guards that are kept for later, handed to functions and back, or asked for in other ways. See tests/support/predicted.py for the form of this file. */

//// by_return_value:

enum bpf_func_id___n { BPF_FUNC_ktime_get_tai_ns___n = 208 };
static __noinline int has(void)
{
	int yes = bpf_core_enum_value_exists(enum bpf_func_id___n, BPF_FUNC_ktime_get_tai_ns___n);
	asm volatile("" : "+r"(yes));
	return yes;
}
SEC("tc")
int prog(struct __sk_buff *skb)
{
	if (has())
		return bpf_ktime_get_tai_ns() & 1;
	return 0;
}

//// by_argument_of_two:

enum bpf_func_id___n { BPF_FUNC_ktime_get_tai_ns___n = 208 };
static __noinline int now(struct __sk_buff *skb, bool tai)
{
	asm volatile("" : "+r"(tai));
	if (tai)
		return bpf_ktime_get_tai_ns() & 1;
	return bpf_ktime_get_ns() & skb->len;
}
SEC("tc")
int prog(struct __sk_buff *skb)
{
	if (skb->len > 100)
		return now(skb, false);
	return now(skb, bpf_core_enum_value_exists(enum bpf_func_id___n, BPF_FUNC_ktime_get_tai_ns___n));
}
SEC("tc")
int always(struct __sk_buff *skb)
{
	return now(skb, true);
}

//// by_global_return:

enum bpf_func_id___n { BPF_FUNC_ktime_get_tai_ns___n = 208 };
__noinline int has(void)
{
	int yes = bpf_core_enum_value_exists(enum bpf_func_id___n, BPF_FUNC_ktime_get_tai_ns___n);
	asm volatile("" : "+r"(yes));
	return yes;
}
SEC("tc")
int prog(struct __sk_buff *skb)
{
	if (has())
		return bpf_ktime_get_tai_ns() & 1;
	return 0;
}

//// flags:

enum bpf_func_id___n { BPF_FUNC_ktime_get_tai_ns___n = 208 };
#define HAS bpf_core_enum_value_exists(enum bpf_func_id___n, BPF_FUNC_ktime_get_tai_ns___n)
SEC("tc")
int prog(struct __sk_buff *skb)
{
	__u64 flags = 0;

	if (HAS)
		flags |= 1;
	if (skb->len > 100)
		flags |= 2;
	if (skb->mark)
		flags |= 4;
	asm volatile("" : "+r"(flags));
	if (flags & 1)
		return bpf_ktime_get_tai_ns() & 1;
	return flags;
}

//// two_settings:

extern int LINUX_KERNEL_VERSION __kconfig;
SEC("tc")
int prog(struct __sk_buff *skb)
{
	int mode = 0;
	switch (skb->mark) {
	case 1: mode = 1; break;
	case 2: mode = 2; break;
	case 7: mode = LINUX_KERNEL_VERSION >= KERNEL_VERSION(6, 1, 0) ? 3 : 0; break;
	}
	asm volatile("" : "+r"(mode));
	bpf_get_prandom_u32();
	if (mode == 3)
		return bpf_ktime_get_tai_ns() & 1;
	return mode;
}

//// hidden_function:

enum bpf_func_id___n { BPF_FUNC_ktime_get_tai_ns___n = 208 };
#define HAS bpf_core_enum_value_exists(enum bpf_func_id___n, BPF_FUNC_ktime_get_tai_ns___n)
__hidden __noinline int now(struct __sk_buff *skb)
{
	return bpf_ktime_get_tai_ns() & 1 & skb->len;
}
SEC("tc")
int prog(struct __sk_buff *skb)
{
	if (HAS)
		return now(skb);
	return 0;
}

//// no_btf_global: -g0

const volatile int zero = 0;
__noinline int now(struct __sk_buff *skb)
{
	return bpf_ktime_get_tai_ns() & 1 & skb->len;
}
SEC("tc")
int prog(struct __sk_buff *skb)
{
	if (zero)
		return now(skb);
	return 0;
}

//// type_id:

struct bpf_cpumask { int usage; };
SEC("tc")
int prog(struct __sk_buff *skb)
{
	if (bpf_core_type_id_kernel(struct bpf_cpumask))
		return bpf_ktime_get_tai_ns() & 1;
	return 0;
}

//// volatile_local:

enum bpf_func_id___n { BPF_FUNC_ktime_get_tai_ns___n = 208 };
#define HAS bpf_core_enum_value_exists(enum bpf_func_id___n, BPF_FUNC_ktime_get_tai_ns___n)
SEC("tc")
int prog(struct __sk_buff *skb)
{
	volatile bool has = HAS;
	int r = bpf_get_prandom_u32();
	if (has)
		return bpf_ktime_get_tai_ns() & 1;
	return r;
}
SEC("tc")
int word(struct __sk_buff *skb)
{
	volatile int has = HAS;
	int r = bpf_get_prandom_u32();
	if (has)
		return bpf_ktime_get_tai_ns() & 1;
	return r;
}
SEC("tc")
int wide(struct __sk_buff *skb)
{
	volatile long has = HAS;
	int r = bpf_get_prandom_u32();
	if (has)
		return bpf_ktime_get_tai_ns() & 1;
	return r;
}

//// not_optimised: -O1 -fno-inline

extern int LINUX_KERNEL_VERSION __kconfig;
static bool at_least(int major, int minor)
{
	return LINUX_KERNEL_VERSION >= KERNEL_VERSION(major, minor, 0);
}
static int clock_now(void)
{
	if (at_least(6, 1))
		return bpf_ktime_get_tai_ns() & 1;
	return bpf_ktime_get_ns() & 1;
}
SEC("tc")
int prog(struct __sk_buff *skb)
{
	return clock_now();
}

//// spilled_half:

const volatile int five = 5;

SEC("tc")
int prog(struct __sk_buff *skb)
{
	volatile int kept = five;

	bpf_get_prandom_u32();
	return kept == 5 ? 0 : ((long (*)(void))9999)();
}

//// with_an_unknown_number:

enum bpf_func_id___n { BPF_FUNC_ktime_get_tai_ns___n = 208 };
#define HAS bpf_core_enum_value_exists(enum bpf_func_id___n, BPF_FUNC_ktime_get_tai_ns___n)
SEC("tc")
int prog(struct __sk_buff *skb)
{
	__u32 flags = skb->mark & 0xfe;

	if (HAS)
		flags |= 1;
	asm volatile("" : "+r"(flags));
	if (flags & 1)
		return bpf_ktime_get_tai_ns() & 1;
	return 0;
}
SEC("tc")
int product(struct __sk_buff *skb)
{
	__u64 has = HAS;
	__u64 go = skb->len & has;

	asm volatile("" : "+r"(go));
	if (go)
		return bpf_ktime_get_tai_ns() & 1;
	return 0;
}
SEC("tc")
int largest(struct __sk_buff *skb)
{
	__u32 flags = HAS ? 4 : 0;

	flags |= skb->mark & 3;
	asm volatile("" : "+r"(flags));
	if (flags >= 4)
		return bpf_ktime_get_tai_ns() & 1;
	return flags;
}

//// in_the_frame_of_the_caller:

enum bpf_func_id___n { BPF_FUNC_ktime_get_tai_ns___n = 208 };
struct known {
	long tai;
	long len;
};
static __noinline int now(struct known *known)
{
	if (known->tai)
		return bpf_ktime_get_tai_ns() & 1;
	return known->len & 1;
}
SEC("tc")
int prog(struct __sk_buff *skb)
{
	struct known known = { .len = skb->len };

	known.tai = bpf_core_enum_value_exists(enum bpf_func_id___n, BPF_FUNC_ktime_get_tai_ns___n);
	return now(&known);
}

//// by_an_unknown_number:

SEC("tc")
int prog(struct __sk_buff *skb)
{
	if ((skb->mark & 0xff) == 3 && skb->len / 16 < 20)
		return bpf_ktime_get_tai_ns() & 1;
	return 0;
}
