// SPDX-License-Identifier: MIT
/* Whether a node has memory left, as the kernel says (place.h): asked for those that are named
 * only. */
#include "buddy/place.h"

#include "buddy/report.h"

#include <string.h>

#define KEPT_SHARE 256 /* of a node's memory, about, the kernel keeps free (min_free_kbytes) */

/* The number behind a name, in KiB. */
static size_t line_kib(const char *text, const char *name)
{
	size_t kib = 0;

	text = strstr(text, name);
	if (!text)
		return 0;
	for (text += strlen(name); *text == ' '; text++)
		;
	for (; *text >= '0' && *text <= '9'; text++)
		kib = kib * 10 + (size_t)(*text - '0');
	return kib;
}

/* Free, or to be had from files' pages; where nothing is said of that, there is. */
static bool node_has_room(int node, size_t nbytes)
{
	char name[32], text[1024];

	report_format(name, sizeof(name), "node%d/meminfo", node);
	if (!node_machine->read(name, text, sizeof(text)) || !strstr(text, " MemFree:"))
		return true;
	return line_kib(text, " MemFree:") + line_kib(text, " Active(file):") +
		       line_kib(text, " Inactive(file):") >=
	       (nbytes >> 10) + line_kib(text, " MemTotal:") / KEPT_SHARE;
}

bool place_has_room(unsigned place, size_t nbytes)
{
	const struct node_set *nodes;

	if (place < PLACE_POLICIES)
		return places_nodes() < 2 || node_has_room(place_node(place), nbytes);
	nodes = place_policy_nodes(place);
	for (int node = 0; node < NODES_MAX; node++)
		if (node_set_has(nodes, node) && node_has_room(node, nbytes))
			return true;
	return false;
}
