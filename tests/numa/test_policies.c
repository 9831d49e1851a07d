// SPDX-License-Identifier: MIT
/* libkmem-numa's policies, on simulated machines: which zones are bound, to what, and what of. */
#include "tests/unit/unit.h"

#include "tests/numa/machine.h"

#include "buddy/buddy.h"
#include "slab/cache_place.h"

#include <kmem.h>
#include <kmem/numa.h>
#include <linux/filter.h>
#include <linux/mempolicy.h>
#include <linux/seccomp.h>
#include <numa.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define MANY 3000

static struct kmem_cache *cache;
static void *objects[MANY];

static void setup(const struct machine *which, int node)
{
	machine_start(which, node);
	cache = kmem_cache_create("policy", 300, 0, 0, NULL);
	ck_assert_ptr_nonnull(cache);
}

static struct bitmask *mask_of(const char *list)
{
	struct bitmask *mask = numa_bitmask_alloc(NODES_MAX);
	struct node_set nodes;

	node_set_parse(&nodes, list);
	for (unsigned node = 0; node < NODES_MAX; node++)
		if (node_set_has(&nodes, (int)node))
			numa_bitmask_setbit(mask, node);
	return mask;
}

static int set(struct kmem_cache *of, enum kmem_numa_mode mode, const char *list)
{
	struct bitmask *mask = mask_of(list);
	int err = of ? kmem_numa_set_cache(of, mode, mask) : kmem_numa_set(mode, mask);

	numa_bitmask_free(mask);
	return err;
}

static void *take(void *unused)
{
	(void)unused;
	for (int i = 0; i < MANY; i++)
		if (!(objects[i] = kmem_cache_alloc(cache, GFP_KERNEL)))
			abort();
	return NULL;
}

static void give(void)
{
	for (int i = 0; i < MANY; i++)
		kmem_cache_free(cache, objects[i]);
	ck_assert_ptr_null(cache_check(cache));
	ck_assert_ptr_null(buddy_check());
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
}

/* Which call bound the address; its mode and nodes are these. */
static unsigned require_bound(const void *addr, int mode, const char *list)
{
	struct node_set nodes;

	node_set_parse(&nodes, list);
	for (unsigned i = 0; i < machine_nbound; i++)
		if ((uintptr_t)addr - (uintptr_t)machine_bound[i].addr < machine_bound[i].nbytes) {
			ck_assert_int_eq(machine_bound[i].mode, mode);
			ck_assert_mem_eq(&machine_bound[i].nodes, &nodes, sizeof(nodes));
			return i;
		}
	ck_abort_msg("%p is not bound", addr);
	return 0;
}

/* Each call was for a whole zone, or for what one was widened by, or for a mapping. */
static void require_whole_zones(void)
{
	size_t zones = 0, bound = 0;

	for_each_zone (zone)
		if (zone->place >= PLACE_POLICIES)
			zones += zone->pub.npages << PAGE_SHIFT;
	for (unsigned i = 0; i < machine_nbound; i++)
		if (buddy_holds(machine_bound[i].addr))
			bound += machine_bound[i].nbytes;
	ck_assert_uint_eq(zones, bound);
}

START_TEST(preferred_is_one_node)
{
	setup(&machine_four, 0);
	ck_assert_int_eq(set(cache, KMEM_NUMA_PREFERRED, "2"), 0);
	take(NULL);
	for (int i = 0; i < MANY; i++) {
		require_bound(objects[i], MPOL_PREFERRED, "2");
		require(buddy_zone(objects[i])->node == 2);
	}
	require_whole_zones();
	/* For whom it says, and nobody else. */
	require(buddy_zone(kmem_malloc(100))->place < PLACE_POLICIES);
	give();
}
END_TEST

