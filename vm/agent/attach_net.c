// SPDX-License-Identifier: BSD-2-Clause
/* Programs on network devices, network namespaces, cgroups and sockets. */
#include "attach.h"

const struct attach_row attach_net_rows[] = {
	{},
};
