/*
 * What libbpf makes of CO-RE relocations: relocator LOCAL TARGET < RELOCATIONS
 *
 * LOCAL and TARGET are raw BTF or ELF files. Each line is "type_id path kind" in numbers; each answer
 * "value VALUE FITS", "poisoned" or "error". FITS is 0 where a load or store cannot be fitted to the size.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libbpf_internal.h"
#include "relo_core.h"

static struct bpf_core_cand_list **cache;

static struct bpf_core_cand_list *candidates(const struct btf *local, const struct btf *target, __u32 id)
{
	struct bpf_core_cand cand = { .btf = local, .id = id };
	const char *name;

	if (!cache[id]) {
		cache[id] = calloc(1, sizeof(**cache));
		name = btf__name_by_offset(local, btf__type_by_id(local, id)->name_off);
		if (*name && bpf_core_add_cands(&cand, bpf_core_essential_name_len(name), target, "target", 1,
						cache[id]))
			exit(1);
	}
	return cache[id];
}

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	return getenv("VERBOSE") ? vfprintf(stderr, format, args) : 0;
}

int main(int argc, char **argv)
{
	static struct bpf_core_spec scratch[3];
	struct btf *local, *target;
	char path[512];
	unsigned int id, kind;

	libbpf_set_print(quiet);
	local = argc == 3 ? btf__parse(argv[1], NULL) : NULL;
	target = argc == 3 ? btf__parse(argv[2], NULL) : NULL;
	if (!local || !target)
		return 1;
	cache = calloc(btf__type_cnt(local), sizeof(*cache));
	while (scanf("%u %511s %u", &id, path, &kind) == 3) {
		struct bpf_core_relo relo = { .type_id = id, .kind = kind };
		struct bpf_core_relo_res result = {};

		relo.access_str_off = btf__add_str(local, path);
		if (bpf_core_calc_relo_insn("test", &relo, 0, local, candidates(local, target, id), scratch,
					    &result))
			puts("error");
		else if (result.poison)
			puts("poisoned");
		else
			printf("value %llu %d\n", (unsigned long long)result.new_val,
			       !result.fail_memsz_adjust);
	}
	return 0;
}
