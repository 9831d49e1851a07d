/* SPDX-License-Identifier: MIT */
/* Lines, bars and colours: see screen_paint.h. */
#include "screen_paint.h"

#include <curses.h>
#include <stdlib.h>
#include <string.h>

static attr_t attributes[PAINT_KINDS] = {
	[PAINT_TITLE] = A_REVERSE,
	[PAINT_CURSOR] = A_REVERSE,
};

static const short colours[PAINT_KINDS] = {
	[PAINT_GOOD] = COLOR_GREEN,
	[PAINT_FAIR] = COLOR_YELLOW,
	[PAINT_POOR] = COLOR_RED,
	[PAINT_PARKED] = COLOR_CYAN,
};

void paint_init(void)
{
	const char *refused = getenv("NO_COLOR");

	if (!has_colors() || (refused && *refused))
		return;
	start_color();
	use_default_colors();
	for (short i = 0; i < PAINT_KINDS; i++)
		if (colours[i] && i < COLOR_PAIRS) {
			init_pair(i, colours[i], -1);
			attributes[i] |= (attr_t)COLOR_PAIR(i);
		}
}

void paint_line(int y, const char *line)
{
	if (y >= 0 && y < LINES)
		mvaddnstr(y, 0, line, COLS);
}

void paint_right(int y, const char *line)
{
	int x = COLS - (int)strlen(line);

	if (y >= 0 && y < LINES && x >= 0)
		mvaddstr(y, x, line);
}

void paint_cells(int y, int x, int width, enum paint paint)
{
	attr_t attribute = attributes[paint];

	if (y < 0 || y >= LINES || x < 0 || x >= COLS)
		return;
	mvchgat(y, x, width < COLS - x ? width : COLS - x, attribute & ~A_COLOR,
		(short)PAIR_NUMBER(attribute), NULL);
}

void paint_full_line(int y, const char *line, enum paint paint)
{
	paint_line(y, line);
	paint_cells(y, 0, COLS, paint);
}

enum paint paint_of_use(double percent)
{
	return percent >= 80 ? PAINT_GOOD : percent >= 40 ? PAINT_FAIR : PAINT_POOR;
}

void paint_bar(int y, int x, int width, const struct paint_part *parts, size_t nparts)
{
	double sum = 0, done = 0;
	int room = (width < COLS - x ? width : COLS - x) - 2, from = 0;

	if (y < 0 || y >= LINES || room < 1)
		return;
	for (size_t i = 0; i < nparts; i++)
		sum += parts[i].amount;
	mvaddch(y, x, '[');
	mvhline(y, x + 1, ' ', room);
	for (size_t i = 0; i < nparts && sum > 0; i++) {
		int to;

		done += parts[i].amount;
		to = (int)(done / sum * room + 0.5);
		if (to <= from)
			continue;
		mvhline(y, x + 1 + from, (chtype)(unsigned char)parts[i].sign, to - from);
		paint_cells(y, x + 1 + from, to - from, parts[i].paint);
		from = to;
	}
	mvaddch(y, x + 1 + room, ']');
}