START_TEST(interleave_and_bind_are_of_several)
{
	setup(&machine_holes, 5);
	ck_assert_int_eq(set(cache, KMEM_NUMA_INTERLEAVE, "2,5,12"), 0);
	take(NULL);
	require_bound(objects[0], MPOL_INTERLEAVE, "2,5,12");
	ck_assert_int_eq(buddy_zone(objects[0])->node, -1);
	give();
	cache = kmem_cache_create("bound", 300, 0, 0, NULL);
	ck_assert_int_eq(set(cache, KMEM_NUMA_BIND, "2,12"), 0);
	take(NULL);
	require_bound(objects[0], MPOL_BIND, "2,12");
	require_whole_zones();
	give();
}
END_TEST

static void *objects_end(void *unused)
{
	(void)unused;
	for (int i = 0; i < MANY; i++)
		kmem_cache_free(cache, objects[i]);
	return NULL;
}

START_TEST(local_is_the_threads)
{
	setup(&machine_four, 0);
	ck_assert_int_eq(kmem_numa_set_cache(cache, KMEM_NUMA_LOCAL, NULL), 0);
	for (int node = 0; node < 4; node++) {
		char list[4] = {(char)('0' + node)};

		machine_on(node, take, NULL);
		for (int i = 0; i < MANY; i++)
			require_bound(objects[i], MPOL_PREFERRED, list);
		machine_on(3 - node, objects_end, NULL);
		ck_assert_ptr_null(cache_check(cache));
	}
	require_whole_zones();
	take(NULL);
	give();
}
END_TEST

START_TEST(of_the_process_is_all)
{
	static const size_t sizes[] = {10, 3000, 40000, 200000, 3 << 20, 80 << 20};

	setup(&machine_two, 0);
	ck_assert_int_eq(set(NULL, KMEM_NUMA_PREFERRED, "1"), 0);
	take(NULL);
	require_bound(objects[0], MPOL_PREFERRED, "1");
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		void *block = kmem_malloc(sizes[i]);

		require_bound(block, MPOL_PREFERRED, "1");
		kmem_free(block);
	}
	require_bound(kmem_pages_alloc(2, GFP_KERNEL), MPOL_PREFERRED, "1");
	/* Each its own. */
	ck_assert_int_eq(set(cache, KMEM_NUMA_BIND, "0"), 0);
	kmem_cache_shrink(cache);
	require_bound(kmem_cache_alloc_node(cache, GFP_KERNEL, NUMA_NO_NODE), MPOL_BIND, "0");
	ck_assert_int_eq(set(NULL, KMEM_NUMA_DEFAULT, ""), 0);
	require(buddy_zone(kmem_pages_alloc(4, GFP_KERNEL))->place == 0);
}
END_TEST

START_TEST(a_new_policy_is_of_new_slabs)
{
	void *first;

	setup(&machine_two, 0);
	first = kmem_cache_alloc(cache, GFP_KERNEL);
	ck_assert_int_eq(set(cache, KMEM_NUMA_BIND, "1"), 0);
	take(NULL);
	require(buddy_zone(first)->place == 0);
	require_bound(objects[MANY - 1], MPOL_BIND, "1");
	ck_assert_int_eq(set(cache, KMEM_NUMA_DEFAULT, ""), 0);
	kmem_cache_free(cache, first);
	give();
}
END_TEST

START_TEST(bound_means_these_only)
{
	setup(&machine_four, 0);
	ck_assert_int_eq(set(cache, KMEM_NUMA_BIND, "1,2"), 0);
	machine_free_kib[1] = -1;
	take(NULL);
	require_bound(objects[MANY - 1], MPOL_BIND, "1,2");
	machine_free_kib[2] = -1;
	for (int i = 0; i < 1000000; i++)
		if (!kmem_cache_alloc(cache, GFP_KERNEL | __GFP_NOWARN))
			break;
	require_errno(ENOMEM, kmem_cache_alloc(cache, GFP_KERNEL | __GFP_NOWARN));
	/* Others have their memory. */
	require(kmem_malloc(100000));
	machine_free_kib[2] = 0;
	require(kmem_cache_alloc(cache, GFP_KERNEL));
}
END_TEST

