/* SPDX-License-Identifier: MIT */
/*
 * structures: kind=list, tree (binary search tree) or hash (chained), of nodes of 24 to 56
 * bytes: built, walked, half of it dropped at random, built up again, walked, dropped, and
 * all of it once more. walk_s is the time of the walks alone.
 *
 * Stresses: placement. The walk is the program's own memory accesses: it is fast where
 * the allocator put nodes together that were made together.
 * Origin: linked structures of the Olden suite (Rogers et al., TOPLAS 1995) and "Improving
 * the cache locality of memory allocation" (Grunwald, Zorn, Henderson, PLDI 1993).
 */
#include "bench.h"

#include <string.h>

#define BUCKETS (1u << 16)

/* One node for all: a list and a hash chain use only left. */
struct node {
	struct node *left, *right;
	uint64_t key;
	char text[]; /* 0 to 32 bytes: nodes of several sizes, as in programs */
};

static struct node **table; /* the list, the tree: table[0]; the hash: its buckets */
static size_t buckets, nodes;
static bool tree;
static uint64_t rng;
static double walk_s;

static void insert(uint64_t key)
{
	struct node **at = &table[key % buckets];
	struct node *made = must(malloc(sizeof(*made) + (key & 32)));

	made->key = key;
	made->left = made->right = NULL;
	if (tree)
		while (*at)
			at = key < (*at)->key ? &(*at)->left : &(*at)->right;
	else
		made->left = *at;
	*at = made;
}

static uint64_t tree_sum(const struct node *top)
{
	return top ? top->key + tree_sum(top->left) + tree_sum(top->right) : 0;
}

static uint64_t sum(void)
{
	uint64_t keys = 0;

	for (size_t i = 0; i < buckets; i++) {
		if (tree)
			keys += tree_sum(table[i]);
		else
			for (const struct node *node = table[i]; node; node = node->left)
				keys += node->key;
	}
	return keys;
}

/* Drop a whole branch; half of each branch at a depth; what has a bit of mask in its key. */
static size_t drop_tree(struct node **at)
{
	size_t dropped = 0;

	if (*at) {
		dropped = drop_tree(&(*at)->left) + drop_tree(&(*at)->right) + 1;
		free(*at);
		*at = NULL;
	}
	return dropped;
}

static size_t drop_half_of_tree(struct node *top, int depth)
{
	if (!top)
		return 0;
	if (depth == 0)
		return top->key & 64 ? drop_tree(&top->left) : drop_tree(&top->right);
	return drop_half_of_tree(top->left, depth - 1) + drop_half_of_tree(top->right, depth - 1);
}

static size_t drop_chain(struct node **at, uint64_t mask)
{
	size_t dropped = 0;

	while (*at) {
		struct node *node = *at;

		if (mask && !(node->key & mask)) {
			at = &node->left;
			continue;
		}
		*at = node->left;
		free(node);
		dropped++;
	}
	return dropped;
}

static size_t drop(bool half)
{
	size_t dropped = 0;

	for (size_t i = 0; i < buckets; i++) {
		if (!tree)
			dropped += drop_chain(&table[i], half ? 64u << 20 : 0);
		else
			dropped += half ? drop_half_of_tree(table[i], 8) : drop_tree(&table[i]);
	}
	return dropped;
}

static void build_and_walk(size_t more, uint64_t *keys)
{
	double start;

	for (size_t n = 0; n < more; n++) {
		uint64_t key = rng_next(&rng) >> 16;

		insert(key);
	}
	*keys = sum();
	start = bench_wall();
	for (int walk = 0; walk < 4; walk++)
		if (sum() != *keys)
			bench_fail("a walk found other keys");
	walk_s += bench_wall() - start;
}

int main(int argc, char **argv)
{
	uint64_t keys = 0;

	bench_init(argc, argv);
	tree = bench_is("kind", "tree");
	buckets = bench_is("kind", "hash") ? BUCKETS : 1;
	nodes = bench_work(bench_number("count", tree ? 100000 : 300000));
	table = bench_pages(buckets * sizeof(*table));
	rng = rng_seed(0);
	bench_start();
	for (int again = 0; again < 5; again++) {
		size_t dropped;

		build_and_walk(nodes, &keys);
		dropped = drop(true);
		build_and_walk(dropped, &keys);
		if (drop(false) != nodes)
			bench_fail("nodes were lost");
	}
	bench_stop();
	bench_report("walk_s=%.6f sum=%llu", walk_s, (unsigned long long)keys);
	return 0;
}
