/* A program that is run with a context of its own type, and changes it. */
#include "ebpf.h"

SEC("syscall")
int multiply(struct product *product)
{
	product->result = (__u64)product->factor * product->other;
	return 0;
}
