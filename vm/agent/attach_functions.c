// SPDX-License-Identifier: BSD-2-Clause
/* Which functions a link to many goes to (kprobe_multi, uprobe_multi). */
#include <errno.h>
#include <stdlib.h>

#include "attach.h"

#define FUNCTIONS_MAX 1024u

void attach_free_functions(const struct attach_functions *functions)
{
	free(functions->texts);
	free(functions->names);
}

static int read_pattern(struct call *call, struct attach_functions *functions)
{
	functions->texts = malloc(ATTACH_NAME_ROOM);
	if (!functions->texts)
		return fail(call, ENOMEM, "pattern: no memory");
	functions->pattern = functions->first = functions->texts;
	return arg_str(call, "pattern", functions->texts, ATTACH_NAME_ROOM);
}

static int read_names(struct call *call, struct attach_functions *functions)
{
	const msgpack_object_array *list;
	int err = arg_list(call, "functions", &list);

	if (err)
		return err;
	if (!list->size || list->size > FUNCTIONS_MAX)
		return fail(call, EINVAL, "functions: not 1 to %u names (%u)", FUNCTIONS_MAX, list->size);
	functions->names = calloc(list->size, sizeof(*functions->names));
	functions->texts = calloc(list->size, ATTACH_NAME_ROOM);
	if (!functions->names || !functions->texts)
		return fail(call, ENOMEM, "functions: no memory for %u names", list->size);
	for (uint32_t i = 0; !err && i < list->size; i++) {
		char *text = functions->texts + (size_t)i * ATTACH_NAME_ROOM;

		err = value_str(call, &list->ptr[i], "functions", text, ATTACH_NAME_ROOM);
		functions->names[i] = text;
	}
	functions->len = list->size;
	functions->first = functions->texts;
	return err;
}

int attach_read_functions(struct call *call, struct attach_functions *functions)
{
	int err;

	*functions = (struct attach_functions){};
	err = arg_bool_opt(call, "retprobe", &functions->retprobe) ?:
	      arg_bool_opt(call, "session", &functions->session);
	if (!err)
		err = arg_find(call, "pattern") ? read_pattern(call, functions) : read_names(call, functions);
	if (err)
		attach_free_functions(functions);
	return err;
}
