/* SPDX-License-Identifier: MIT */
/* The option failslab: struct kmem_fault as text. */
#ifndef LIB_FAILSLAB_OPTION_H
#define LIB_FAILSLAB_OPTION_H

/* name=value/name=value…, what is not named being as without; nothing: off. 0 or -EINVAL. */
int failslab_option(const char *value);

#endif
