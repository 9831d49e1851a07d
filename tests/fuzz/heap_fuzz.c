// SPDX-License-Identifier: MIT
/*
 * Private heaps against a shadow, for libFuzzer:
 *
 *	cmake -S . -B fuzz -DCMAKE_C_COMPILER=clang
 *'-DKMEM_SANITIZE=fuzzer-no-link;address;undefined' cmake --build fuzz -t heap_fuzz
 *	fuzz/tests/heap_fuzz -max_len=4096 -max_total_time=3600 CORPUS
 */
#include "tests/unit/heap_shadow.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes)
{
	shadow_run(data, nbytes);
	return 0;
}