START_TEST(preferred_may_be_another)
{
	setup(&machine_four, 0);
	ck_assert_int_eq(set(cache, KMEM_NUMA_PREFERRED, "3"), 0);
	machine_free_kib[3] = -1;
	take(NULL);
	/* The nearest to it. */
	ck_assert_int_eq(buddy_zone(objects[0])->node, 2);
	give();
}
END_TEST

START_TEST(nodes_that_are_asked_for_are_bound)
{
	void *block;

	setup(&machine_four, 0);
	block = kmem_cache_alloc_node(cache, GFP_KERNEL | __GFP_THISNODE, 3);
	require_bound(block, MPOL_PREFERRED, "3");
	kmem_cache_free(cache, block);
	block = kmem_kmalloc_node(100 << 20, GFP_KERNEL | __GFP_THISNODE, 2);
	ck_assert_uint_ge(machine_bound[require_bound(block, MPOL_PREFERRED, "2")].nbytes,
			  100 << 20);
	kmem_kfree(block);
	require_whole_zones();
}
END_TEST

START_TEST(what_cannot_be_is_einval)
{
	char list[16];
	int n = 0;

	setup(&machine_holes, 2);
	ck_assert_int_eq(set(cache, KMEM_NUMA_PREFERRED, ""), -EINVAL);
	ck_assert_int_eq(set(cache, KMEM_NUMA_PREFERRED, "2,5"), -EINVAL);
	ck_assert_int_eq(set(cache, KMEM_NUMA_PREFERRED, "7"), -EINVAL); /* no memory */
	ck_assert_int_eq(set(cache, KMEM_NUMA_BIND, "2,3"), -EINVAL);	 /* not there */
	ck_assert_int_eq(set(cache, KMEM_NUMA_BIND, "2,300"), -EINVAL);
	ck_assert_int_eq(set(cache, KMEM_NUMA_INTERLEAVE, ""), -EINVAL);
	ck_assert_int_eq(set(cache, KMEM_NUMA_LOCAL, "2"), -EINVAL);
	ck_assert_int_eq(set(NULL, KMEM_NUMA_DEFAULT, "2"), -EINVAL);
	ck_assert_int_eq(set(NULL, (enum kmem_numa_mode)17, "2"), -EINVAL);
	require(!places_several() || places_nodes() == 3);
	take(NULL);
	ck_assert_uint_eq(machine_nbound, 0);
	for (int i = 1; i < 8; i++) {
		snprintf(list, sizeof(list), "%s%s%s", i & 1 ? "2" : "", i & 2 ? ",5" : "",
			 i & 4 ? ",12" : "");
		n += set(cache, KMEM_NUMA_BIND, list[0] == ',' ? list + 1 : list) == 0;
	}
	ck_assert_int_eq(n, 7);
	give();
}
END_TEST

static const struct machine wide = {
	.possible = "0-9", .online = "0-9", .memory = "0-9", .lines = {{0, "10"}}};

START_TEST(so_many_policies_and_no_more)
{
	int n = 0, err = 0;

	setup(&wide, 0);
	for (int bits = 1; bits < 1024 && !err; bits++) {
		struct bitmask *mask = numa_bitmask_alloc(NODES_MAX);

		for (unsigned node = 0; node < 10; node++)
			if (bits >> node & 1)
				numa_bitmask_setbit(mask, node);
		err = kmem_numa_set_cache(cache, KMEM_NUMA_INTERLEAVE, mask);
		n += !err;
		numa_bitmask_free(mask);
	}
	ck_assert_int_eq(err, -ENOSPC);
	ck_assert_int_eq(n, PLACES_MAX - PLACE_POLICIES);
	ck_assert_int_eq(set(cache, KMEM_NUMA_INTERLEAVE, "0,1"), 0); /* it is one of them */
	take(NULL);
	require_bound(objects[0], MPOL_INTERLEAVE, "0,1");
	give();
}
END_TEST

