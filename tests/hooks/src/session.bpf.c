/* One program where a function begins and where it ends. */
#include "ebpf.h"
#include "watched.h"

SEC("fsession/do_sys_openat2")
int BPF_PROG(around)
{
	return count();
}
