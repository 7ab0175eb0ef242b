/* SPDX-License-Identifier: BSD-2-Clause */
/* The buffers behind a perf_event_array. */
#ifndef AGENT_PERF_H
#define AGENT_PERF_H

#include "handles.h"

/* Open a buffer of so many pages (a power of two) on every CPU that is online, kept with the map's handle. */
int perf_open(struct call *call, struct handle *map, uint32_t pages);

#endif
