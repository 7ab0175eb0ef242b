/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef AGENT_INIT_NET_H
#define AGENT_INIT_NET_H

/* Bring lo and the NICs up. What fails is one console line each. */
void init_network(void);

#endif
