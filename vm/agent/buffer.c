// SPDX-License-Identifier: BSD-2-Clause
#include "buffer.h"

#include <stdlib.h>
#include <string.h>

#define BUFFER_FIRST 4096u

bool buffer_reserve(struct buffer *buf, size_t more)
{
	size_t cap = buf->cap ? buf->cap : BUFFER_FIRST;
	char *data;

	if (more > buf->limit - buf->len) {
		buf->failed = true;
		return false;
	}
	if (buf->cap - buf->len >= more)
		return true;
	while (cap < buf->len + more)
		cap *= 2;
	data = realloc(buf->data, cap);
	if (!data) {
		buf->failed = true;
		return false;
	}
	buf->data = data;
	buf->cap = cap;
	return true;
}

int buffer_write(void *data, const char *bytes, size_t len)
{
	struct buffer *buf = data;

	/* Once something was left out, what follows would be out of place. */
	if (buf->failed || !buffer_reserve(buf, len))
		return -1;
	if (len)
		memcpy(buf->data + buf->len, bytes, len);
	buf->len += len;
	return 0;
}

void buffer_truncate(struct buffer *buf, size_t len)
{
	buf->len = len;
	buf->failed = false;
}

void buffer_reset(struct buffer *buf, size_t keep)
{
	if (buf->cap > keep) {
		free(buf->data);
		buf->data = NULL;
		buf->cap = 0;
	}
	buffer_truncate(buf, 0);
}
