/* SPDX-License-Identifier: BSD-2-Clause */
/* Where an operation takes a descriptor from: see "Sources" in docs/protocol.md. */
#ifndef AGENT_SOURCE_H
#define AGENT_SOURCE_H

#include <stdbool.h>

#include "wire.h"

/* The descriptor that `source` tells of: 0, or the value of fail(). The caller closes it where *owned. */
int fd_source(struct call *call, arg_t source, const char *where, int *fd, bool *owned);

#endif
