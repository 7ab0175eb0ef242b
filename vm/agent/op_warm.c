// SPDX-License-Identifier: BSD-2-Clause
/* Before a machine is saved: do once what each machine restored from it would do first. */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "deadline.h"
#include "events.h"
#include "features.h"
#include "ops.h"
#include "sysfile.h"
#include "wake.h"
#include "worker.h"

#define PACKET_SIZE 64
#define SETTLE_MS 1100
#define CLOCK "/sys/devices/system/clocksource/clocksource0/current_clocksource"
#define MEASURED "tsc-early\n"
#define CLOCK_MS 3000
#define CLOCK_POLL_MS 20

#define HEAP_BYTES ((size_t)512 << 10)

/* The tracepoint that is rehearsed with: nobody is there to hit it. */
#define TRACEPOINT "/sys/kernel/tracing/events/syscalls/sys_enter_getppid/id"

/* r0 = XDP_PASS; exit */
static const struct bpf_insn pass[] = {
	{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS },
	{ .code = BPF_JMP | BPF_EXIT },
};

static int load(enum bpf_prog_type type)
{
	return bpf_prog_load(type, "rehearsal", "GPL", pass, sizeof(pass) / sizeof(pass[0]), NULL);
}

/* Load a program, run it once, and let it go: the kernel has then set up what it needs to run XDP programs.
 * Whether it worked does not matter.
 */
static void rehearse_run(void)
{
	char packet[PACKET_SIZE] = {};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet, .data_size_in = sizeof(packet), .repeat = 1);
	int fd = load(BPF_PROG_TYPE_XDP);

	if (fd < 0)
		return;
	bpf_prog_test_run_opts(fd, &opts);
	close(fd);
}

static int open_tracepoint(void)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_TRACEPOINT, .size = sizeof(attr) };
	FILE *file = fopen(TRACEPOINT, "re");
	unsigned long long id;
	int known;

	if (!file)
		return -1;
	known = fscanf(file, "%llu", &id);
	fclose(file);
	if (known != 1)
		return -1;
	attr.config = id;
	return (int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
}

/* Attach a program to a tracepoint, hit it, and take the program off: the kernel has then set up what is
 * made for the first event of perf, and for the first probe. Without a link before Linux 5.15.
 */
static void rehearse_attaching(void)
{
	int prog = load(BPF_PROG_TYPE_TRACEPOINT), event = prog < 0 ? -1 : open_tracepoint(), link = -1;

	if (event >= 0) {
		link = bpf_link_create(prog, event, BPF_PERF_EVENT, NULL);
		if (link < 0)
			ioctl(event, PERF_EVENT_IOC_SET_BPF, prog);
		ioctl(event, PERF_EVENT_IOC_ENABLE, 0);
		syscall(SYS_getppid);
	}
	if (link >= 0)
		close(link);
	if (event >= 0)
		close(event);
	if (prog >= 0)
		close(prog);
}

/* Have the heap as large as calls make it, with memory behind it. What they free stays (see main). */
static void grow_heap(void)
{
	char *most = malloc(HEAP_BYTES);

	if (most)
		explicit_bzero(most, HEAP_BYTES);
	free(most);
}

/* Have the kernel map all of the agent now, not page by page as calls come to it: its code, and the clock's page. */
static void map_all(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (mlockall(MCL_CURRENT) == 0)
		munlockall();
}

/* Let the kernel do what it has put off: a second after the last event of perf it takes out of the scheduler what
 * it had put in for the first (perf_sched_work in kernel/events/core.c), and so long after its boot it has
 * measured how fast the processor counts, and changes its clock. Else each machine restored would do it.
 */
static void settle(void)
{
	sleep_ms(SETTLE_MS);
	for (int waited = 0; waited < CLOCK_MS && sysfile_says(CLOCK, MEASURED); waited += CLOCK_POLL_MS)
		sleep_ms(CLOCK_POLL_MS);
}

/* In a kernel that is ours. */
static void rehearse(void)
{
	static bool done;

	if (done)
		return;
	done = true;
	features_try();
	rehearse_run();
	rehearse_attaching();
	events_read();
	wake_open_random();
	wake_open_log();
	settle();
}

int op_warm(struct call *call)
{
	btf__load_vmlinux_btf();
	if (getpid() == 1) { /* nothing is loaded into a kernel that is not ours */
		rehearse();
		worker_prepare();
	}
	grow_heap();
	map_all();
	return answer_nil(call);
}
