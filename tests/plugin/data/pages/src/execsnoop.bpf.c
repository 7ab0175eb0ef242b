/* What is executed. */
#include "ebpf.h"

SEC("raw_tracepoint/sched_process_exec")
int executed(void *ctx)
{
	struct event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event)
		return 0;
	event->pid = bpf_get_current_pid_tgid() >> 32;
	event->ret = 0;
	bpf_get_current_comm(event->comm, sizeof(event->comm));
	event->fname[0] = '\0';
	bpf_ringbuf_submit(event, 0);
	return 0;
}
