/* Tells of files that could not be opened. */
#include "ebpf.h"

SEC("fexit/do_sys_openat2")
int BPF_PROG(opened, int dfd, const char *path, struct open_how *how, int ret)
{
	struct failed_open *event;

	if (ret >= 0)
		return 0;
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event)
		return 0;
	event->pid = bpf_get_current_pid_tgid() >> 32;
	event->ret = ret;
	bpf_get_current_comm(event->comm, sizeof(event->comm));
	bpf_probe_read_user_str(event->fname, sizeof(event->fname), path);
	bpf_ringbuf_submit(event, 0);
	return 0;
}
