// SPDX-License-Identifier: MIT
/* What kmemtop's readers decide by themselves: which right is missing, and what of a root of
 * another release there is. */
#include "elfnote.h"
#include "geometry.h"
#include "processes.h"
#include "rights.h"
#include "snapshot.h"

#include "buddy/root.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <kmem.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- rights --------------------------------------------------------------------------- */

static const struct rights same = {
	.us = {.uids = {7, 7, 7}, .gids = {8, 8, 8}},
	.it = {.uids = {7, 7, 7}, .gids = {8, 8, 8}},
	.seen = 1,
};
#define ABLE ((uint64_t)1 << 19) /* CAP_SYS_PTRACE */

static void expect(const struct rights *r, const char *words)
{
	char line[240];

	rights_explain(r, line, sizeof(line));
	ck_assert_msg(strstr(line, words) != NULL, "'%s' does not say '%s'", line, words);
}

START_TEST(rules_in_their_order)
{
	struct rights r = same;

	expect(&r, "a security module or a seccomp filter");
	r.ptrace_scope = 1;
	expect(&r, "KMEM_OPTIONS=ptracer:any");
	r.ptrace_scope = 2;
	expect(&r, "(ptrace_scope 2) asks for CAP_SYS_PTRACE");
	r.it.permitted = 1;
	expect(&r, "it has capabilities");
	r.undumpable = 1;
	expect(&r, "it is not dumpable");
	r.other_userns = 1;
	expect(&r, "another user namespace");
	r.it.uids[2] = 0; /* saved */
	expect(&r, "it has saved uid 0 gid 8, kmemtop uid 7 gid 8");
	r.it.uids[1] = 5;
	expect(&r, "it runs as uid 5 gid 8, kmemtop uid 7 gid 8");
	r.seen = 0;
	expect(&r, "/proc hides it");
}
END_TEST

START_TEST(the_capability_leaves_few)
{
	struct rights r = same;

	r.us.effective = ABLE;
	r.it.uids[1] = 0;
	r.it.permitted = ABLE;
	r.undumpable = 1;
	r.ptrace_scope = 2;
	expect(&r, "a security module or a seccomp filter");
	r.ptrace_scope = 3;
	expect(&r, "(ptrace_scope 3)");
}
END_TEST

/* --- releases -------------------------------------------------------------------------- */

/* Of a child that has changed its root. */
static int ask(int (*read_it)(void *into, struct target *t), void *into, struct target *t,
	       void (*change)(struct kmem_root *r))
{
	char word = 0;
	int ready[2], rc;
	pid_t pid;

	ck_assert_int_eq(pipe(ready), 0);
	pid = fork();
	if (!pid) {
		change(&root_record);
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	ck_assert_int_eq(read(ready[0], &word, 1), 1);
	ck_assert_int_eq(target_open(t, pid), 0);
	rc = read_it(into, t);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(ready[0]);
	close(ready[1]);
	return rc;
}

static int find_root(void *root, struct target *t)
{
	return elfnote_find_root(t, root);
}

static int look(struct kmem_root *root, struct target *t, void (*change)(struct kmem_root *r))
{
	return ask(find_root, root, t, change);
}

static int read_geometry(void *g, struct target *t)
{
	return geometry_read(g, t);
}

static void leave(struct kmem_root *r)
{
	(void)r;
}

static void make_older(struct kmem_root *r)
{
	r->size = offsetof(struct kmem_root, map);
	strcpy(r->release, "0.0");
}

static void shorten_layout(struct kmem_root *r)
{
	r->layout_size = offsetof(struct kmem_root_layout, slab_marks);
}

static void leave_out_guarded(struct kmem_root *r)
{
	r->layout_size = offsetof(struct kmem_root_layout, guard_size);
	r->size = offsetof(struct kmem_root, layout) + r->layout_size;
}

static void cut_layout(struct kmem_root *r)
{
	r->size = offsetof(struct kmem_root, layout.slab_marks);
}

static void make_newer(struct kmem_root *r)
{
	r->size += 64;
	r->layout_size += 8;
	r->cache_size += 64;
	r->heap_size += 64;
	memcpy(r->release, "9.9\033[2J123456789", sizeof(r->release));
}

static void change_version(struct kmem_root *r)
{
	r->version = 7;
}

static void cut_record(struct kmem_root *r)
{
	r->zone_size = 16;
}

START_TEST(the_same_release)
{
	struct kmem_root root;
	struct target t;

	ck_assert_int_eq(look(&root, &t, leave), 0);
	ck_assert_mem_eq(&root, &root_record, offsetof(struct kmem_root, mapped_bytes));
	ck_assert_mem_eq(&root.layout, &root_record.layout, sizeof(root.layout));
	ck_assert_str_eq(t.notes, "");
}
END_TEST

START_TEST(what_an_older_one_lacks_is_zero)
{
	struct kmem_root root, none = {.map = 0};
	size_t known = offsetof(struct kmem_root, map);
	struct target t;

	ck_assert_int_eq(look(&root, &t, make_older), 0);
	ck_assert_mem_eq((char *)&root + known, (char *)&none + known, sizeof(root) - known);
	ck_assert_ptr_nonnull(strstr(t.notes, "its libkmem is 0.0, kmemtop "));
	ck_assert_int_eq(look(&root, &t, shorten_layout), 0);
	ck_assert_uint_eq(root.layout.slab_fresh, root_record.layout.slab_fresh);
	ck_assert_uint_eq(root.layout.slab_marks, 0);
	ck_assert_uint_eq(root.layout.chunk_size, 0);
}
END_TEST

START_TEST(where_things_lie_takes_a_layout)
{
	void (*const changes[])(struct kmem_root *) = {make_older, shorten_layout, cut_layout};
	struct geometry g;
	struct target t;

	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		ck_assert_int_eq(ask(read_geometry, &g, &t, changes[i]), -EPROTO);
		ck_assert_ptr_nonnull(strstr(t.why, "does not publish what lies where"));
	}
	ck_assert_int_eq(ask(read_geometry, &g, &t, leave_out_guarded), 0);
	ck_assert_uint_eq(g.root.layout.guard_pool, 0);
	geometry_free(&g);
}
END_TEST

