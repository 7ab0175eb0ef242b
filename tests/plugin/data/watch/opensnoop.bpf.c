/* What could not be opened: by whom, and why. */
#include "ebpf.h"

#define O_CLOEXEC 02000000 /* what libraries open for themselves is opened so */

SEC("fexit/do_sys_openat2")
int BPF_PROG(opened, int dfd, const char *filename, struct open_how *how, int ret)
{
	struct event *event;
	char comm[16];

	if (ret >= 0 || (__u32)bpf_get_current_uid_gid() != uid || (how->flags & O_CLOEXEC))
		return 0;
	bpf_get_current_comm(comm, sizeof(comm));
	if (bpf_map_lookup_elem(&ignored, comm))
		return 0;
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event)
		return 0;
	event->pid = bpf_get_current_pid_tgid() >> 32;
	event->ret = ret;
	__builtin_memcpy(event->comm, comm, sizeof(comm));
	bpf_probe_read_user_str(event->fname, sizeof(event->fname), filename);
	bpf_printk("%s: %d", event->comm, ret);
	bpf_ringbuf_submit(event, 0);
	return 0;
}
