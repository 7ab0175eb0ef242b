// SPDX-License-Identifier: BSD-2-Clause
/* The argument `programs` of load. */
#include <errno.h>

#include "load.h"

static int set_autoload(struct call *call, struct bpf_program *prog, arg_t arg, const struct place *place)
{
	bool autoload;

	return value_bool(call, arg, place->where, &autoload) ?:
	       load_refused(call, place, bpf_program__set_autoload(prog, autoload));
}

static int set_type(struct call *call, struct bpf_program *prog, arg_t arg, const struct place *place)
{
	uint32_t type;

	return value_u32(call, arg, place->where, &type) ?:
	       load_refused(call, place, bpf_program__set_type(prog, type));
}

static int set_attach_type(struct call *call, struct bpf_program *prog, arg_t arg, const struct place *place)
{
	uint32_t type;

	return value_u32(call, arg, place->where, &type) ?:
	       load_refused(call, place, bpf_program__set_expected_attach_type(prog, type));
}

/* In this order: libbpf looks a target up by the type. */
static const struct {
	const char *key;
	int (*apply)(struct call *call, struct bpf_program *prog, arg_t arg, const struct place *place);
} settings_known[] = {
	{ "autoload", set_autoload },
	{ "type", set_type },
	{ "attach_type", set_attach_type },
};

/* A function of the kernel or a module ("module:function"), or with `target_prog` one of a loaded program. */
static int set_target(struct call *call, struct bpf_program *prog, const msgpack_object_map *settings,
		      const struct place *of)
{
	struct place place, target_place;
	arg_t target_arg = load_setting(settings, "target_prog", of, &target_place);
	arg_t arg = load_setting(settings, "target", of, &place);
	struct handle *target = NULL;
	char function[NAME_ROOM];
	int err;

	if (target_arg) {
		err = value_handle(call, target_arg, target_place.where, HANDLE_PROG, &target);
		if (err)
			return err;
		if (!arg)
			return fail(call, EINVAL, "%s: needs target, the function", target_place.where);
	}
	if (!arg)
		return 0;
	err = value_str(call, arg, place.where, function, sizeof(function));
	if (err)
		return err;
	err = -bpf_program__set_attach_target(prog, target ? target->fd : 0, function);
	return err ? fail(call, err, "%s: libbpf does not find %s in %s", place.where, function,
			  target ? "target_prog" : "the kernel") : 0;
}

static int set_program(struct call *call, const struct load *load, const msgpack_object_map *settings,
		       const struct place *of)
{
	struct bpf_program *prog = bpf_object__find_program_by_name(load->object, of->name);

	if (!prog)
		return fail(call, ENOENT, "%s: the object has no such program", of->where);
	for (size_t i = 0; i < sizeof(settings_known) / sizeof(settings_known[0]); i++) {
		struct place place;
		arg_t arg = load_setting(settings, settings_known[i].key, of, &place);
		int err = arg ? settings_known[i].apply(call, prog, arg, &place) : 0;

		if (err)
			return err;
	}
	return set_target(call, prog, settings, of);
}

int load_set_programs(struct call *call, struct load *load)
{
	const msgpack_object_map *programs = NULL, *settings;
	struct place place;
	int err = arg_map_opt(call, "programs", &programs);

	for (uint32_t i = 0; !err && programs && i < programs->size; i++) {
		err = load_member(call, "programs", &programs->ptr[i], &place) ?:
		      value_map(call, &programs->ptr[i].val, place.where, &settings) ?:
		      set_program(call, load, settings, &place);
	}
	return err;
}
