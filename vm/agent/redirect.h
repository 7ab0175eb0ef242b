/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a program that was run by itself would have had its packet go. */
#ifndef AGENT_REDIRECT_H
#define AGENT_REDIRECT_H

#include "handles.h"
#include "wire.h"

/* A program of ours behind the one that is run. */
struct redirect {
	int map;
	int prog;
	int link;
};

/* Attach one to `prog`; 0, or the value of fail(). redirect_end() is due either way. */
int redirect_watch(struct call *call, const struct handle *prog, struct redirect *redirect);
void redirect_end(struct redirect *redirect);

/* Pack [index, flags, map_id] of the last run; nil where it left none. map_id is 0 where `index` is no key. */
void redirect_pack(struct call *call, const struct redirect *redirect);

#endif
