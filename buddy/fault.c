// SPDX-License-Identifier: MIT
/* Handlers in a chain: see fault.h. */
#include "buddy/fault.h"

#include "buddy/sys.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <ucontext.h>

static const int numbers[] = {SIGSEGV, SIGBUS};
#define NUMBERS (sizeof(numbers) / sizeof(numbers[0]))

static fault_hook *watcher;
static struct sigaction before[NUMBERS];

#if defined(__x86_64__)

#define ERROR_WRITE 2 /* bit 1 of a page fault's code; Intel SDM, vol. 3, 4.7 */

static bool is_write(const ucontext_t *context)
{
	return context->uc_mcontext.gregs[REG_ERR] & ERROR_WRITE;
}

#elif defined(__aarch64__)

#define ESR_WRITE 0x40 /* WnR of a data abort; Arm ARM, ESR_EL1 */

/* The kernel appends records to the registers, one of which is the syndrome. */
static bool is_write(const ucontext_t *context)
{
	const unsigned char *at = (const unsigned char *)context->uc_mcontext.__reserved;
	const unsigned char *end = at + sizeof(context->uc_mcontext.__reserved);

	while (at + sizeof(struct esr_context) <= end) {
		const struct _aarch64_ctx *record = (const struct _aarch64_ctx *)at;

		if (record->magic == ESR_MAGIC)
			return ((const struct esr_context *)record)->esr & ESR_WRITE;
		if (!record->magic || record->size < sizeof(*record))
			break;
		at += record->size;
	}
	return false;
}

#endif

/* As if nobody watched. If somebody sent the signal, it has to be sent again. */
static void take_default(int number, const siginfo_t *info)
{
	struct sigaction action = {.sa_handler = SIG_DFL};

	sigaction(number, &action, NULL);
	if (info->si_code <= 0)
		raise(number);
}

/* The mask is the interrupted one again when our handler returns. */
static void call_before(struct sigaction *old, int number, siginfo_t *info, void *context)
{
	struct sigaction now = *old;
	sigset_t own;

	pthread_sigmask(SIG_BLOCK, &now.sa_mask, NULL);
	if (now.sa_flags & SA_NODEFER) {
		sigemptyset(&own);
		sigaddset(&own, number);
		pthread_sigmask(SIG_UNBLOCK, &own, NULL);
	}
	if (now.sa_flags & (int)SA_RESETHAND) {
		old->sa_handler = SIG_DFL;
		old->sa_flags = 0;
	}
	if (now.sa_flags & SA_SIGINFO)
		now.sa_sigaction(number, info, context);
	else
		now.sa_handler(number);
}

static void pass_on(int number, siginfo_t *info, void *context)
{
	struct sigaction *old = &before[number == SIGSEGV ? 0 : 1];

	if (old->sa_flags & SA_SIGINFO ||
	    (old->sa_handler != SIG_DFL && old->sa_handler != SIG_IGN))
		call_before(old, number, info, context);
	/* Ignored is what somebody sends; an access cannot be. */
	else if (old->sa_handler == SIG_DFL || info->si_code > 0)
		take_default(number, info);
}

static void on_signal(int number, siginfo_t *info, void *context)
{
	struct fault fault = {.addr = (uintptr_t)info->si_addr, .context = context};
	int saved = errno;

	fault.write = is_write(context);
	if (info->si_code <= 0 || !watcher(&fault))
		pass_on(number, info, context);
	errno = saved;
}

int fault_watch(fault_hook *hook)
{
	struct sigaction action = {.sa_flags = SA_SIGINFO | SA_ONSTACK};

	action.sa_sigaction = on_signal;
	sigemptyset(&action.sa_mask);
	watcher = hook;
	for (size_t i = 0; i < NUMBERS; i++) {
		/* First, as one may come at once. */
		if (sigaction(numbers[i], NULL, &before[i]) < 0 ||
		    sigaction(numbers[i], &action, NULL) < 0)
			return -errno;
	}
	return 0;
}
