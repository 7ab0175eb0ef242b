// SPDX-License-Identifier: BSD-2-Clause
/* bpf_redirect() and its kin leave where a packet is to go in struct bpf_redirect_info (include/linux/filter.h), for
 * the driver or the stack to act on, which BPF_PROG_TEST_RUN is not. A program attached behind the one that is run
 * (fexit) copies it. It lies with the task since 6.11 (commit 401cb7dae813, "net: Reference bpf_redirect_info via
 * task_struct on PREEMPT_RT."), before that with the CPU.
 */
#include "redirect.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NOTHING (-1)
#define INFO_MAX 128
#define INSNS_MAX 48
/* What map_id is where there is no map (bpf_xdp_redirect in net/core/filter.c, since 5.13). */
#define NO_MAP INT32_MAX

/* The element of the map that the program writes. */
struct copied {
	char info[INFO_MAX];
	uint64_t map_id;	/* read through a pointer, before 5.13 */
	uint64_t runs;
};

/* A member of a struct of the kernel. */
struct member {
	uint32_t offset;
	uint32_t size;		/* 0: the kernel has none of that name */
};

/* What the kernel's BTF says. */
static struct {
	bool known;
	uint32_t size;		/* of struct bpf_redirect_info; 0: it has none */
	struct member index, flags, map_id, map_type, map;
	struct member context;	/* of struct task_struct */
	struct member info;	/* of struct bpf_net_context */
	struct member id;	/* of struct bpf_map */
	int variable;		/* the id of the CPU's variable */
} layout;

/* Where the CPU's variable is when BTF does not tell. */
static struct {
	uint64_t offsets;	/* the array __per_cpu_offset */
	uint64_t info;		/* the offset of bpf_redirect_info */
} symbols;

struct assembly {
	struct bpf_insn insns[INSNS_MAX];
	uint32_t len;
};

static struct member find_member(const struct btf *btf, const char *type, const char *name)
{
	int id = btf__find_by_name_kind(btf, type, BTF_KIND_STRUCT);
	const struct btf_type *found = id > 0 ? btf__type_by_id(btf, (uint32_t)id) : NULL;

	for (uint32_t i = 0; found && i < btf_vlen(found); i++) {
		const struct btf_member *member = btf_members(found) + i;

		if (strcmp(btf__name_by_offset(btf, member->name_off), name) == 0)
			return (struct member){ btf_member_bit_offset(found, i) / 8,
						(uint32_t)btf__resolve_size(btf, member->type) };
	}
	return (struct member){};
}

static void read_layout(void)
{
	const char *info = "bpf_redirect_info";
	const struct btf *btf = btf__load_vmlinux_btf();
	int id;

	layout.known = true;
	if (!btf)
		return;
	id = btf__find_by_name_kind(btf, info, BTF_KIND_STRUCT);
	layout.size = id > 0 ? (uint32_t)btf__resolve_size(btf, (uint32_t)id) : 0;
	layout.index = find_member(btf, info, "tgt_index");
	layout.flags = find_member(btf, info, "flags");
	layout.map_id = find_member(btf, info, "map_id");
	layout.map_type = find_member(btf, info, "map_type");
	layout.map = find_member(btf, info, "map");
	layout.context = find_member(btf, "task_struct", "bpf_net_context");
	layout.info = find_member(btf, "bpf_net_context", "ri");
	layout.id = find_member(btf, "bpf_map", "id");
	layout.variable = btf__find_by_name_kind(btf, info, BTF_KIND_VAR);
}

/* Addresses from /proc/kallsyms; 0 or an errno. */
static int read_symbols(void)
{
	char line[512], name[128];
	uint64_t address;
	FILE *file;

	if (symbols.offsets && symbols.info)
		return 0;
	file = fopen("/proc/kallsyms", "re");
	if (!file)
		return errno;
	while ((!symbols.offsets || !symbols.info) && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%" SCNx64 " %*c %127s", &address, name) != 2)
			continue;
		if (strcmp(name, "__per_cpu_offset") == 0)
			symbols.offsets = address;
		else if (strcmp(name, "bpf_redirect_info") == 0)
			symbols.info = address;
	}
	fclose(file);
	return symbols.offsets && symbols.info ? 0 : EOPNOTSUPP;
}

