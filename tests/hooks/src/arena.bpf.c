/* Memory that programs and user space share, with pointers into itself. */
#include "ebpf.h"

#define __arena __attribute__((address_space(1)))

extern void __arena *bpf_arena_alloc_pages(void *map, void __arena *address, __u32 pages, int node,
					   __u64 flags) __ksym;

struct node {
	__u64 number;
	struct node __arena *next;
};

struct node __arena *head;

SEC("syscall")
int grow(void *ctx)
{
	struct node __arena *node = bpf_arena_alloc_pages(&memory, NULL, 1, -1, 0);

	if (!node)
		return 1;
	node->number = head ? 2 : 1;
	node->next = head;
	head = node;
	return 0;
}
