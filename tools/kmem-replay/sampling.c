// SPDX-License-Identifier: MIT
/* See sampling.h. */
#include "sampling.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

static const struct plan *plan;
static struct results *results;
static const struct allocator *allocator;
static int statm = -1;
static uint64_t stride;
static _Atomic uint64_t payload, usable, peak_payload;

/* Pages resident, less those of files, which are code; and pages of writable private memory. */
static void memory_read(uint64_t *resident, uint64_t *heap)
{
	uint64_t numbers[6] = {0}, page = (uint64_t)sysconf(_SC_PAGESIZE);
	char text[200], *at = text;
	ssize_t n = pread(statm, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	for (int i = 0; i < 6; i++)
		numbers[i] = strtoull(at, &at, 10);
	*resident = (numbers[1] - numbers[2]) * page;
	*heap = numbers[5] * page;
}

static uint64_t since(uint64_t now, uint64_t before)
{
	return now > before ? now - before : 0;
}

static struct sample look(uint64_t number)
{
	struct sample sample = {.request = number + 1, .payload = payload, .usable = usable};
	uint64_t resident, heap;

	memory_read(&resident, &heap);
	sample.heap =
		allocator->heap ? allocator_heap_bytes(allocator) : since(heap, plan->before.heap);
	sample.resident = since(resident, plan->before.resident);
	return sample;
}

void sampling_start(const struct plan *the_plan, const struct allocator *the_allocator,
		    struct results *the_results)
{
	plan = the_plan;
	allocator = the_allocator;
	results = the_results;
	stride = (plan->nrequests - plan->nbefore + SAMPLES_MOST - 1) / SAMPLES_MOST;
	statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	results->at_peak = look(0); /* with what is touched by looking */
	results->at_peak = look(0);
}

void sampling_begin(void)
{
	peak_payload = payload;
	results->at_peak = look(0);
}

void sampling_change(uint64_t more_payload, uint64_t more_usable)
{
	uint64_t now = atomic_fetch_add(&payload, more_payload) + more_payload;
	uint64_t peak = atomic_load(&peak_payload);

	atomic_fetch_add(&usable, more_usable);
	while (now > peak && !atomic_compare_exchange_weak(&peak_payload, &peak, now))
		;
}

void sampling_after(uint64_t number)
{
	uint64_t since = number - plan->nbefore;

	if (number == plan->peak_request)
		results->at_peak = look(since);
	if (since % stride == 0)
		results->samples[since / stride] = look(since);
}

static void raise(uint64_t *peak, uint64_t value)
{
	if (value > *peak)
		*peak = value;
}

void sampling_end(void)
{
	results->nsamples = (uint32_t)((plan->nrequests - plan->nbefore - 1) / stride + 1);
	results->peak_payload = peak_payload;
	results->peak_heap = results->at_peak.heap;
	results->peak_resident = results->at_peak.resident;
	for (uint32_t i = 0; i < results->nsamples; i++) {
		raise(&results->peak_heap, results->samples[i].heap);
		raise(&results->peak_resident, results->samples[i].resident);
	}
}
