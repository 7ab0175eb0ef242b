/* Programs on perf events: which, the manifest or the test says. */
#include "ebpf.h"
#include "watched.h"

SEC("perf_event")
int faulted(struct bpf_perf_event_data *ctx)
{
	return count();
}

SEC("perf_event")
int sampled(struct bpf_perf_event_data *ctx)
{
	return count();
}
