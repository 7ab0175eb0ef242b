/* SPDX-License-Identifier: BSD-2-Clause */
/* Attaching a program: one row for each `how` of docs/protocol.md, in the attach_*.c. */
#ifndef AGENT_ATTACH_H
#define AGENT_ATTACH_H

#include <bpf/libbpf.h>
#include <stdbool.h>
#include <stddef.h>

#include "handles.h"
#include "wire.h"

/* What an attach function fills in: either libbpf's link, or a state with a detach function of its own. */
struct attached {
	struct bpf_link *link;
	void *state;
	int (*detach)(void *state);	/* detaches and frees `state`; 0 or an errno */
	int fd;				/* the descriptor of a kernel link that is not in `link`; else -1 */
	const char *mode;		/* static text for the answer's `mode`; NULL: none */
};

struct attach_row {
	const char *how;
	bool needs_object;	/* libbpf does it, which knows only programs of objects */
	int (*attach)(struct call *call, const struct handle *prog, struct attached *attached);
};

/* Rows end with one whose `how` is NULL. */
extern const struct attach_row attach_trace_rows[];
extern const struct attach_row attach_user_rows[];
extern const struct attach_row attach_event_rows[];
extern const struct attach_row attach_net_rows[];

/* 0 with `link` kept, or fail() with errno where libbpf gave NULL; `what` says what was attached to. */
int attach_take(struct call *call, struct attached *attached, struct bpf_link *link, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

#define ATTACH_NAME_ROOM 256

/* The many functions that one link is to: those of `names`, or those that `pattern` matches. */
struct attach_functions {
	const char *pattern;	/* NULL: the names */
	const char **names;	/* `len` of them; NULL: the pattern */
	uint32_t len;
	const char *first;	/* the pattern or the first name, for messages */
	bool retprobe;
	bool session;
	char *texts;		/* what all of the above point to */
};

/* Arguments `functions` or `pattern`, `retprobe`, `session`. attach_free_functions() frees what a success gave. */
int attach_read_functions(struct call *call, struct attach_functions *functions);
void attach_free_functions(const struct attach_functions *functions);

#endif
