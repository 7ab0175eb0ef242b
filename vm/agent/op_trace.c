// SPDX-License-Identifier: BSD-2-Clause
/* printk: what programs said by bpf_printk. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "ops.h"

#define TEXT_MAX ((size_t)1 << 20)
#define CHUNK 65536
#define PATH_ROOM 64
#define TRACING "/sys/kernel/tracing/"

/* Until something is traced by its own files, the kernel keeps a page or two for each CPU; this is what it keeps
 * then (TRACE_BUF_SIZE_DEFAULT in kernel/trace/trace.c: 1.4 MB, of which a test of programs needs less).
 */
static const char buffer_kib[] = "512";

static int open_trace(const char *name, int flags)
{
	char path[PATH_ROOM];

	snprintf(path, sizeof(path), TRACING "%s", name);
	return open(path, flags | O_CLOEXEC);
}

/* Drop what is there, and have room for what comes. 0 or an errno. */
static int clear_trace(void)
{
	static bool roomy;
	int fd;

	if (!roomy) {
		fd = open_trace("buffer_size_kb", O_WRONLY);
		if (fd < 0)
			return errno;
		roomy = write(fd, buffer_kib, sizeof(buffer_kib) - 1) > 0;
		close(fd);
	}
	fd = open_trace("trace", O_WRONLY | O_TRUNC);
	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

/* 0 or an errno. */
static int read_trace(int fd, struct buffer *text)
{
	while (text->limit - text->len >= CHUNK) {
		ssize_t len;

		if (!buffer_reserve(text, CHUNK))
			return ENOMEM;
		len = read(fd, text->data + text->len, CHUNK);
		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0 && errno == EAGAIN)
			return 0;
		if (len < 0)
			return errno;
		if (len == 0)
			return 0;
		text->len += (size_t)len;
	}
	return 0;
}

int op_printk(struct call *call)
{
	static int fd = -1;
	struct buffer text = { .limit = TEXT_MAX };
	bool clear = false;
	int err = arg_bool_opt(call, "clear", &clear);

	if (err)
		return err;
	if (fd < 0)
		fd = open_trace("trace_pipe", O_RDONLY | O_NONBLOCK);
	if (fd < 0)
		return fail(call, errno, TRACING "trace_pipe");
	err = clear ? clear_trace() : 0;
	if (!err)
		err = read_trace(fd, &text);
	if (err)
		err = fail(call, err, TRACING "trace_pipe");
	else
		pack_text(&call->pk, text.len ? text.data : "", text.len);
	buffer_reset(&text, 0);
	return err;
}
