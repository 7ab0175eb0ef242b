// SPDX-License-Identifier: BSD-2-Clause
#include "frame.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Read at least this much at once, so that a small frame costs one system call. */
#define READ_CHUNK ((size_t)64 << 10)

/* Larger buffers are given back once their frame is done: a guest has little memory. */
#define KEEP_MAX ((size_t)1 << 20)

const char *frame_text(enum frame_status status)
{
	switch (status) {
	case FRAME_OK:
		return "ok";
	case FRAME_END:
		return "the host closed the connection";
	case FRAME_CUT:
		return "the connection ended inside a frame";
	case FRAME_TOO_LONG:
		return "a frame is longer than 64 MiB";
	case FRAME_NO_MEMORY:
		return "no memory for a frame";
	case FRAME_IO:
		return strerror(errno);
	}
	return "unknown";
}

void stream_init(struct stream *stream, int in, int out)
{
	*stream = (struct stream){ .in = in, .out = out };
	stream->pending.limit = FRAME_HEADER + FRAME_MAX + READ_CHUNK;
}

void stream_restart(struct stream *stream)
{
	buffer_reset(&stream->pending, KEEP_MAX);
	stream->used = 0;
}

static void drop_used(struct stream *stream)
{
	struct buffer *pending = &stream->pending;

	if (stream->used == pending->len) {
		buffer_reset(pending, KEEP_MAX);
	} else {
		memmove(pending->data, pending->data + stream->used, pending->len - stream->used);
		pending->len -= stream->used;
	}
	stream->used = 0;
}

/* Read until `need` bytes are pending. */
static enum frame_status fill(struct stream *stream, size_t need)
{
	struct buffer *pending = &stream->pending;

	while (pending->len < need) {
		size_t want = need - pending->len;
		ssize_t got;

		if (!buffer_reserve(pending, want > READ_CHUNK ? want : READ_CHUNK))
			return FRAME_NO_MEMORY;
		got = read(stream->in, pending->data + pending->len, pending->cap - pending->len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return FRAME_IO;
		if (got == 0)
			return pending->len ? FRAME_CUT : FRAME_END;
		pending->len += (size_t)got;
	}
	return FRAME_OK;
}

enum frame_status frame_read(struct stream *stream, const char **body, size_t *len)
{
	const unsigned char *head;
	enum frame_status status;

	drop_used(stream);
	status = fill(stream, FRAME_HEADER);
	if (status != FRAME_OK)
		return status;
	head = (const unsigned char *)stream->pending.data;
	*len = (size_t)head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16 | (size_t)head[3] << 24;
	if (*len > FRAME_MAX)
		return FRAME_TOO_LONG;
	status = fill(stream, FRAME_HEADER + *len);
	if (status != FRAME_OK)
		return status;
	*body = stream->pending.data + FRAME_HEADER;
	stream->used = FRAME_HEADER + *len;
	return FRAME_OK;
}

void frame_begin(struct buffer *answer)
{
	answer->limit = FRAME_HEADER + FRAME_MAX;
	buffer_reset(answer, KEEP_MAX);
	buffer_write(answer, "\0\0\0\0", FRAME_HEADER);
}

enum frame_status frame_send(struct stream *stream, struct buffer *answer)
{
	size_t body = answer->len - FRAME_HEADER, sent = 0;

	for (unsigned int i = 0; i < FRAME_HEADER; i++)
		answer->data[i] = (char)(body >> 8 * i & 0xff);
	while (sent < answer->len) {
		ssize_t done = write(stream->out, answer->data + sent, answer->len - sent);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return FRAME_IO;
		sent += (size_t)done;
	}
	return FRAME_OK;
}
