// SPDX-License-Identifier: MIT
/* malloc with KMEM_DEBUG: a shadow model knows what is in each block, and nothing is reported. */
#include "debug_child.h"

#define NBLOCKS 64u
#define NSTEPS	2000u

static struct model {
	unsigned char *block;
	size_t nbytes;
	unsigned char byte;
	bool pages;
} model[NBLOCKS];

static size_t any_size(void)
{
	switch (unit_below(8)) {
	case 0:
		return unit_below(70001);
	case 1:
		return unit_below(5) << 20 | unit_below(8192);
	case 2:
		return unit_below(40000);
	default:
		return unit_below(600);
	}
}

static void check_bytes(const unsigned char *at, size_t nbytes, unsigned char byte)
{
	/* At once: sanitizers make a loop slow. */
	if (nbytes == 0 || (*at == byte && memcmp(at, at + 1, nbytes - 1) == 0))
		return;
	for (size_t i = 0; i < nbytes; i++)
		if (at[i] != byte)
			give_up("byte %zu of %zu is %#x, not %#x", i, nbytes, at[i], byte);
}

static void enter(struct model *m, void *block, size_t nbytes)
{
	must(block);
	must(m->pages || nbytes == 0 || kmem_usable_size(block) >= nbytes);
	m->block = block;
	m->nbytes = nbytes;
	m->byte = (unsigned char)unit_next();
	memset(block, m->byte, nbytes);
}

static void *allocate(struct model *m, size_t nbytes)
{
	size_t align = (size_t)8 << unit_below(12);
	void *block;

	m->pages = false;
	switch (unit_below(7)) {
	case 0:
		block = kmem_calloc(nbytes / 8 + 1, 8);
		check_bytes(block, nbytes, 0);
		return block;
	case 1:
		block = kmem_aligned_alloc(align, nbytes);
		must((uintptr_t)block % align == 0);
		return block;
	case 2:
		block = kmem_kmalloc(nbytes + 1, GFP_KERNEL | __GFP_ZERO);
		check_bytes(block, nbytes + 1, 0);
		return block;
	case 3:
		block = kmem_kmalloc(nbytes + 1, GFP_KERNEL);
		align = (nbytes + 1) & (0 - (nbytes + 1));
		must((uintptr_t)block % (align < 4096 ? align : 4096) == 0);
		return block;
	case 4:
		m->pages = nbytes > 0;
		return nbytes ? kmem_pages_alloc_exact(nbytes, GFP_KERNEL) : kmem_malloc(0);
	default:
		return kmem_malloc(nbytes);
	}
}

static void release(struct model *m)
{
	check_bytes(m->block, m->nbytes, m->byte);
	if (m->pages)
		kmem_pages_free(m->block);
	else
		kmem_free(m->block);
	m->block = NULL;
}

static void resize(struct model *m, size_t nbytes)
{
	size_t same = nbytes < m->nbytes ? nbytes : m->nbytes;
	unsigned char *block;

	if (m->pages)
		return;
	nbytes += nbytes == 0;
	if (unit_below(3) == 0) {
		block = kmem_krealloc(m->block, nbytes, GFP_KERNEL);
		must(kmem_ksize(block) >= nbytes);
	} else {
		block = kmem_realloc(m->block, nbytes);
	}
	check_bytes(block, same, m->byte);
	enter(m, block, nbytes);
}

static void use_model(void)
{
	for (unsigned i = 0; i < NSTEPS; i++) {
		struct model *m = &model[unit_below(NBLOCKS)];
		size_t nbytes = any_size();

		if (!m->block)
			enter(m, allocate(m, nbytes), nbytes);
		else if (unit_below(3) == 0)
			resize(m, nbytes);
		else
			release(m);
		if (i % 250 == 0)
			must(kmem_validate() == NULL);
		if (i % 350 == 0)
			kmem_trim();
	}
	for (unsigned i = 0; i < NBLOCKS; i++)
		if (model[i].block)
			release(&model[i]);
	must(kmem_validate() == NULL);
}

/* Each size, whole. */
static void use_sizes(void)
{
	for (size_t nbytes = 0; nbytes <= 70000; nbytes += nbytes < 1100 ? 1 : 97) {
		unsigned char *block = kmem_malloc(nbytes);

		memset(block, 1, kmem_usable_size(block));
		kmem_kfree_sensitive(block);
	}
	for (size_t nbytes = 1; nbytes <= 9u << 20; nbytes = nbytes * 2 + 1) {
		unsigned char *block = kmem_calloc(1, nbytes);

		check_bytes(block, nbytes, 0);
		memset(block, 1, nbytes);
		kmem_free(block);
	}
}

static const char *const specs[] = {"",
				    "F",
				    "Z",
				    "P",
				    "U",
				    "ZP",
				    "FZPUO",
				    "Z,malloc-large",
				    "FZPU,malloc-*0,malloc-48",
				    "FZPU;-,malloc-large"};

START_TEST(a_model_of_contents)
{
	for (unsigned i = 0; i < sizeof(specs) / sizeof(specs[0]); i++)
		expect_quiet(specs[i], "", "model");
}
END_TEST

START_TEST(a_model_of_contents_hardened)
{
	expect_quiet("-", "hardened:true", "model");
	expect_quiet("Z,malloc-64", "hardened:true", "model");
	expect_quiet("FZPU,malloc-large", "hardened:true", "model");
}
END_TEST

/* Its own looks at what is closed to others are not seen by them (slab/annotate.h). */
START_TEST(a_model_of_contents_announced)
{
	static const char *const some[] = {"-", "FZPU", "U", "FZPU,malloc-64,malloc-large"};

	for (unsigned i = 0; UNDER_ASAN && i < sizeof(some) / sizeof(some[0]); i++)
		expect_quiet(some[i], "annotate:true", "model");
	if (UNDER_ASAN)
		expect_quiet("-", "annotate:true,hardened:true", "model");
}
END_TEST

START_TEST(all_sizes)
{
	expect_quiet("", "", "sizes");
	expect_quiet("Z", "", "sizes");
	expect_quiet("PU", "", "sizes");
	expect_quiet("-", "hardened:true", "sizes");
}
END_TEST

int main(int argc, char **argv)
{
	const TTest *const tests[] = {a_model_of_contents, a_model_of_contents_hardened,
				      a_model_of_contents_announced, all_sizes};

	if (argc < 3)
		return unit_run("debug_malloc", tests, 4);
	unit_random = strtoull(argv[2], NULL, 10) | 1;
	if (strcmp(argv[1], "model") == 0)
		use_model();
	else
		use_sizes();
	return 0;
}
