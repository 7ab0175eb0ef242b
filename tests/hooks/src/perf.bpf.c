/* Programs on perf events: which, the manifest or the test says. */
#include "ebpf.h"
#include "watched.h"

SEC("perf_event")
int faulted(struct bpf_perf_event_data *ctx)
{
	__sync_fetch_and_add(&seen, 1);
	return 0;
}

SEC("perf_event")
int sampled(struct bpf_perf_event_data *ctx)
{
	return count();
}
