/* SPDX-License-Identifier: BSD-2-Clause */
/* The operations of docs/protocol.md. Each returns 0 with one value packed, or what fail() returned. */
#ifndef AGENT_OPS_H
#define AGENT_OPS_H

#include <stdbool.h>

#include "wire.h"

#define PROTOCOL_VERSION 1
#define AGENT_VERSION "0.1.0"

/* Answer one parsed frame into `out`. False when it is no request, or the answer cannot be given. */
bool serve_request(const msgpack_object *request, struct buffer *out);

/* Make the directories that a file lies in, those that are missing: 0 or an errno. */
int make_parents(char *path);

int op_hello(struct call *call);
int op_load(struct call *call);
int op_unload(struct call *call);
int op_assemble(struct call *call);
int op_run(struct call *call);
int op_lookup(struct call *call);
int op_update(struct call *call);
int op_delete(struct call *call);
int op_dump(struct call *call);
int op_push(struct call *call);
int op_pop(struct call *call);
int op_peek(struct call *call);
int op_set_fd(struct call *call);
int op_create(struct call *call);
int op_ring(struct call *call);
int op_perf(struct call *call);
int op_user_ring(struct call *call);
int op_printk(struct call *call);
int op_freeze(struct call *call);
int op_map_info(struct call *call);
int op_pin(struct call *call);
int op_unpin(struct call *call);
int op_arena(struct call *call);
int op_data(struct call *call);
int op_lookup_by(struct call *call);
int op_update_by(struct call *call);
int op_delete_by(struct call *call);
int op_prog_info(struct call *call);
int op_probe(struct call *call);
int op_klog(struct call *call);
int op_read_file(struct call *call);
int op_write_file(struct call *call);
int op_wake(struct call *call);
int op_warm(struct call *call);
int op_spawn(struct call *call);
int op_sys(struct call *call);
int op_give(struct call *call);
int op_exec(struct call *call);
int op_wait(struct call *call);
int op_kill(struct call *call);
int op_modules(struct call *call);
int op_attach(struct call *call);
int op_attach_map(struct call *call);
int op_detach(struct call *call);
int op_link_info(struct call *call);
int op_link_update(struct call *call);
int op_iter(struct call *call);

#endif
