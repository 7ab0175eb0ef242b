/* SPDX-License-Identifier: BSD-2-Clause */
/* The mappings behind a ring buffer. */
#ifndef AGENT_RING_H
#define AGENT_RING_H

#include "handles.h"

/* Map a ring buffer of ordinary size before it is first read, so that a machine saved with its object loaded has
 * that done. Of other maps, and where it fails, nothing: the first reading maps it, and says what is wrong.
 */
void ring_open(struct handle *map);

/* Undo that while nothing was read: the kernel freezes no map that is mapped to be written to. */
void ring_close_unread(struct handle *map);

#endif
