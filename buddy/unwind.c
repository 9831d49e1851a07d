// SPDX-License-Identifier: MIT
/* Walking the stack: see unwind.h. */
#include "buddy/unwind.h"

#include "buddy/cfi.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <ucontext.h>

#define CACHED	   16384u
#define FRAME_MOST ((uintptr_t)8 << 20) /* what is larger is taken for damage */
#define STACK_MOST ((uintptr_t)1 << 36)

/* A rule in a word: frame 24 bits, ra and fp 9 each in eights, kind 3, fp_at_fp 1, tag 16. */
struct cached {
	_Atomic uintptr_t pc;
	_Atomic uint64_t rule;
};

static struct cached cache[CACHED];

#define SAME_EIGHTS (-256)
#define TAG(pc)	    ((pc)&0xffff)

static int eights(int16_t offset)
{
	return offset == CFI_SAME ? SAME_EIGHTS : offset / 8;
}

static bool fits(int16_t offset)
{
	return offset == CFI_SAME ||
	       (offset % 8 == 0 && offset / 8 > SAME_EIGHTS && offset / 8 <= 255);
}

static bool pack(const struct cfi_rule *rule, uintptr_t pc, uint64_t *packed)
{
	if (rule->frame < -(1 << 23) || rule->frame >= 1 << 23 || !fits(rule->ra) ||
	    !fits(rule->fp))
		return false;
	*packed = TAG(pc) << 48 | (uint64_t)rule->fp_at_fp << 45 | (uint64_t)rule->kind << 42 |
		  (uint64_t)((unsigned)eights(rule->fp) & 0x1ff) << 33 |
		  (uint64_t)((unsigned)eights(rule->ra) & 0x1ff) << 24 |
		  ((unsigned)rule->frame & 0xffffff);
	return true;
}

static int16_t unpack_offset(uint64_t nine_bits)
{
	int value = (int)(nine_bits & 0x1ff);

	value -= (value & 0x100) << 1;
	return value == SAME_EIGHTS ? CFI_SAME : (int16_t)(value * 8);
}

static struct cfi_rule unpack(uint64_t packed)
{
	return (struct cfi_rule){
		.frame = (int32_t)((uint32_t)packed << 8) >> 8,
		.ra = unpack_offset(packed >> 24),
		.fp = unpack_offset(packed >> 33),
		.kind = packed >> 42 & 7,
		.fp_at_fp = packed >> 45 & 1,
	};
}

/* The usual: found by the stack pointer, the return address in its place, nothing else to do. */
#define USUAL_BITS (UINT64_C(1) << 45 | UINT64_C(7) << 42 | UINT64_C(0x1ff) << 24 | 1u << 23)
#if defined(__x86_64__)
#define USUAL ((uint64_t)CFI_SP << 42 | UINT64_C(0x1ff) << 24) /* -1 eight */
#else
#define USUAL (~UINT64_C(0)) /* there it differs from function to function */
#endif

/*
 * Two words that may be of two rules, as others write them meanwhile: the tag in the second tells,
 * unless both are of one place in two libraries.
 */
static inline bool cached_rule(uintptr_t pc, uint64_t *packed)
{
	struct cached *place = &cache[(pc ^ pc >> 12) % CACHED];

	*packed = atomic_load_explicit(&place->rule, memory_order_relaxed);
	return atomic_load_explicit(&place->pc, memory_order_relaxed) == pc &&
	       *packed >> 48 == TAG(pc);
}

static struct cfi_rule rule_at(uintptr_t pc)
{
	struct cached *place = &cache[(pc ^ pc >> 12) % CACHED];
	struct cfi_rule rule;
	uint64_t packed;

	if (cached_rule(pc, &packed))
		return unpack(packed);
	rule = cfi_find(pc);
	if (pack(&rule, pc, &packed)) {
		atomic_store_explicit(&place->pc, pc, memory_order_relaxed);
		atomic_store_explicit(&place->rule, packed, memory_order_relaxed);
	}
	return rule;
}

