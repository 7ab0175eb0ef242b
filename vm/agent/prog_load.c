// SPDX-License-Identifier: BSD-2-Clause
/* The linker (--wrap, see Makefile) sends libbpf's calls of its own bpf_prog_load here, for two reasons.
 *
 * What it loads without a log is loaded with BPF_LOG_STATS (since 5.2, kernel commit 06ee7115b0d1): the verifier then
 * prints a few lines at the end, its time, the depth of the stack, the counts of instructions and states, and of a
 * program that it refuses the line that says why. libbpf has no setting for that which leaves its own log alone.
 *
 * A refused program libbpf loads again with a log of 16 MiB, and with twice the room as long as that does not
 * suffice. A guest has not the memory for that, nor a test the time: a log of a million steps takes hundreds of MiB, and
 * each time as long as it took the verifier to give up. Here the program is loaded once more at most.
 */
#include "prog_load.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>

#include "log.h"
#include "stats.h"

/* BPF_LOG_STATS of the kernel's include/linux/bpf_verifier.h. */
#define LOG_STATS 4

/* The most room for a log on kernels that keep its beginning, those before 6.4 (kernel commit 121664093803). */
#define LOG_ROOM ((size_t)64 << 20)

/* What a log would not add to: the way through a million instructions is none that somebody follows. */
#define TOO_LARGE "BPF program is too large. Processed "

#define LOAD_ARGS                                                                                                      \
	enum bpf_prog_type type, const char *name, const char *license, const struct bpf_insn *insns, size_t count,   \
		struct bpf_prog_load_opts *opts

/* The names that the linker gives to the function and to what stands in for it. */
int __real_bpf_prog_load(LOAD_ARGS);
int __wrap_bpf_prog_load(LOAD_ARGS);

/* Whether programs are loaded our way, and what was told of the last that was refused. */
static struct {
	bool active;
	bool keeps_end;			/* the kernel keeps the end of a log for which there is no room */
	const struct bpf_insn *insns;	/* which program it is; NULL where none was refused */
	int err;
	/* Room for 256 functions, the most there can be: the depth and the instructions (since 7.2) of each. */
	char text[4096];
} told;

void prog_load_start(void)
{
	told.active = true;
	told.insns = NULL;
	stats_drop();
}

void prog_load_stop(void)
{
	told.active = false;
	stats_drop();
}

static int load_with_stats(LOAD_ARGS)
{
	int fd;

	told.text[0] = '\0';
	opts->log_buf = told.text;
	opts->log_size = sizeof(told.text);
	opts->log_level = LOG_STATS;
	fd = __real_bpf_prog_load(type, name, license, insns, count, opts);
	/* A kernel that tells how long the log is or would be is one that keeps its end. */
	told.keeps_end = opts->log_true_size > 0;
	opts->log_buf = NULL;
	opts->log_size = 0;
	opts->log_level = 0;
	/* A log that does not fit fails a valid program. */
	if (fd == -ENOSPC) {
		told.text[0] = '\0';
		fd = __real_bpf_prog_load(type, name, license, insns, count, opts);
	}
	told.insns = fd < 0 ? insns : NULL;
	told.err = fd < 0 ? -fd : 0;
	if (fd >= 0)
		stats_keep(fd, told.text);
	return fd;
}

/* Bytes for a log: of older kernels as many as are at hand, of others what is handed on of it. */
static size_t log_room(void)
{
	struct sysinfo info = {};
	size_t half;

	if (told.keeps_end || sysinfo(&info))
		return LOG_KEEP;
	half = info.freeram * info.mem_unit / 2;
	if (half > LOG_ROOM)
		return LOG_ROOM;
	return half > LOG_KEEP ? half : LOG_KEEP;
}

/* Without the log for which there is no room: what the kernel said of the program without one. */
static int verdict(LOAD_ARGS)
{
	if (told.insns == insns)
		return -told.err;
	return load_with_stats(type, name, license, insns, count, opts);
}

/* Load with a log for which there is room, and copy its end to `log`, of `size` bytes. */
static int load_with_log(LOAD_ARGS)
{
	uint32_t size = opts->log_size, level = opts->log_level;
	size_t room = log_room(), len, from;
	char *log = opts->log_buf, *text;
	bool fits, ours;
	int fd;

	text = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ours = text != MAP_FAILED;
	if (ours) {
		opts->log_buf = text;
		opts->log_size = (uint32_t)room;
	}
	fd = __real_bpf_prog_load(type, name, license, insns, count, opts);
	fits = fd != -ENOSPC;
	if (!fits)
		fd = verdict(type, name, license, insns, count, opts);
	opts->log_buf = log;
	opts->log_size = size;
	opts->log_level = level;
	/* The beginning of a log leads to no reason. */
	if (!fits && !told.keeps_end) {
		strcpy(log, told.text);
		log_cut();
	} else if (ours) {
		len = strnlen(text, room - 1);
		from = len < size ? 0 : len - size + 1;
		memcpy(log, text + from, len - from);
		log[len - from] = '\0';
	}
	if (ours)
		munmap(text, room);
	return fd;
}

int __wrap_bpf_prog_load(LOAD_ARGS)
{
	int fd;

	if (!told.active || !opts)
		return __real_bpf_prog_load(type, name, license, insns, count, opts);
	if (!opts->log_level && !opts->log_buf)
		return load_with_stats(type, name, license, insns, count, opts);
	/* libbpf tries what a kernel can do with small logs. */
	if (!opts->log_level || opts->log_size < BPF_LOG_BUF_SIZE)
		return __real_bpf_prog_load(type, name, license, insns, count, opts);
	if (told.insns == insns && strstr(told.text, TOO_LARGE)) {
		strcpy(opts->log_buf, told.text);
		fd = -told.err;
	} else {
		fd = load_with_log(type, name, license, insns, count, opts);
	}
	if (fd < 0)
		errno = -fd;
	return fd;
}
