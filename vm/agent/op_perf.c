// SPDX-License-Identifier: BSD-2-Clause
/* perf: records of a perf_event_array, whose buffers are opened when its object is loaded. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "deadline.h"
#include "ops.h"
#include "perf.h"

#define PERF_LIMIT 4096u
#define PERF_BYTES ((size_t)32 << 20)
/* The size of a record is a u16 (struct perf_event_header). */
#define RECORD_MAX ((size_t)64 << 10)
/* Eight bytes that are no record of the tested program. */
#define MARK 0x9d3f5ae1c7b86024ULL
#define NO_PROGRAM (-1)

/* One buffer: whose it is, once a record told, and whether it may have had no room for one since it was empty. */
struct part {
	int cpu;
	bool pressed;
};

struct perf {
	struct perf_buffer *buffer;
	struct call *call;	/* who takes records now */
	size_t start;		/* where in its answer they begin */
	uint32_t left;		/* how many more it takes */
	uint32_t taken;
	uint64_t lost;
	struct part *part;	/* which is being read */
	int marker;		/* a program that writes a mark; NO_PROGRAM until it is needed */
	struct part *parts;	/* one for each buffer */
};

/* struct perf_record of PERF_RECORD_SAMPLE with PERF_SAMPLE_RAW, and of PERF_RECORD_LOST. */
struct sample {
	struct perf_event_header header;
	uint32_t size;
	char data[];
};

struct loss {
	struct perf_event_header header;
	uint64_t id;
	uint64_t lost;
};

static bool is_mark(const struct sample *sample)
{
	const uint64_t mark = MARK;

	return sample->size >= sizeof(mark) && memcmp(sample->data, &mark, sizeof(mark)) == 0;
}

static enum bpf_perf_event_ret take_event(void *context, int cpu, struct perf_event_header *event)
{
	const struct sample *sample = (const struct sample *)event;
	struct perf *perf = context;

	perf->part->cpu = cpu;
	if (event->type == PERF_RECORD_LOST)
		perf->lost += ((const struct loss *)event)->lost;
	if (event->type != PERF_RECORD_SAMPLE || is_mark(sample))
		return LIBBPF_PERF_EVENT_CONT;
	msgpack_pack_array(&perf->call->pk, 2);
	msgpack_pack_int(&perf->call->pk, cpu);
	pack_bin(&perf->call->pk, sample->data, sample->size);
	perf->taken++;
	perf->left--;
	if (perf->call->out->len - perf->start >= PERF_BYTES)
		perf->left = 0;
	return perf->left ? LIBBPF_PERF_EVENT_CONT : LIBBPF_PERF_EVENT_DONE;
}

static void perf_end(struct handle *map)
{
	struct perf *perf = map->state;

	if (perf->marker != NO_PROGRAM)
		close(perf->marker);
	perf_buffer__free(perf->buffer);
	free(perf->parts);
	free(perf);
}

int perf_open(struct call *call, struct handle *map, uint32_t pages)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_BPF_OUTPUT,
		.sample_type = PERF_SAMPLE_RAW,
		.wakeup_events = 1,
	};
	struct perf *perf = calloc(1, sizeof(*perf));
	int err;

	if (!perf)
		return fail(call, ENOMEM, "no memory for perf buffers");
	perf->marker = NO_PROGRAM;
	perf->buffer = perf_buffer__new_raw(map->fd, pages, &attr, take_event, perf, NULL);
	if (!perf->buffer) {
		err = errno;
		free(perf);
		return fail(call, err, "the perf buffers of %u pages cannot be opened", pages);
	}
	map->state = perf;
	map->end = perf_end;
	perf->parts = calloc(perf_buffer__buffer_cnt(perf->buffer) + 1, sizeof(*perf->parts));
	if (!perf->parts) {
		perf_end(map);
		return fail(call, ENOMEM, "no memory for perf buffers");
	}
	return 0;
}

/* Bytes that a buffer has no more room for than this; its size without the page in front. */
static size_t buffer_room(const struct perf *perf, size_t index)
{
	const struct perf_event_mmap_page *page;
	size_t size;
	void *base;

	if (perf_buffer__buffer(perf->buffer, (int)index, &base, &size))
		return 0;
	page = base;
	return size - (size_t)(page->data_head - page->data_tail);
}