/* The end of the stack, as far as it is known: below a thread's own record, or the main one's. */
static uintptr_t stack_end(uintptr_t sp)
{
	extern void *__libc_stack_end __attribute__((weak));
	uintptr_t record = (uintptr_t)__builtin_thread_pointer();

	if (&__libc_stack_end && sp < (uintptr_t)__libc_stack_end &&
	    (uintptr_t)__libc_stack_end - sp < FRAME_MOST)
		return (uintptr_t)__libc_stack_end;
	return record > sp && record - sp < STACK_MOST ? record : UINTPTR_MAX;
}

static uintptr_t load(uintptr_t addr)
{
	return *(const uintptr_t *)addr;
}

static void from_context(const ucontext_t *context, struct unwind_registers *registers)
{
#if defined(__x86_64__)
	registers->pc = (uintptr_t)context->uc_mcontext.gregs[REG_RIP];
	registers->sp = (uintptr_t)context->uc_mcontext.gregs[REG_RSP];
	registers->fp = (uintptr_t)context->uc_mcontext.gregs[REG_RBP];
#elif defined(__aarch64__)
	registers->pc = context->uc_mcontext.pc;
	registers->sp = context->uc_mcontext.sp;
	registers->fp = context->uc_mcontext.regs[29];
	registers->lr = context->uc_mcontext.regs[30];
#endif
	registers->in_call = false;
}

/* The kernel's record lies where the handler returned to its trampoline, behind siginfo on ARM. */
static const ucontext_t *context_at(uintptr_t sp)
{
#if defined(__aarch64__)
	sp += sizeof(siginfo_t);
#endif
	return (const ucontext_t *)sp;
}

static uintptr_t plain_address(uintptr_t pc)
{
#if defined(__aarch64__)
	register uintptr_t x30 __asm__("x30") = pc;

	__asm__("hint #7"
		: "+r"(x30)); /* xpaclri: without the signature of pointer authentication */
	return x30;
#else
	return pc;
#endif
}

/* Where the walk goes on depends on the word at addr. */
static uintptr_t load_noted(struct unwind_words *words, uintptr_t addr)
{
	uintptr_t value = load(addr);

	if (words->n < UNWIND_WORDS)
		words->word[words->n++] = (struct unwind_word){addr, value};
	else
		words->all = false;
	return value;
}

/* It depends on the frame pointer: on the word that it came from. */
static void note_fp(struct unwind_words *words, const struct unwind_registers *registers)
{
	if (registers->fp_at)
		load_noted(words, registers->fp_at);
	else
		words->by_fp = true;
}

/* The frame's beginning; 0: the frame is none. */
static uintptr_t frame_of(const struct cfi_rule *rule, const struct unwind_registers *registers,
			  uintptr_t end, struct unwind_words *words)
{
	uintptr_t from = rule->kind == CFI_SP ? registers->sp : registers->fp;
	uintptr_t frame = from + (uintptr_t)(intptr_t)rule->frame;

	if (rule->kind != CFI_SP || rule->fp_at_fp)
		note_fp(words, registers);
	if (rule->kind == CFI_FP_MEM) {
		if (frame < registers->sp || frame % 8 || frame > end - 8)
			return 0;
		frame = load_noted(words, frame);
	}
	if (frame < registers->sp || frame - registers->sp > FRAME_MOST || frame > end || frame % 8)
		return 0;
	return frame;
}

/* Where the caller's frame pointer is stored, if it is, from its beginning; 0: nowhere to be read.
 */
static bool find_fp(const struct cfi_rule *rule, const struct unwind_registers *registers,
		    uintptr_t frame, uintptr_t end, uintptr_t *fp_at)
{
	*fp_at = 0;
	if (!rule->fp_at_fp && rule->fp == CFI_SAME)
		return true;
	*fp_at = rule->fp_at_fp ? registers->fp : frame + (uintptr_t)(intptr_t)rule->fp;
	return *fp_at >= registers->sp && *fp_at < end && *fp_at % 8 == 0;
}

