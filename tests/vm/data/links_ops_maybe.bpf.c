/* A map that libbpf creates only if it is told to. */
#define SECTION "?.struct_ops.link"
#include "links_ops.bpf.c"