static void emit(struct assembly *to, struct bpf_insn insn)
{
	if (to->len < INSNS_MAX)
		to->insns[to->len++] = insn;
}

static void emit_wide(struct assembly *to, uint8_t reg, uint8_t source, uint64_t value)
{
	emit(to, (struct bpf_insn){ .code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = reg & 0xfu, .src_reg = source & 0xfu,
				    .imm = (int32_t)(uint32_t)value });
	emit(to, (struct bpf_insn){ .imm = (int32_t)(uint32_t)(value >> 32) });
}

static void emit_move(struct assembly *to, uint8_t reg, uint8_t from)
{
	emit(to, (struct bpf_insn){ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = reg & 0xfu, .src_reg = from & 0xfu });
}

static void emit_number(struct assembly *to, uint8_t operation, uint8_t reg, int32_t number)
{
	emit(to, (struct bpf_insn){ .code = BPF_ALU64 | operation | BPF_K, .dst_reg = reg & 0xfu, .imm = number });
}

static void emit_call(struct assembly *to, int32_t helper)
{
	emit(to, (struct bpf_insn){ .code = BPF_JMP | BPF_CALL, .imm = helper });
}

/* bpf_probe_read_kernel(r1, size, r3) */
static void emit_read(struct assembly *to, uint32_t size)
{
	emit_number(to, BPF_MOV, BPF_REG_2, (int32_t)size);
	emit_call(to, BPF_FUNC_probe_read_kernel);
}

/* r6 = the 8 bytes at r3, by way of the stack */
static void emit_follow(struct assembly *to)
{
	emit_move(to, BPF_REG_1, BPF_REG_10);
	emit_number(to, BPF_ADD, BPF_REG_1, -8);
	emit_read(to, sizeof(uint64_t));
	emit(to, (struct bpf_insn){ .code = BPF_LDX | BPF_DW | BPF_MEM, .dst_reg = BPF_REG_6,
				    .src_reg = BPF_REG_10, .off = -8 });
}

/* r6 = the address of struct bpf_redirect_info */
static void emit_address(struct assembly *to)
{
	if (layout.context.size) {
		emit_call(to, BPF_FUNC_get_current_task);
		emit_move(to, BPF_REG_3, BPF_REG_0);
		emit_number(to, BPF_ADD, BPF_REG_3, (int32_t)layout.context.offset);
		emit_follow(to);
		emit_number(to, BPF_ADD, BPF_REG_6, (int32_t)layout.info.offset);
	} else if (layout.variable > 0) {
		emit_wide(to, BPF_REG_1, BPF_PSEUDO_BTF_ID, (uint32_t)layout.variable);
		emit_call(to, BPF_FUNC_this_cpu_ptr);
		emit_move(to, BPF_REG_6, BPF_REG_0);
	} else {
		emit_call(to, BPF_FUNC_get_smp_processor_id);
		emit_number(to, BPF_LSH, BPF_REG_0, 3);
		emit_wide(to, BPF_REG_3, 0, symbols.offsets);
		emit(to, (struct bpf_insn){ .code = BPF_ALU64 | BPF_ADD | BPF_X, .dst_reg = BPF_REG_3,
					    .src_reg = BPF_REG_0 });
		emit_follow(to);
		emit_wide(to, BPF_REG_1, 0, symbols.info);
		emit(to, (struct bpf_insn){ .code = BPF_ALU64 | BPF_ADD | BPF_X, .dst_reg = BPF_REG_6,
					    .src_reg = BPF_REG_1 });
	}
}

/* r1 = an address within the element of the map */
static void emit_element(struct assembly *to, int map, size_t offset)
{
	emit_wide(to, BPF_REG_1, BPF_PSEUDO_MAP_VALUE, (uint32_t)map | (uint64_t)offset << 32);
}

