// SPDX-License-Identifier: BSD-2-Clause
/* data: a part of an object's global variables, while programs may be writing to others of the same section. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "handles.h"
#include "ops.h"

struct part {
	const struct handle *map;
	char *mapped;		/* the section, where libbpf has mapped it: not if all its variables are static */
	uint64_t offset;
	uint32_t length;
	struct bin data;	/* what is to be written */
};

static int find_section(struct call *call, struct part *part)
{
	struct handle *map;
	size_t size;
	int err = arg_handle(call, "map", HANDLE_MAP, &map);

	if (err)
		return err;
	if (!map->map || !bpf_map__is_internal(map->map))
		return fail(call, EINVAL, "map: no global data (type %u)", map->shape.type);
	part->map = map;
	part->mapped = bpf_map__initial_value(map->map, &size);
	return 0;
}

static int read_args(struct call *call, struct part *part)
{
	size_t size, len;
	int err = find_section(call, part) ?: arg_u64_opt(call, "offset", &part->offset) ?:
		  arg_u32_opt(call, "length", &part->length) ?: arg_bin_opt(call, "data", &part->data);

	if (err)
		return err;
	if (part->data.data && arg_find(call, "length"))
		return fail(call, EINVAL, "length, data: more than one of them is given");
	if (part->data.data && part->map->shape.flags & BPF_F_RDONLY_PROG)
		return fail(call, EPERM, "map: its data are fixed");
	size = part->map->shape.value_size;
	len = part->data.data ? part->data.len : part->length;
	if (part->offset > size || len > size - part->offset)
		return fail(call, ERANGE, "offset %llu: %zu bytes from there are not in a section of %zu",
			    (unsigned long long)part->offset, len, size);
	return 0;
}

/* Read or write it where the section is the one element of an array. */
static int in_element(struct call *call, const struct part *part, char *element)
{
	int first = 0, err = -bpf_map_lookup_elem(part->map->fd, &first, element);

	if (err)
		return fail(call, err, "the kernel refuses it");
	if (!part->data.data) {
		pack_bin(&call->pk, element + part->offset, part->length);
		return 0;
	}
	memcpy(element + part->offset, part->data.data, part->data.len);
	err = -bpf_map_update_elem(part->map->fd, &first, element, 0);
	return err ? fail(call, err, "the kernel refuses it") : answer_nil(call);
}

int op_data(struct call *call)
{
	struct part part = {};
	char *element;
	int err = read_args(call, &part);

	if (err)
		return err;
	if (part.mapped && part.data.data) {
		memcpy(part.mapped + part.offset, part.data.data, part.data.len);
		return answer_nil(call);
	}
	if (part.mapped) {
		pack_bin(&call->pk, part.mapped + part.offset, part.length);
		return 0;
	}
	element = malloc(part.map->shape.value_size);
	if (!element)
		return fail(call, ENOMEM, "no memory for %u bytes", part.map->shape.value_size);
	err = in_element(call, &part, element);
	free(element);
	return err;
}
