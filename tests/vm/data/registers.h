/* The registers that <bpf/bpf_tracing.h> reads, by the names that x86-64 kernels give them. */
#define __TARGET_ARCH_x86
#define __VMLINUX_H__

struct pt_regs {
	unsigned long di;
	unsigned long si;
	unsigned long dx;
	unsigned long cx;
	unsigned long r8;
	unsigned long r9;
	unsigned long r10;
	unsigned long sp;
	unsigned long bp;
	unsigned long ax;
	unsigned long ip;
} __attribute__((preserve_access_index));
