/* SPDX-License-Identifier: MIT */
#ifndef KMEMTOP_USAGE_H
#define KMEMTOP_USAGE_H

/* What --help prints. */
extern const char usage_text[];

#endif
