/* Instructions that not every kernel knows. See tests/support/predicted.py for the form of this file. */

//// atomic_add:

__u64 total;
__u32 narrow;

SEC("xdp")
int prog(void *ctx)
{
	__sync_fetch_and_add(&total, 1);
	return 0;
}

//// atomic_fetch:

__u64 total;
__u32 narrow;

SEC("xdp")
int prog(void *ctx)
{
	return __sync_fetch_and_add(&total, 1) & 1;
	return 0;
}

//// atomic_exchange:

__u64 total;
__u32 narrow;

SEC("xdp")
int prog(void *ctx)
{
	return __sync_lock_test_and_set(&total, 1) & 1;
	return 0;
}

//// atomic_compare:

__u64 total;
__u32 narrow;

SEC("xdp")
int prog(void *ctx)
{
	return __sync_val_compare_and_swap(&total, 1, 2) & 1;
	return 0;
}

//// jump_and_narrow_registers:

__u64 total;
__u32 narrow;

SEC("xdp")
int prog(void *ctx)
{
	return narrow > 5 ? 2 : 1;
	return 0;
}

//// signed_division: -mcpu=v4

int narrow; int total;

SEC("xdp")
int prog(void *ctx)
{
	return (int)narrow / (int)total & 1;
	return 0;
}

//// signed_load: -mcpu=v4

__u64 total;
__u32 narrow;

SEC("xdp")
int prog(void *ctx)
{
	return *(volatile signed char *)&narrow < 0 ? 2 : 1;
	return 0;
}

//// signed_move: -mcpu=v4

__u64 total;
__u32 narrow;

SEC("xdp")
int prog(void *ctx)
{
	long n = total;
	asm volatile("%0 = (s8)%0" : "+r"(n));
	return n & 1;
	return 0;
}

//// byte_swap: -mcpu=v4

__u64 total;
__u32 narrow;

SEC("xdp")
int prog(void *ctx)
{
	return __builtin_bswap64(total) & 1;
	return 0;
}

//// may_goto:

SEC("xdp")
int prog(void *ctx)
{
	asm volatile(".byte 0xe5; .byte 0; .short 1; .long 0; r0 = 0;" ::: "r0");
	return 0;
}

//// load_acquire:

__u64 total;
__u32 narrow;

SEC("xdp")
int prog(void *ctx)
{
	asm volatile("r2 = %0; .byte 0xdb; .byte 0x21; .short 0; .long 0x100" :: "r"(&total) : "r1", "r2");
	return 0;
}

//// call_through_a_pointer:

static __noinline int one(int n)
{
	return n + bpf_get_prandom_u32();
}

static __noinline int two(int n)
{
	return n + bpf_ktime_get_ns();
}

SEC("tc")
int prog(struct __sk_buff *skb)
{
	int (*function)(int) = skb->len > 5 ? one : two;

	asm volatile("" : "+r"(function));
	return function(skb->len);
}

//// atomic_unknown:

__u64 total;

SEC("tc")
int prog(void *ctx)
{
	asm volatile("r2 = %0; r1 = 1; .byte 0xdb; .byte 0x12; .short 0; .long 0x10" :: "r"(&total) : "r1", "r2");
	return 0;
}

//// atomic_of_a_byte:

__u64 total;

SEC("tc")
int prog(void *ctx)
{
	asm volatile("r2 = %0; r1 = 1; .byte 0xd3; .byte 0x12; .short 0; .long 0" :: "r"(&total) : "r1", "r2");
	return 0;
}

//// end_without_exit:

SEC("tc")
int prog(struct __sk_buff *skb)
{
	if (skb->len > 5)
		return 0;
	bpf_get_prandom_u32();
	__builtin_unreachable();
}

//// code_without_a_way_to_it:

SEC("tc")
int prog(void *ctx)
{
	asm volatile("goto 1f; r0 = 5; 1:" ::: "r0");
	return 0;
}
