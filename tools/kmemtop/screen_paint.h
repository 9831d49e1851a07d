/* SPDX-License-Identifier: MIT */
/* Lines, bars and colours on the screen, clipped to it. */
#ifndef KMEMTOP_SCREEN_PAINT_H
#define KMEMTOP_SCREEN_PAINT_H

#include <stddef.h>

enum paint {
	PAINT_PLAIN,
	PAINT_GOOD,
	PAINT_FAIR,
	PAINT_POOR,
	PAINT_PARKED,
	PAINT_TITLE,
	PAINT_CURSOR,
	PAINT_KINDS,
};

/* Once, after the terminal was opened; without colours, or under NO_COLOR, attributes serve. */
void paint_init(void);

void paint_line(int y, const char *line);
void paint_right(int y, const char *line);
/* Gives cells that are on the screen another look. */
void paint_cells(int y, int x, int width, enum paint paint);
void paint_full_line(int y, const char *line, enum paint paint);

/* A use of so many per cent. */
enum paint paint_of_use(double percent);

struct paint_part {
	double amount;
	char sign;
	enum paint paint;
};
/* [####+++......], width cells with the brackets, to scale. */
void paint_bar(int y, int x, int width, const struct paint_part *parts, size_t nparts);

#endif