static void assemble(struct assembly *to, int map)
{
	emit_address(to);
	emit_element(to, map, 0);
	emit_move(to, BPF_REG_3, BPF_REG_6);
	emit_read(to, layout.size);
	if (!layout.map_id.size) {
		emit_move(to, BPF_REG_3, BPF_REG_6);
		emit_number(to, BPF_ADD, BPF_REG_3, (int32_t)layout.map.offset);
		emit_follow(to);
		emit_element(to, map, offsetof(struct copied, map_id));
		emit_move(to, BPF_REG_3, BPF_REG_6);
		emit_number(to, BPF_ADD, BPF_REG_3, (int32_t)layout.id.offset);
		emit_read(to, layout.id.size); /* zeros where there is no map */
	}
	emit_element(to, map, offsetof(struct copied, runs));
	emit_number(to, BPF_MOV, BPF_REG_2, 1);
	emit(to, (struct bpf_insn){ .code = BPF_STX | BPF_DW | BPF_MEM, .dst_reg = BPF_REG_1,
				    .src_reg = BPF_REG_2 });
	emit_number(to, BPF_MOV, BPF_REG_0, 0);
	emit(to, (struct bpf_insn){ .code = BPF_JMP | BPF_EXIT });
}

/* The BTF id of a program's main function; 0, or -errno. */
static int main_function(int fd, uint32_t *id)
{
	struct bpf_func_info function = {};
	struct bpf_prog_info info = {
		.nr_func_info = 1,
		.func_info_rec_size = sizeof(function),
		.func_info = (uintptr_t)&function,
	};
	uint32_t len = sizeof(info);
	int err = bpf_prog_get_info_by_fd(fd, &info, &len);

	if (err)
		return err;
	*id = function.type_id;
	return info.nr_func_info ? 0 : -ENOENT;
}

static int load_behind(int prog_fd, int map)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_FEXIT,
		    .attach_prog_fd = (uint32_t)prog_fd);
	struct assembly assembly = {};
	int err = main_function(prog_fd, &opts.attach_btf_id);

	if (err)
		return err;
	assemble(&assembly, map);
	return bpf_prog_load(BPF_PROG_TYPE_TRACING, "redirect", "GPL", assembly.insns, assembly.len, &opts);
}

int redirect_watch(struct call *call, const struct handle *prog, struct redirect *redirect)
{
	*redirect = (struct redirect){ NOTHING, NOTHING, NOTHING };
	if (!layout.known)
		read_layout();
	if (!layout.size || layout.size > INFO_MAX)
		return fail(call, EOPNOTSUPP, "redirect: this kernel does not tell of redirects");
	if (!layout.context.size && layout.variable <= 0 && read_symbols())
		return fail(call, EOPNOTSUPP, "redirect: this kernel does not tell where it keeps redirects");
	redirect->map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "redirect", sizeof(uint32_t), sizeof(struct copied), 1,
				       NULL);
	if (redirect->map < 0)
		return fail(call, -redirect->map, "redirect: no map");
	redirect->prog = load_behind(prog->fd, redirect->map);
	if (redirect->prog < 0)
		return fail(call, -redirect->prog, "redirect: no program can be put behind this one");
	redirect->link = bpf_raw_tracepoint_open(NULL, redirect->prog);
	if (redirect->link < 0)
		return fail(call, -redirect->link, "redirect: the program behind this one is not attached");
	return 0;
}

void redirect_end(struct redirect *redirect)
{
	const int all[] = { redirect->link, redirect->prog, redirect->map };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (all[i] >= 0)
			close(all[i]);
	}
}

/* A number of the copy, in the kernel's byte order, which is ours. */
static uint64_t number(const struct copied *copied, struct member member)
{
	uint64_t value = 0;

	if (member.size <= sizeof(value) && member.offset + member.size <= sizeof(copied->info))
		memcpy(&value, copied->info + member.offset, member.size);
	return value;
}

static uint64_t map_of(const struct copied *copied)
{
	if (!layout.map_id.size)
		return number(copied, layout.map) ? copied->map_id : 0;
	if (!number(copied, layout.map_type) || number(copied, layout.map_id) == NO_MAP)
		return 0;
	return number(copied, layout.map_id);
}

void redirect_pack(struct call *call, const struct redirect *redirect)
{
	const struct copied nothing = {};
	struct copied copied = {};
	uint32_t key = 0;

	if (bpf_map_lookup_elem(redirect->map, &key, &copied) || !copied.runs) {
		msgpack_pack_nil(&call->pk);
		return;
	}
	bpf_map_update_elem(redirect->map, &key, &nothing, BPF_ANY);
	msgpack_pack_array(&call->pk, 3);
	msgpack_pack_uint64(&call->pk, number(&copied, layout.index));
	msgpack_pack_uint64(&call->pk, number(&copied, layout.flags));
	msgpack_pack_uint64(&call->pk, map_of(&copied));
}
