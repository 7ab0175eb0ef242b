// SPDX-License-Identifier: BSD-2-Clause
/* iter: one pass of an iterator. */
#include <bpf/bpf.h>
#include <errno.h>
#include <unistd.h>

#include "deadline.h"
#include "handles.h"
#include "ops.h"

#define ITER_LIMIT ((uint32_t)1 << 20)
#define ITER_MAX ((uint32_t)32 << 20)
#define ITER_CHUNK ((size_t)65536)
/* Without a byte: a program that returns 1 is called for the same object again, for ever (bpf_iter_run_prog). */
#define SILENCE_MS 5000u

/* All that an iterator writes; EFBIG if that is more than `limit` bytes, or another errno. */
static int read_iterator(int fd, struct buffer *data, uint32_t limit)
{
	uint64_t deadline = deadline_in(SILENCE_MS);

	/* One byte more than is allowed tells that there is more. */
	data->limit = (size_t)limit + 1;
	while (data->len < data->limit) {
		size_t want = data->limit - data->len < ITER_CHUNK ? data->limit - data->len : ITER_CHUNK;
		ssize_t got;

		if (!buffer_reserve(data, want))
			return ENOMEM;
		got = read(fd, data->data + data->len, want);
		if (got == 0)
			return 0;
		if (got < 0 && errno != EINTR && errno != EAGAIN)
			return errno;
		if (got < 0 && clock_ms() >= deadline)
			return ETIMEDOUT;
		if (got > 0) {
			data->len += (size_t)got;
			deadline = deadline_in(SILENCE_MS);
		}
	}
	return EFBIG;
}

int op_iter(struct call *call)
{
	struct buffer data = {};
	uint32_t limit = ITER_LIMIT;
	struct handle *link;
	int fd, err;

	err = arg_handle(call, "link", HANDLE_LINK, &link) ?: arg_u32_opt(call, "limit", &limit);
	if (err)
		return err;
	if (limit > ITER_MAX)
		return fail(call, EINVAL, "limit: more than %u (%u)", ITER_MAX, limit);
	fd = link->fd < 0 ? -EINVAL : bpf_iter_create(link->fd);
	if (fd < 0)
		return fail(call, -fd, "link: not one of an iterator");
	err = read_iterator(fd, &data, limit);
	close(fd);
	if (err == EFBIG)
		err = fail(call, err, "the iterator writes more than %u bytes", limit);
	else if (err == ETIMEDOUT)
		err = fail(call, err, "the iterator writes nothing for %u ms, and goes on", SILENCE_MS);
	else if (err)
		err = fail(call, err, "the iterator fails after %zu bytes", data.len);
	else
		pack_bin(&call->pk, data.len ? data.data : "", data.len);
	buffer_reset(&data, 0);
	return err;
}
