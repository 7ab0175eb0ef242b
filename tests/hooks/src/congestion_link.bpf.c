/* The same, with a link: it can be attached again. */
#define SECTION ".struct_ops.link"
#include "congestion.bpf.c"
