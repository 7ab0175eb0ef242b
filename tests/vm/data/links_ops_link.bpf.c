#define SECTION ".struct_ops.link"
#include "links_ops.bpf.c"
