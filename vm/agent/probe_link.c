// SPDX-License-Identifier: BSD-2-Clause
/* Whether the kernel has a kind of link, found by asking for one that cannot be: a kernel that knows the kind
 * complains of what is wrong with it (EFAULT, EBADF), one that does not says EINVAL or EOPNOTSUPP.
 */
#include "probe_link.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <unistd.h>

/* r0 = 0; exit */
static const struct bpf_insn nothing[] = {
	{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0 },
	{ .code = BPF_JMP | BPF_EXIT },
};

/* The names of the functions are where nothing is mapped. */
static int ask_kprobes(int prog, enum bpf_attach_type type)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .kprobe_multi.cnt = 1, .kprobe_multi.syms = (const char **)1);

	return bpf_link_create(prog, 0, type, &opts);
}

/* A directory has no instructions (as libbpf's own probe of this kind of link). */
static int ask_uprobes(int prog, enum bpf_attach_type type)
{
	static const unsigned long offset;
	LIBBPF_OPTS(bpf_link_create_opts, opts, .uprobe_multi.cnt = 1, .uprobe_multi.path = "/",
		    .uprobe_multi.offsets = &offset);

	return bpf_link_create(prog, -1, type, &opts);
}

static const struct {
	enum bpf_attach_type type;
	int (*ask)(int prog, enum bpf_attach_type type);
	int expected;
} kinds[] = {
	{ BPF_TRACE_KPROBE_MULTI, ask_kprobes, -EFAULT },
	{ BPF_TRACE_KPROBE_SESSION, ask_kprobes, -EFAULT },
	{ BPF_TRACE_UPROBE_MULTI, ask_uprobes, -EBADF },
	{ BPF_TRACE_UPROBE_SESSION, ask_uprobes, -EBADF },
};

int probe_link(uint32_t attach_type)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = kinds[i].type);
		int prog, answer;

		if ((uint32_t)kinds[i].type != attach_type)
			continue;
		prog = bpf_prog_load(BPF_PROG_TYPE_KPROBE, "nothing", "GPL", nothing, 2, &opts);
		if (prog < 0)
			return 0;
		answer = kinds[i].ask(prog, kinds[i].type);
		if (answer >= 0)
			close(answer);
		close(prog);
		return answer == kinds[i].expected;
	}
	return -EOPNOTSUPP;
}
