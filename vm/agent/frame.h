/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames on a byte stream: a 4-byte little-endian length, then as many bytes. */
#ifndef AGENT_FRAME_H
#define AGENT_FRAME_H

#include <stdint.h>

#include "buffer.h"

#define FRAME_MAX ((uint32_t)64 << 20)
#define FRAME_HEADER 4u

struct stream {
	int in;
	int out;
	struct buffer pending;	/* bytes read; the first `used` of them belong to the last frame */
	size_t used;
};

enum frame_status {
	FRAME_OK,
	FRAME_END,		/* the other side closed between two frames */
	FRAME_CUT,		/* the other side closed inside a frame */
	FRAME_TOO_LONG,
	FRAME_NO_MEMORY,
	FRAME_IO,		/* see errno */
};

/* What to say of a status that is not FRAME_OK. */
const char *frame_text(enum frame_status status);

void stream_init(struct stream *stream, int in, int out);

/* Drop what was read: whoever writes next begins with a new frame. */
void stream_restart(struct stream *stream);

/* Wait for one frame. *body is valid until the next call. */
enum frame_status frame_read(struct stream *stream, const char **body, size_t *len);

/* Make the answer's place for the header, and send header and body. */
void frame_begin(struct buffer *answer);
enum frame_status frame_send(struct stream *stream, struct buffer *answer);

#endif
