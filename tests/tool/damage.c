// SPDX-License-Identifier: MIT
/* Which bytes of a core a reading reads, and other values for them: see damage.h. */
#include "damage.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_READS   100000
#define MAX_CHANGES 6

static struct damaged *damaged;

/* --- what a reading reads ------------------------------------------------------------ */

static struct {
	int on;
	struct core_read {
		int fd;
		uint64_t offset;
		size_t nbytes;
	} reads[MAX_READS];
	size_t n;
} recorded;

ssize_t __wrap_pread(int fd, void *buf, size_t nbytes, off_t offset)
{
	if (recorded.on && recorded.n < MAX_READS)
		recorded.reads[recorded.n++] =
			(struct core_read){.fd = fd, .offset = (uint64_t)offset, .nbytes = nbytes};
	return __real_pread(fd, buf, nbytes, offset);
}

void damage_start_recording(struct damaged *core)
{
	damaged = core;
	recorded.on = 1;
}

/* Those of files that were mapped are not ours to damage. */
size_t damage_stop_recording(int fd)
{
	size_t n = 0;

	for (size_t i = 0; i < recorded.n; i++)
		if (recorded.reads[i].fd == fd && recorded.reads[i].nbytes &&
		    recorded.reads[i].offset + recorded.reads[i].nbytes <= damaged->nbytes)
			recorded.reads[n++] = recorded.reads[i];
	recorded.on = 0;
	recorded.n = n;
	return n;
}

/* --- numbers ---------------------------------------------------------------------------- */

static uint64_t state;

static uint64_t next_random(void) /* splitmix64 */
{
	uint64_t z = state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

void damage_seed(uint64_t seed)
{
	state = seed;
}

uint64_t damage_below(uint64_t n)
{
	return next_random() % n;
}

/* --- damage --------------------------------------------------------------------------------- */

static struct {
	uint64_t offset;
	size_t nbytes;
} changes[MAX_CHANGES];
static size_t nchanges;
static uint64_t cut; /* the core ends here */

static void put(uint64_t offset, const void *bytes, size_t nbytes)
{
	if (offset + nbytes > damaged->nbytes)
		return;
	if (pwrite(damaged->fd, bytes, nbytes, (off_t)offset) != (ssize_t)nbytes)
		abort();
	changes[nchanges].offset = offset;
	changes[nchanges++].nbytes = nbytes;
}

uint64_t damage_somewhere(void)
{
	const struct core_read *r = &recorded.reads[damage_below(recorded.n)];

	return r->offset + damage_below(r->nbytes);
}

/* Half of them in ELF parts of a run that damages those, none in others. */
static uint64_t pick_place(int elf)
{
	uint64_t offset = elf && damage_below(2) ? damage_below(damaged->nelf) : damage_somewhere();

	return damage_below(4) ? offset & ~(uint64_t)7 : offset;
}

static uint64_t pick_value(void)
{
	static const uint64_t favourites[] = {
		0,
		1,
		2,
		0x7f,
		0xff,
		0xffff,
		0x10000,
		0x7fffffff,
		0x80000000,
		0xffffffff,
		~0ull,
		1ull << 63,
		~0ull >> 1,
		0x1b5b324a1b5b481b,
		0x7470697263732f3c /* </script */,
		0x3e3c26275c22223a,
	};
	uint64_t value;

	switch (damage_below(4)) {
	case 0:
		return favourites[damage_below(sizeof(favourites) / sizeof(favourites[0]))];
	case 1:
		return next_random() >> damage_below(64);
	default: /* an address, or a number, from elsewhere */
		memcpy(&value, damaged->clean + (damage_somewhere() & ~(uint64_t)7), sizeof(value));
		return value + (damage_below(3) ? 0 : damage_below(64) - 32);
	}
}

static void change_something(int elf)
{
	uint64_t offset = pick_place(elf), value = pick_value();
	char byte;

	switch (damage_below(3)) {
	case 0:
		byte = (char)(damaged->clean[offset] ^ (1 << damage_below(8)));
		put(offset, &byte, 1);
		break;
	case 1:
		put(offset, &value, 4);
		break;
	default:
		put(offset, &value, 8);
		break;
	}
}

static void write_clean(uint64_t from)
{
	static const char zeros[4096];

	for (uint64_t at = from & ~(uint64_t)4095; at < damaged->nbytes; at += 4096) {
		size_t n = damaged->nbytes - at < 4096 ? damaged->nbytes - at : 4096;

		if (memcmp(damaged->clean + at, zeros, n) &&
		    pwrite(damaged->fd, damaged->clean + at, n, (off_t)at) != (ssize_t)n)
			abort();
	}
}

void damage_core(void)
{
	int elf = !damage_below(4);

	for (size_t n = 1 + damage_below(MAX_CHANGES - 1); n; n--)
		change_something(elf);
	cut = damage_below(40) ? damaged->nbytes : damage_below(damaged->nbytes);
	if (cut < damaged->nbytes && ftruncate(damaged->fd, (off_t)cut))
		abort();
}

void damage_undo(void)
{
	if (cut < damaged->nbytes) {
		if (ftruncate(damaged->fd, (off_t)damaged->nbytes))
			abort();
		write_clean(cut);
	}
	for (size_t i = 0; i < nchanges; i++)
		if (pwrite(damaged->fd, damaged->clean + changes[i].offset, changes[i].nbytes,
			   (off_t)changes[i].offset) < 0)
			abort();
	nchanges = 0;
}
