// SPDX-License-Identifier: BSD-2-Clause
/* libbpf tries what a kernel can do when it first needs to know, by loading programs and attaching them, and
 * remembers it. No public call has it try everything.
 */
#include <libbpf_internal.h>

#include "features.h"

void features_try(void)
{
	for (int id = 0; id < __FEAT_CNT; id++)
		feat_supported(NULL, (enum kern_feature_id)id);
}
