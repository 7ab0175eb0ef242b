/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef AGENT_PROBE_LINK_H
#define AGENT_PROBE_LINK_H

#include <stdint.h>

/* 1 or 0: whether the kernel has links of this attach type; -EOPNOTSUPP for types that this cannot tell of. */
int probe_link(uint32_t attach_type);

#endif
