/* A call of the watched process has the program take what user space has sent. */
#include "ebpf.h"
#include "watched.h"

static long obey(struct bpf_dynptr *data, void *context)
{
	struct command command;

	if (!bpf_dynptr_read(&command, sizeof(command), data, 0, 0))
		sum += command.add;
	return 0;
}

SEC("ksyscall/kill")
int BPF_KSYSCALL(drain, int pid)
{
	if (is_watched())
		bpf_user_ringbuf_drain(&commands, obey, NULL, 0);
	return 0;
}
