// SPDX-License-Identifier: BSD-2-Clause
/* After a restore: the clock is what it was when the machine was saved, and so is the random state. */
#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "ops.h"
#include "wake.h"

#define NSEC_PER_SEC 1000000000ULL
#define ENTROPY_MIN 32
#define ENTROPY_MAX 512

/* The argument of RNDADDENTROPY: struct rand_pool_info, with room for its flexible array. */
struct entropy {
	int entropy_count;	/* bits */
	int buf_size;		/* bytes */
	unsigned char buf[ENTROPY_MAX];
};

static int set_clock(uint64_t realtime_ns)
{
	struct timespec now = {
		.tv_sec = (time_t)(realtime_ns / NSEC_PER_SEC),
		.tv_nsec = (long)(realtime_ns % NSEC_PER_SEC),
	};

	return clock_settime(CLOCK_REALTIME, &now) ? errno : 0;
}

int wake_open_random(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = open("/dev/urandom", O_WRONLY | O_CLOEXEC);
	return fd;
}

/* Mix in what no other machine was given, and have the generators of all CPUs take it up at once. */
static int reseed(const struct bin *fresh)
{
	struct entropy entropy = {
		.entropy_count = (int)fresh->len * 8,
		.buf_size = (int)fresh->len,
	};
	int fd = wake_open_random();

	if (fd < 0)
		return errno;
	memcpy(entropy.buf, fresh->data, fresh->len);
	return ioctl(fd, RNDADDENTROPY, &entropy) || ioctl(fd, RNDRESEEDCRNG) ? errno : 0;
}

int op_wake(struct call *call)
{
	uint64_t realtime_ns = 0;
	struct bin fresh = {};
	int err;

	err = arg_u64_opt(call, "realtime_ns", &realtime_ns) ?: arg_bin(call, "entropy", &fresh);
	if (err)
		return err;
	if (getpid() != 1)
		return fail(call, EPERM, "only for a machine of its own");
	if (fresh.len < ENTROPY_MIN || fresh.len > ENTROPY_MAX)
		return fail(call, EINVAL, "entropy: %zu bytes, not %d to %d", fresh.len, ENTROPY_MIN, ENTROPY_MAX);
	err = realtime_ns ? set_clock(realtime_ns) : 0;
	if (err)
		return fail(call, err, "realtime_ns");
	err = reseed(&fresh);
	return err ? fail(call, err, "entropy") : answer_nil(call);
}