START_TEST(a_newer_one_is_read)
{
	struct kmem_root root;
	struct target t;

	ck_assert_int_eq(look(&root, &t, make_newer), 0);
	ck_assert_mem_eq(&root.layout, &root_record.layout, sizeof(root.layout));
	ck_assert_ptr_nonnull(strstr(t.notes, "its libkmem is 9.9?[2J123456789, kmemtop "));
	ck_assert_ptr_null(strchr(t.notes, '\033'));
}
END_TEST

START_TEST(another_version_is_refused)
{
	struct kmem_root root;
	struct target t;

	ck_assert_int_eq(look(&root, &t, change_version), -EPROTO);
	ck_assert_ptr_nonnull(strstr(t.why, "publishes version 7, kmemtop reads 1"));
	ck_assert_int_eq(look(&root, &t, cut_record), -EPROTO);
	ck_assert_ptr_nonnull(strstr(t.why, "sizes that make no sense"));
}
END_TEST

/* --- the list of processes -------------------------------------------------------------- */

/* A program without libkmem: it runs once the pipe that its exec closes has ended. */
static pid_t start_stranger(void)
{
	int ends[2];
	char word;
	pid_t pid;

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	if (!pid)
		_exit(execlp("sleep", "sleep", "60", (char *)NULL));
	close(ends[1]);
	ck_assert_int_eq(read(ends[0], &word, 1), 0);
	close(ends[0]);
	return pid;
}

START_TEST(processes_that_use_libkmem)
{
	struct kmem_cache *cache = kmem_cache_create("of_this_test", 1000, NULL, 0);
	const struct process_view *found = NULL;
	pid_t stranger = start_stranger();
	struct processes p;
	struct snapshot s;
	struct target t;

	ck_assert_ptr_nonnull(kmem_cache_alloc(cache, GFP_KERNEL));
	ck_assert_int_eq(prctl(PR_SET_NAME, "na\033me\n!"), 0);
	ck_assert_int_eq(snapshot_take_pid(&s, &t, getpid()), 0);
	ck_assert_int_eq(processes_list(&p), 0);
	for (size_t i = 0; i < p.n; i++) {
		ck_assert(i == 0 || p.list[i - 1].pid < p.list[i].pid);
		ck_assert_int_ne(p.list[i].pid, stranger);
		if (p.list[i].pid == getpid())
			found = &p.list[i];
	}
	ck_assert_ptr_nonnull(found);
	ck_assert_str_eq(found->name, "na?me");
	ck_assert_uint_ge(found->active, 1);
	ck_assert_uint_ge(found->slab_nbytes, 4096);
	ck_assert_uint_eq(found->nthreads, s.nthreads);
	kill(stranger, SIGKILL);
	waitpid(stranger, NULL, 0);
	snapshot_free(&s);
	processes_free(&p);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("target");
	TCase *all = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(all, 60);
	tcase_add_test(all, rules_in_their_order);
	tcase_add_test(all, the_capability_leaves_few);
	tcase_add_test(all, the_same_release);
	tcase_add_test(all, what_an_older_one_lacks_is_zero);
	tcase_add_test(all, where_things_lie_takes_a_layout);
	tcase_add_test(all, a_newer_one_is_read);
	tcase_add_test(all, another_version_is_refused);
	tcase_add_test(all, processes_that_use_libkmem);
	suite_add_tcase(suite, all);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
