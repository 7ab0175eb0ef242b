/* What all objects of these files begin with. */
#include <linux/bpf.h>
#include <linux/version.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#define CORE __attribute__((preserve_access_index))

#ifndef TERMS
#define TERMS "GPL"
#endif
char LICENSE[] SEC("license") = TERMS;

/* Numbers that the headers of the host may not have. */
enum {
	MAP_CGRP_STORAGE = 32,
	MAP_ARENA = 33,
};
