/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef AGENT_PROBE_MAP_H
#define AGENT_PROBE_MAP_H

#include <stdint.h>

/* Whether the kernel has a type of map: 1, 0, or -errno where it cannot be told. */
int probe_map(uint32_t type);

#endif