static void refused(void)
{
	machine_start(&machine_two, 0);
	machine_error = -EPERM;
	cache = kmem_cache_create("refused", 300, 0, 0, NULL);
	set(cache, KMEM_NUMA_BIND, "1");
	set(NULL, KMEM_NUMA_PREFERRED, "1");
	take(NULL);
	for (int i = 0; i < 100; i++)
		memset(kmem_malloc((size_t)i << 14), 1, (size_t)i << 14);
	for (int i = 0; i < MANY; i++)
		memset(objects[i], 1, 300);
	memset(kmem_cache_alloc_node(cache, GFP_KERNEL | __GFP_THISNODE, 0), 1, 300);
	for (int i = 0; i < MANY; i++)
		kmem_cache_free(cache, objects[i]);
	if (machine_nbound < 3 || cache_check(cache) || errno == EPERM)
		_exit(1);
}

START_TEST(where_mbind_is_refused_one_line_says_so)
{
	struct last_words words = unit_child(refused);

	ck_assert_int_eq(words.status, 0);
	ck_assert_str_eq(words.text,
			 "libkmem: mbind is refused (errno 1, EPERM): memory lies where "
			 "the kernel puts it\n");
}
END_TEST

/* As containers' default filter does, what concerns policies of memory. */
static bool refuse_policies(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mbind, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_set_mempolicy, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_get_mempolicy, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
	};
	struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static void contained(void)
{
	struct bitmask *mask = numa_bitmask_alloc(NODES_MAX);

	if (!refuse_policies())
		_exit(77);
	numa_bitmask_setbit(mask, (unsigned)node_here());
	cache = kmem_cache_create("contained", 300, 0, 0, NULL);
	if (kmem_numa_set_cache(cache, KMEM_NUMA_BIND, mask) ||
	    kmem_numa_set(KMEM_NUMA_LOCAL, NULL))
		_exit(1);
	errno = 0;
	take(NULL);
	for (int i = 0; i < MANY; i++)
		memset(objects[i], 1, 300);
	memset(kmem_malloc(100 << 20), 1, 100 << 20);
	if (errno)
		_exit(2);
	for (int i = 0; i < MANY; i++)
		kmem_cache_free(cache, objects[i]);
	if (kmem_cache_destroy(cache))
		_exit(3);
}

START_TEST(a_container_is_as_good)
{
	struct last_words words = unit_child(contained);

	/* Without seccomp there is nothing to see. */
	if (WIFEXITED(words.status) && WEXITSTATUS(words.status) == 77)
		return;
	ck_assert_int_eq(words.status, 0);
	ck_assert_str_eq(words.text,
			 "libkmem: mbind is refused (errno 1, EPERM): memory lies where "
			 "the kernel puts it\n");
}
END_TEST

/* The machine that this runs on: whether mbind is refused or not, memory is to be had. */
START_TEST(on_this_machine)
{
	struct bitmask *mask = numa_bitmask_alloc(NODES_MAX);
	int node = node_here();

	numa_bitmask_setbit(mask, (unsigned)node);
	cache = kmem_cache_create("here", 300, 0, 0, NULL);
	ck_assert_int_eq(kmem_numa_set_cache(cache, KMEM_NUMA_BIND, mask), 0);
	ck_assert_int_eq(kmem_numa_set(KMEM_NUMA_LOCAL, NULL), 0);
	take(NULL);
	for (int i = 0; i < MANY; i++)
		memset(objects[i], 0xff, 300);
	memset(kmem_malloc(5 << 20), 0xff, 5 << 20);
	ck_assert_int_eq(buddy_zone(objects[0])->node, node);
	give();
	numa_bitmask_free(mask);
}
END_TEST

UNIT_MAIN("policies", preferred_is_one_node, interleave_and_bind_are_of_several,
	  local_is_the_threads, of_the_process_is_all, a_new_policy_is_of_new_slabs,
	  bound_means_these_only, preferred_may_be_another, nodes_that_are_asked_for_are_bound,
	  what_cannot_be_is_einval, so_many_policies_and_no_more,
	  where_mbind_is_refused_one_line_says_so, a_container_is_as_good, on_this_machine)
