// SPDX-License-Identifier: BSD-2-Clause
/* Insert kernel modules for a test that needs them. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "modprobe.h"
#include "ops.h"

#define NAME_ROOM 128

static int probe_one(struct call *call, const msgpack_object_array *names, uint32_t index, bool *found)
{
	char name[NAME_ROOM], where[32];
	int err;

	snprintf(where, sizeof(where), "names[%u]", index);
	err = value_str(call, &names->ptr[index], where, name, sizeof(name));
	if (err)
		return err;
	/* Nothing is inserted into a kernel that is not ours. */
	if (getpid() != 1)
		return fail(call, EPERM, "only for a machine of its own");
	err = module_probe(name, found);
	return err ? fail(call, err, "%s", name) : 0;
}

int op_modules(struct call *call)
{
	const msgpack_object_array *names;
	int err = arg_list(call, "names", &names);

	if (err)
		return err;
	msgpack_pack_array(&call->pk, names->size);
	for (uint32_t i = 0; i < names->size; i++) {
		bool found = false;

		err = probe_one(call, names, i, &found);
		if (err)
			return err;
		pack_bool(&call->pk, found);
	}
	return 0;
}
