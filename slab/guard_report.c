// SPDX-License-Identifier: MIT
/* The texts: see guard_report.h. */
#include "slab/guard_report.h"

#include "buddy/report.h"
#include "buddy/stacks.h"
#include "buddy/symbol.h"
#include "buddy/sys.h"
#include "buddy/unwind.h"

#define DEPTH	    32u
#define DAMAGE_MOST 16u /* bytes that are shown */

static const char rule[] = "==================================================================";

/* Where the program is, or a signal interrupted it. */
struct sight {
	uintptr_t frames[DEPTH];
	unsigned n;
	uint32_t now_ms; /* ages count to here: names of stacks take time */
};

static void look(struct sight *sight)
{
	sight->now_ms = sys_now_ms();
	sight->n = stack_now(sight->frames, DEPTH);
}

static unsigned number_of(const struct guarded *guarded)
{
	return (unsigned)(guarded - guard_pool.objects);
}

static void put_empty(void)
{
	report_text("%s", "");
}

/* Who allocated the object, and who freed it. */
static void put_object(const struct guarded *guarded, uint32_t now_ms)
{
	uintptr_t object = guarded->object;
	uint32_t nbytes = guarded->nbytes;

	put_empty();
	report_text("kfence-#%u: %p-%p, size=%u, cache=%s", number_of(guarded), (void *)object,
		    (void *)(object + nbytes - 1), nbytes, guarded->name);
	put_empty();
	track_print("allocated", &guarded->tracks[GUARD_ALLOCATED], now_ms);
	if (!guarded->tracks[GUARD_RELEASED].tid)
		return;
	put_empty();
	track_print("freed", &guarded->tracks[GUARD_RELEASED], now_ms);
}

/* What follows the lines that say what it is about. */
static void put_rest(const struct sight *sight, const struct guarded *guarded)
{
	symbols_print(sight->frames, sight->n);
	if (guarded)
		put_object(guarded, sight->now_ms);
	put_empty();
	report_text("CPU: %u PID: %u", sys_cpu(), sys_tid());
	report_text(rule);
	report_end(false);
}

/* As the kernel counts: from the object's first byte, on both sides. */
static void put_near(const char *what, uintptr_t addr, const struct guarded *guarded)
{
	uintptr_t object = guarded->object;
	bool left = addr < object;

	report_text("Out-of-bounds %s at %p (%zuB %s of kfence-#%u):", what, (void *)addr,
		    (size_t)(left ? object - addr : addr - object), left ? "left" : "right",
		    number_of(guarded));
}

void guard_report_access(const struct guard_access *access)
{
	const char *what = access->fault->write ? "write" : "read";
	const struct guarded *guarded = access->guarded;
	uintptr_t addr = access->fault->addr;
	struct sight sight;

	sight.now_ms = sys_now_ms();
	sight.n = unwind_signal(access->fault->context, sight.frames, DEPTH);
	report_begin();
	report_text(rule);
	report_text("BUG: KFENCE: %s %s in %p",
		    !guarded	     ? "invalid"
		    : access->inside ? "use-after-free"
				     : "out-of-bounds",
		    what, (void *)sight.frames[0]);
	put_empty();
	if (!guarded)
		report_text("Invalid %s at %p:", what, (void *)addr);
	else if (access->inside)
		report_text("Use-after-free %s at %p (in kfence-#%u):", what, (void *)addr,
			    number_of(guarded));
	else
		put_near(what, addr, guarded);
	put_rest(&sight, guarded);
}

void guard_report_invalid(const void *addr, const char *doing)
{
	const struct guarded *guarded = guarded_at((uintptr_t)addr);
	struct sight sight;

	look(&sight);
	report_begin();
	report_text(rule);
	report_text("BUG: KFENCE: invalid %s", doing);
	put_empty();
	/* Of one that was never used there is nothing to say, and nobody's is what lies between. */
	if (guarded && guarded_state(guarded) == GUARD_IDLE)
		guarded = NULL;
	if (guarded)
		report_text("Invalid %s of %p (in kfence-#%u):", doing, addr, number_of(guarded));
	else
		report_text("Invalid %s of %p (between objects):", doing, addr);
	put_rest(&sight, guarded);
}

static char hex_digit(unsigned n)
{
	return "0123456789abcdef"[n & 15];
}

/* The bytes from the first that was written on: a dot for each that was not. */
static void show_damage(char *text, const struct guarded *guarded, const unsigned char *at)
{
	uintptr_t end = (uintptr_t)at < guarded->object ? guarded->object
							: guarded_page(guarded) + guard_pool.unit;

	for (unsigned i = 0; i < DAMAGE_MOST && (uintptr_t)at < end; i++, at++) {
		bool whole = *at == guard_canary(at);

		*text++ = ' ';
		*text++ = whole ? '.' : hex_digit(*at >> 4);
		if (!whole)
			*text++ = hex_digit(*at);
	}
	*text = '\0';
}

void guard_report_damage(const struct guarded *guarded, const unsigned char *at)
{
	char text[DAMAGE_MOST * 3 + 1];
	struct sight sight;

	look(&sight);
	show_damage(text, guarded, at);
	report_begin();
	report_text(rule);
	report_text("BUG: KFENCE: memory corruption");
	put_empty();
	report_text("Corrupted memory at %p [%s ] (in kfence-#%u):", (const void *)at, text,
		    number_of(guarded));
	put_rest(&sight, guarded);
}

void guard_dump(const void *addr)
{
	const struct guarded *guarded = guarded_at((uintptr_t)addr);
	enum guard_state state = guarded ? guarded_state(guarded) : GUARD_IDLE;
	uintptr_t object = guarded ? guarded->object : 0;

	if (state == GUARD_IDLE)
		report("kmem_dump_obj: %p is on a page of the guarded pool without an object",
		       addr);
	else if ((uintptr_t)addr - object < guarded->nbytes)
		report("kmem_dump_obj: %p is %zu bytes into object %p of cache '%s' (size %u): "
		       "kfence-#%u, %s",
		       addr, (size_t)((uintptr_t)addr - object), (void *)object, guarded->name,
		       guarded->nbytes, number_of(guarded),
		       state == GUARD_LIVE ? "in use" : "free");
	else
		report("kmem_dump_obj: %p is beside object %p of cache '%s' (size %u): "
		       "kfence-#%u, %s",
		       addr, (void *)object, guarded->name, guarded->nbytes, number_of(guarded),
		       state == GUARD_LIVE ? "in use" : "free");
}
