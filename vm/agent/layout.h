/* SPDX-License-Identifier: BSD-2-Clause */
/* System calls as a request tells of them, laid out in the arena of a worker, and their results packed. */
#ifndef AGENT_LAYOUT_H
#define AGENT_LAYOUT_H

#include "wire.h"
#include "worker.h"

/* Lay the calls of `list` out: 0, or the value of fail(). */
int layout_calls(struct call *call, struct arena *arena, const msgpack_object_array *list);

/* Pack what the calls of a list that was laid out returned, and the bytes that come back. */
void layout_pack(struct call *call, struct arena *arena, const msgpack_object_array *list);

#endif
