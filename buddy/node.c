// SPDX-License-Identifier: MIT
/* Nodes: see node.h. */
#include "buddy/node.h"

#include "buddy/report.h"
#include "buddy/sys.h"

#include <errno.h>
#include <stdatomic.h>

#define WORD_NODES 64

static bool real_read(const char *name, char *text, size_t nbytes)
{
	char path[96];

	report_format(path, sizeof(path), "/sys/devices/system/node/%s", name);
	return sys_read_file(path, text, nbytes);
}

typedef int binder(void *addr, size_t nbytes, int mode, const struct node_set *nodes);
static binder *_Atomic allowed;

void node_allow_bind(int (*bind)(void *addr, size_t nbytes, int mode, const struct node_set *nodes))
{
	/* release: what is behind it; pairs with real_bind */
	atomic_store_explicit(&allowed, bind, memory_order_release);
}

bool node_binds(void)
{
	return atomic_load_explicit(&allowed, memory_order_relaxed) != NULL;
}

static int real_allowed(struct node_set *nodes)
{
	*nodes = (struct node_set){{0}};
	return sys_nodes_allowed(nodes->word, NODES_MAX);
}

static int real_bind(void *addr, size_t nbytes, int mode, const struct node_set *nodes)
{
	/* acquire: pairs with the release in node_allow_bind */
	binder *bind = atomic_load_explicit(&allowed, memory_order_acquire);

	return bind ? bind(addr, nbytes, mode, nodes) : -ENOSYS;
}

static const struct node_machine real_machine = {
	.read = real_read,
	.allowed = real_allowed,
	.here = sys_node,
	.bind = real_bind,
};

const struct node_machine *node_machine = &real_machine;

static _Atomic uint64_t nodes[NODES_MAX / WORD_NODES];
static _Atomic int count;     /* of them; 0: not read yet */
static _Atomic int only = -1; /* the one node, if there is one only */

static const char *number(const char *text, int *n)
{
	for (*n = 0; *text >= '0' && *text <= '9' && *n < NODES_MAX; text++)
		*n = *n * 10 + *text - '0';
	return text;
}

int node_set_parse(struct node_set *set, const char *list)
{
	int first, last, n = 0;

	*set = (struct node_set){{0}};
	while (*list >= '0' && *list <= '9') {
		list = number(list, &first);
		last = first;
		if (*list == '-')
			list = number(list + 1, &last);
		for (int node = first; node <= last && node < NODES_MAX; node++, n++)
			node_set_add(set, node);
		if (*list == ',')
			list++;
	}
	return n;
}

int node_set_single(const struct node_set *set)
{
	int found = -1;

	for (int i = 0; i < NODES_MAX / WORD_NODES; i++) {
		uint64_t word = set->word[i];

		if (!word)
			continue;
		if (found >= 0 || word & (word - 1))
			return -1;
		found = i * WORD_NODES + __builtin_ctzll(word);
	}
	return found;
}

int node_set_read(struct node_set *set, const char *name)
{
	char text[512];

	*set = (struct node_set){{0}};
	return node_machine->read(name, text, sizeof(text)) ? node_set_parse(set, text) : 0;
}

static void enter(const struct node_set *set, int n)
{
	int last = -1;

	for (int node = 0; node < NODES_MAX; node++)
		if (node_set_has(set, node))
			last = node;
	for (int i = 0; i < NODES_MAX / WORD_NODES; i++)
		atomic_fetch_or_explicit(&nodes[i], set->word[i], memory_order_relaxed);
	atomic_store_explicit(&only, n == 1 ? last : -1, memory_order_relaxed);
	/* release: pairs with the acquire in node_exists */
	if (n)
		atomic_store_explicit(&count, n, memory_order_release);
}

void nodes_enter(const char *list)
{
	struct node_set set;
	int n = node_set_parse(&set, list);

	enter(&set, n);
}

/* Where the file is missing, there is what one can see: the first node, and this thread's. */
static void nodes_read(void)
{
	struct node_set set;
	int n = node_set_read(&set, "possible"), here = (int)(node_machine->here() % NODES_MAX);

	if (!n) {
		node_set_add(&set, 0);
		node_set_add(&set, here);
		n = here ? 2 : 1;
	}
	enter(&set, n);
}

bool node_exists(int node, gfp_t flags)
{
	if (node < 0 || node >= NODES_MAX)
		return false;
	/* acquire: pairs with the release in enter */
	if (!atomic_load_explicit(&count, memory_order_acquire)) {
		if (!(flags & __GFP_DIRECT_RECLAIM))
			return true;
		nodes_read();
	}
	return atomic_load_explicit(&nodes[node / WORD_NODES], memory_order_relaxed) >>
		       node % WORD_NODES &
	       1;
}

int node_here(void)
{
	int node = atomic_load_explicit(&only, memory_order_relaxed);

	return node >= 0 ? node : (int)node_machine->here();
}
