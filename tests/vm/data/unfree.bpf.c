/* Programs with a licence of their own, to be given the number of a helper. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("?fentry/tcp_connect")
__attribute__((naked)) int traced(void *ctx)
{
	asm volatile("call 211; r0 = 0; exit;");
}

SEC("?iter/task")
__attribute__((naked)) int iterated(void *ctx)
{
	asm volatile("call 211; r0 = 0; exit;");
}

char _license[] SEC("license") = "Proprietary";
