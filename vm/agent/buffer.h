/* SPDX-License-Identifier: BSD-2-Clause */
/* A byte buffer that grows up to a limit and remembers that it could not. */
#ifndef AGENT_BUFFER_H
#define AGENT_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buffer {
	char *data;
	size_t len;
	size_t cap;
	size_t limit;	/* never more bytes than this */
	bool failed;	/* something did not fit, or there was no memory */
};

/* Make room for `more` bytes after len; false (and failed set) when that cannot be. */
bool buffer_reserve(struct buffer *buf, size_t more);

/* Append; the type is msgpack's packer callback. 0, or -1 with failed set. */
int buffer_write(void *buf, const char *data, size_t len);

/* Forget everything after `len`, failures too. */
void buffer_truncate(struct buffer *buf, size_t len);

/* Empty the buffer, giving memory back when more than `keep` bytes are held. */
void buffer_reset(struct buffer *buf, size_t keep);

#endif
