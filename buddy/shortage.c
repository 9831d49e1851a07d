// SPDX-License-Identifier: MIT
/* What a request without memory calls: see shortage.h. */
#include "buddy/shortage.h"

bool (*shortage_hook)(struct shortage *shortage);
