/* A call of the watched process has a function run later, by a thread of the kernel that may sleep. */
#include "ebpf.h"
#include "watched.h"

extern int bpf_wq_init(struct bpf_wq *wq, void *map, unsigned int flags) __ksym;
extern int bpf_wq_start(struct bpf_wq *wq, unsigned int flags) __ksym;
/* The first since Linux 7.0; the second was there before. */
extern int bpf_wq_set_callback(struct bpf_wq *wq, int (*callback)(void *, int *, void *),
			       unsigned int flags) __ksym __weak;
extern int bpf_wq_set_callback_impl(struct bpf_wq *wq, int (*callback)(void *, int *, void *),
				    unsigned int flags, void *aux) __ksym __weak;

struct job {
	struct bpf_wq work;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct job);
} jobs SEC(".maps");

static int done(void *map, int *key, void *job)
{
	__sync_fetch_and_add(&seen, 1);
	return 0;
}

SEC("fentry/__x64_sys_kill")
int BPF_PROG(queue)
{
	__u32 key = 0;
	struct job *job = bpf_map_lookup_elem(&jobs, &key);

	if (!job || !is_watched())
		return 0;
	bpf_wq_init(&job->work, &jobs, 0);
	if (bpf_ksym_exists(bpf_wq_set_callback))
		bpf_wq_set_callback(&job->work, done, 0);
	else
		bpf_wq_set_callback_impl(&job->work, done, 0, NULL);
	bpf_wq_start(&job->work, 0);
	return 0;
}
