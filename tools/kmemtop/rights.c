/* SPDX-License-Identifier: MIT */
#include "rights.h"

#include <inttypes.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PTRACE_RIGHT ((uint64_t)1 << CAP_SYS_PTRACE)

static void take_line(struct rights_side *side, const char *line)
{
	sscanf(line, "Uid: %" SCNu32 " %" SCNu32 " %" SCNu32, &side->uids[0], &side->uids[1],
	       &side->uids[2]);
	sscanf(line, "Gid: %" SCNu32 " %" SCNu32 " %" SCNu32, &side->gids[0], &side->gids[1],
	       &side->gids[2]);
	sscanf(line, "CapPrm: %" SCNx64, &side->permitted);
	sscanf(line, "CapEff: %" SCNx64, &side->effective);
}

/* What /proc/WHO/status says; 0 if there is none. */
static int read_side(struct rights_side *side, const char *who)
{
	char path[48], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%s/status", who);
	f = fopen(path, "re");
	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f))
		take_line(side, line);
	fclose(f);
	return 1;
}

static size_t read_text(const char *path, char *text, size_t nbytes)
{
	FILE *f = fopen(path, "re");
	size_t n = 0;

	if (f) {
		n = fread(text, 1, nbytes - 1, f);
		fclose(f);
	}
	text[n] = 0;
	return n;
}

/* The link to the namespace itself takes the right that is missing. */
static int userns_differs(const char *who)
{
	char path[48], ours[1024], its[1024];

	snprintf(path, sizeof(path), "/proc/%s/uid_map", who);
	return read_text("/proc/self/uid_map", ours, sizeof(ours)) &&
	       read_text(path, its, sizeof(its)) && strcmp(ours, its) != 0;
}

/* Its files in /proc are then root's. */
static int is_undumpable(const char *who, const struct rights_side *it)
{
	struct stat st;
	char path[48];

	snprintf(path, sizeof(path), "/proc/%s/status", who);
	return !stat(path, &st) && st.st_uid != it->uids[1];
}

void rights_look(struct rights *r, pid_t pid)
{
	char who[16], scope[16];

	snprintf(who, sizeof(who), "%d", (int)pid);
	memset(r, 0, sizeof(*r));
	read_side(&r->us, "self");
	r->seen = read_side(&r->it, who);
	r->other_userns = userns_differs(who);
	r->undumpable = is_undumpable(who, &r->it);
	read_text("/proc/sys/kernel/yama/ptrace_scope", scope, sizeof(scope));
	r->ptrace_scope = atoi(scope);
}

/* The first of its ids (effective, real, saved) that is not our real one; -1: all are. */
static int find_other_id(const struct rights *r)
{
	static const int order[] = {1, 0, 2};

	for (int i = 0; i < 3; i++)
		if (r->it.uids[order[i]] != r->us.uids[0] || r->it.gids[order[i]] != r->us.gids[0])
			return order[i];
	return -1;
}

static void explain_id(const struct rights *r, int which, char *line, size_t nbytes)
{
	static const char *const kinds[] = {"has real", "runs as", "has saved"};

	snprintf(line, nbytes,
		 "it %s uid %" PRIu32 " gid %" PRIu32 ", kmemtop uid %" PRIu32 " gid %" PRIu32
		 "; this takes the same or CAP_SYS_PTRACE",
		 kinds[which], r->it.uids[which], r->it.gids[which], r->us.uids[0], r->us.gids[0]);
}

static const char *explain_yama(int ptrace_scope)
{
	switch (ptrace_scope) {
	case 1:
		return "Yama (ptrace_scope 1) lets only parents: run it by kmemtop -- COMMAND, or "
		       "with KMEM_OPTIONS=ptracer:any; or have CAP_SYS_PTRACE";
	case 2:
		return "Yama (ptrace_scope 2) asks for CAP_SYS_PTRACE";
	default:
		return "Yama (ptrace_scope 3) lets nobody until the machine restarts; -c shows a "
		       "core";
	}
}

void rights_explain(const struct rights *r, char *line, size_t nbytes)
{
	int able = (r->us.effective & PTRACE_RIGHT) != 0, other = find_other_id(r);
	const char *text = "a security module or a seccomp filter forbids it";

	if (!r->seen)
		text = "/proc hides it (hidepid); this takes its user or CAP_SYS_PTRACE";
	else if (!able && other >= 0) {
		explain_id(r, other, line, nbytes);
		return;
	} else if (r->other_userns)
		text = "it is in another user namespace; this takes CAP_SYS_PTRACE there";
	else if (!able && r->undumpable)
		text = "it is not dumpable (PR_SET_DUMPABLE, setuid or file capabilities); this "
		       "takes CAP_SYS_PTRACE";
	else if (!able && (r->it.permitted & ~r->us.permitted))
		text = "it has capabilities that kmemtop has not; this takes CAP_SYS_PTRACE";
	else if (r->ptrace_scope >= 3 || (!able && r->ptrace_scope > 0))
		text = explain_yama(r->ptrace_scope);
	snprintf(line, nbytes, "%s", text);
}
