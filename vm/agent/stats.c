// SPDX-License-Identifier: BSD-2-Clause
/* BPF_LOG_STATS (since 5.2, kernel commit 06ee7115b0d1) has the verifier print a few lines at the end of a log: its
 * time, the depth of the stack, the counts of instructions and states. Alone it prints nothing else of a valid
 * program. libbpf has no setting for it that leaves its own log of refused programs as it is, so the linker
 * (--wrap, see Makefile) sends its call here: what it loads without a log is loaded with the statistics.
 */
#include "stats.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* BPF_LOG_STATS of the kernel's include/linux/bpf_verifier.h. */
#define LOG_STATS 4

/* The names that the linker gives to the function and to what stands in for it. */
int __real_bpf_prog_load(enum bpf_prog_type type, const char *name, const char *license,
			 const struct bpf_insn *insns, size_t count, struct bpf_prog_load_opts *opts);
int __wrap_bpf_prog_load(enum bpf_prog_type type, const char *name, const char *license,
			 const struct bpf_insn *insns, size_t count, struct bpf_prog_load_opts *opts);

struct said {
	int fd;
	char *text;
};

static struct {
	struct said *list;
	size_t len;
	bool active;
} kept;

void stats_start(void)
{
	stats_stop();
	kept.active = true;
}

void stats_stop(void)
{
	for (size_t i = 0; i < kept.len; i++)
		free(kept.list[i].text);
	free(kept.list);
	kept.list = NULL;
	kept.len = 0;
	kept.active = false;
}

/* The last one: libbpf closes descriptors of probes, and their numbers come back. */
const char *stats_of(int fd)
{
	for (size_t i = kept.len; i > 0; i--) {
		if (kept.list[i - 1].fd == fd)
			return kept.list[i - 1].text;
	}
	return "";
}

/* Without memory for them there are no statistics, that is all. */
static void keep(int fd, const char *text)
{
	struct said *list = realloc(kept.list, (kept.len + 1) * sizeof(*list));
	char *copy;

	if (!list)
		return;
	kept.list = list;
	copy = strdup(text);
	if (!copy)
		return;
	list[kept.len].fd = fd;
	list[kept.len].text = copy;
	kept.len++;
}

int __wrap_bpf_prog_load(enum bpf_prog_type type, const char *name, const char *license,
			 const struct bpf_insn *insns, size_t count, struct bpf_prog_load_opts *opts)
{
	/* Room for 256 functions, the most there can be: the depth and the instructions (since 7.2) of each. */
	static char text[4096];
	int fd;

	if (!kept.active || !opts || opts->log_level || opts->log_buf)
		return __real_bpf_prog_load(type, name, license, insns, count, opts);
	text[0] = '\0';
	opts->log_buf = text;
	opts->log_size = sizeof(text);
	opts->log_level = LOG_STATS;
	fd = __real_bpf_prog_load(type, name, license, insns, count, opts);
	opts->log_buf = NULL;
	opts->log_size = 0;
	opts->log_level = 0;
	/* A log that does not fit fails a valid program. Of another failure libbpf asks for the reasons itself. */
	if (fd == -ENOSPC) {
		text[0] = '\0';
		fd = __real_bpf_prog_load(type, name, license, insns, count, opts);
	}
	if (fd >= 0)
		keep(fd, text);
	return fd;
}