/* To the caller; false: there is none to be seen. */
static bool up(struct unwind_registers *registers, uintptr_t end, struct unwind_words *words)
{
	struct cfi_rule rule = rule_at(registers->pc - registers->in_call);
	uintptr_t frame, fp_at, ra;

	if (rule.kind == CFI_SIGNAL) {
		words->all = false;
		from_context(context_at(registers->sp), registers);
		return true;
	}
	frame = rule.kind == CFI_NONE ? 0 : frame_of(&rule, registers, end, words);
	if (!frame || (rule.ra != CFI_SAME && frame + (uintptr_t)(intptr_t)rule.ra < registers->sp))
		return false;
	if (!find_fp(&rule, registers, frame, end, &fp_at))
		return false;
	/* Two frames in a row whose return address is in a register would be one. */
	if (rule.ra == CFI_SAME && (!registers->lr || registers->lr == registers->pc))
		return false;
	if (rule.ra == CFI_SAME)
		words->all = false;
	ra = rule.ra == CFI_SAME ? registers->lr
				 : load_noted(words, frame + (uintptr_t)(intptr_t)rule.ra);
	*registers = (struct unwind_registers){.pc = plain_address(ra),
					       .sp = frame,
					       .fp = fp_at ? load(fp_at) : registers->fp,
					       .fp_at = fp_at ? fp_at : registers->fp_at,
					       .in_call = true};
	return registers->pc > 4096;
}

/*
 * Up through frames of the usual kind, in a few instructions each, until there are as many as may
 * be or one is of another kind; how many.
 */
static unsigned walk_usual(struct unwind_registers *registers, uintptr_t end,
			   struct unwind_words *words, uintptr_t *frames, unsigned most)
{
	uintptr_t pc = registers->pc - registers->in_call, sp = registers->sp, fp = registers->fp;
	uintptr_t fp_at = registers->fp_at;
	struct unwind_word *word = &words->word[words->n];
	unsigned n = 0, room = UNWIND_WORDS - words->n;

	if (most > room)
		most = room; /* the others by up */

	for (; n < most; n++) {
		uintptr_t frame;
		uint64_t packed;
		int eights;

		if (!cached_rule(pc, &packed) || (packed & USUAL_BITS) != USUAL)
			break;
		frame = sp + (packed & 0x7fffff);
		eights = (int)(packed >> 33 & 0x1ff);
		/* One test for each: frames go up and end on the stack, and are whole words. */
		if (frame - sp - 8 > end - sp - 8 || frame % 8)
			break;
		if (eights != (SAME_EIGHTS & 0x1ff)) {
			uintptr_t at = frame + ((uintptr_t)eights << 3) - 4096;

			if (at - sp >= frame - sp)
				break;
			fp = load(fp_at = at);
		}
		pc = load(frame - 8);
		word[n] = (struct unwind_word){frame - 8, pc};
		frames[n] = pc--;
		sp = frame;
	}
	words->n += n;
	if (n > 0)
		*registers = (struct unwind_registers){frames[n - 1], sp, fp, fp_at, 0, true};
	return n;
}

static unsigned walk(struct unwind_registers *registers, struct unwind_words *words,
		     uintptr_t *frames, unsigned most)
{
	uintptr_t end = stack_end(registers->sp);
	unsigned n = walk_usual(registers, end, words, frames, most);

	while (n < most && up(registers, end, words)) {
		if (!registers->in_call)
			end = stack_end(registers->sp); /* another stack, it may be */
		frames[n++] = registers->pc;
		n += walk_usual(registers, end, words, frames + n, most - n);
	}
	return n;
}

unsigned unwind_from(const struct unwind_registers *start, struct unwind_words *words,
		     uintptr_t *frames, unsigned most)
{
	struct unwind_registers registers = *start;

	words->n = 0;
	words->all = true;
	words->by_fp = false;
	return walk(&registers, words, frames, most);
}

__attribute__((noinline)) unsigned unwind(uintptr_t *frames, unsigned most)
{
	struct unwind_registers registers = unwind_here();
	struct unwind_words words = {.n = 0};

	if (!up(&registers, stack_end(registers.sp), &words))
		return 0;
	return walk(&registers, &words, frames, most);
}

unsigned unwind_signal(const void *context, uintptr_t *frames, unsigned most)
{
	struct unwind_registers registers = {0};
	struct unwind_words words = {.n = 0};

	if (most == 0)
		return 0;
	from_context(context, &registers);
	frames[0] = registers.pc;
	return 1 + walk(&registers, &words, frames + 1, most - 1);
}
