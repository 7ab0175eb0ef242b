/* SPDX-License-Identifier: BSD-2-Clause */
/* The network namespace that a call is carried out in. */
#ifndef AGENT_NETNS_H
#define AGENT_NETNS_H

#include "wire.h"

/* Run the rest of an operation in the network namespace that argument `netns` names a file of: *saved is the
 * descriptor to go back with, -1 where there is no such argument. netns_leave() closes it.
 */
int netns_enter(struct call *call, int *saved);
void netns_leave(int saved);

#endif
