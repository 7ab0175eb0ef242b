/* Programs of this project heed one process, whose number a test gives: others of the guest work, too. */
#ifndef __WATCHED_H__
#define __WATCHED_H__

static __always_inline bool is_watched(void)
{
	return bpf_get_current_pid_tgid() >> 32 == watched;
}

static __always_inline int count(void)
{
	if (is_watched())
		__sync_fetch_and_add(&seen, 1);
	return 0;
}

/* Tell of a call: what it was given, a text or a number, and what it returned. */
static __always_inline int tell(const char *path, long argument, long ret)
{
	struct call *call;

	if (!is_watched())
		return 0;
	call = bpf_ringbuf_reserve(&calls, sizeof(*call), 0);
	if (!call)
		return 0;
	bpf_get_current_comm(call->comm, sizeof(call->comm));
	call->path[0] = 0;
	if (path)
		bpf_probe_read_user_str(call->path, sizeof(call->path), path);
	call->argument = argument;
	call->ret = ret;
	bpf_ringbuf_submit(call, 0);
	return 0;
}

#endif