/* A program that sends the mark to the buffer of the CPU it runs on. */
static int load_marker(int map_fd)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = BPF_REG_2, .imm = (int32_t)(uint32_t)MARK },
		{ .imm = (int32_t)(uint32_t)(MARK >> 32) },
		{ .code = BPF_STX | BPF_DW | BPF_MEM, .dst_reg = BPF_REG_10, .src_reg = BPF_REG_2, .off = -8 },
		{ .code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = BPF_REG_2, .src_reg = BPF_PSEUDO_MAP_FD,
		  .imm = map_fd },
		{},
		{ .code = BPF_ALU | BPF_MOV | BPF_K, .dst_reg = BPF_REG_3, .imm = -1 }, /* BPF_F_CURRENT_CPU */
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_4, .src_reg = BPF_REG_10 },
		{ .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = BPF_REG_4, .imm = -8 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_5, .imm = sizeof(uint64_t) },
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_perf_event_output },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return bpf_prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, "mark", "GPL", insns, sizeof(insns) / sizeof(insns[0]),
			     NULL);
}

/* The kernel tells of lost records only in front of the next one that has room (perf_output_begin in
 * kernel/events/ring_buffer.c): send it one. 0 or an errno.
 */
static int ask_for_losses(struct perf *perf, const struct handle *map, size_t index)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .flags = BPF_F_TEST_RUN_ON_CPU, .cpu = (uint32_t)perf->part->cpu);

	if (perf->marker == NO_PROGRAM) {
		int fd = load_marker(map->fd);

		if (fd < 0)
			return -fd;
		perf->marker = fd;
	}
	if (bpf_prog_test_run_opts(perf->marker, &opts))
		return errno;
	return -perf_buffer__consume_buffer(perf->buffer, index);
}

static int read_buffer(struct perf *perf, const struct handle *map, size_t index)
{
	struct part *part = &perf->parts[index];
	int err;

	perf->part = part;
	/* Nothing is lost while there is room for the largest record and what tells of losses. */
	if (buffer_room(perf, index) <= RECORD_MAX + sizeof(struct loss))
		part->pressed = true;
	err = -perf_buffer__consume_buffer(perf->buffer, index);
	if (err || !perf->left || !part->pressed)
		return err;
	err = ask_for_losses(perf, map, index);
	part->pressed = err;
	return err;
}

static int take_records(struct call *call, const struct handle *map, uint32_t limit, uint32_t timeout_ms)
{
	uint64_t deadline = deadline_in(timeout_ms);
	struct perf *perf = map->state;
	size_t list = list_open(call);

	perf->call = call;
	perf->start = call->out->len;
	perf->left = limit;
	perf->taken = 0;
	perf->lost = 0;
	do {
		for (size_t i = 0; i < perf_buffer__buffer_cnt(perf->buffer) && perf->left; i++) {
			int err = read_buffer(perf, map, i);

			if (err)
				return fail(call, err, "the perf buffer cannot be read");
		}
	} while (!perf->taken && !perf->lost && deadline_wait(deadline, perf_buffer__epoll_fd(perf->buffer)));
	list_close(call, list, perf->taken);
	return 0;
}

int op_perf(struct call *call)
{
	uint32_t limit = PERF_LIMIT, timeout_ms = 0;
	struct handle *map;
	int err;

	err = arg_handle(call, "map", HANDLE_MAP, &map) ?: arg_u32_opt(call, "limit", &limit) ?:
	      arg_u31_opt(call, "timeout_ms", &timeout_ms);
	if (err)
		return err;
	if (map->shape.type != BPF_MAP_TYPE_PERF_EVENT_ARRAY)
		return fail(call, EINVAL, "map: not a perf_event_array (type %u)", map->shape.type);
	if (!map->state)
		return fail(call, EINVAL, "map: was loaded without buffers");
	msgpack_pack_map(&call->pk, 2);
	pack_str(&call->pk, "records");
	err = take_records(call, map, limit, timeout_ms);
	if (err)
		return err;
	pack_key_u64(&call->pk, "lost", ((struct perf *)map->state)->lost);
	return 0;
}
