/* SPDX-License-Identifier: MIT */
/*
 * Random numbers as a function of a seed and a number, so that threads share nothing but a count
 * (G. Steele, D. Lea, C. Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014).
 */
#ifndef BUDDY_RANDOM_H
#define BUDDY_RANDOM_H

#include <stdint.h>

/* The number-th of the seed's. */
static inline uint64_t random_at(uint64_t seed, uint64_t number)
{
	uint64_t z = seed + number * 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

#endif
