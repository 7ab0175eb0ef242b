// SPDX-License-Identifier: BSD-2-Clause
/* Before a machine is saved: do once what each machine restored from it would do first. */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <linux/bpf.h>
#include <unistd.h>

#include "ops.h"

#define PACKET_SIZE 64

/* r0 = XDP_PASS; exit */
static const struct bpf_insn pass[] = {
	{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS },
	{ .code = BPF_JMP | BPF_EXIT },
};

/* Load a program, run it once, and let it go: libbpf has then asked the kernel what it can do, and the kernel
 * has set up what it needs to run XDP programs. Whether it worked does not matter.
 */
static void rehearse(void)
{
	char packet[PACKET_SIZE] = {};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet, .data_size_in = sizeof(packet), .repeat = 1);
	int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "rehearsal", "GPL", pass, sizeof(pass) / sizeof(pass[0]), NULL);

	if (fd < 0)
		return;
	bpf_prog_test_run_opts(fd, &opts);
	close(fd);
}

int op_warm(struct call *call)
{
	btf__load_vmlinux_btf();
	if (getpid() == 1) /* nothing is loaded into a kernel that is not ours */
		rehearse();
	return answer_nil(call);
}
