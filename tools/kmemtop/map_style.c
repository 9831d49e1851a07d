// SPDX-License-Identifier: MIT
/* Colours where the terminal has them and NO_COLOR does not forbid them: see map_style.h. */
#include "map_style.h"

#include <curses.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <term.h>
#include <unistd.h>

#define NLETTERS 26u

/* Of 256: far from each other, and from both black and white. */
static const unsigned char palette[] = {39, 208, 41, 170, 220, 203, 44, 141, 148, 215, 33,  205,
					78, 180, 99, 37,  167, 106, 75, 214, 133, 80,  174, 142};

static int colors_of(void)
{
	const char *forbidden = getenv("NO_COLOR");
	int err, n;

	if (!isatty(STDOUT_FILENO) || (forbidden && *forbidden) ||
	    setupterm(NULL, STDOUT_FILENO, &err) == ERR)
		return 0;
	n = tigetnum("colors");
	return n >= 256 ? 256 : n >= 8 ? 8 : 0;
}

struct map_style style_of(FILE *out)
{
	struct map_style s = {.out = out, .width = 80, .ncolors = colors_of()};
	const char *given = getenv("COLUMNS");
	struct winsize size;

	setlocale(LC_CTYPE, "");
	s.utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col)
		s.width = size.ws_col;
	else if (given && strtoul(given, NULL, 10))
		s.width = strtoul(given, NULL, 10);
	if (s.width > 1000)
		s.width = 1000;
	return s;
}

const char *style_shade(const struct map_style *s, unsigned shade)
{
	static const char *const blocks[] = {"·", "░", "▒", "▓", "█"};
	static const char *const ascii[] = {".", "-", "+", "x", "#"};

	return (s->utf8 ? blocks : ascii)[shade < 5 ? shade : 4];
}

static const char *glyph(const struct map_style *s, const struct map_cell *cell)
{
	switch (cell->kind) {
	case GEOMETRY_DIRTY:
	case GEOMETRY_BUSY:
		return s->utf8 ? "·" : ".";
	case GEOMETRY_CLEAN:
		return " ";
	case GEOMETRY_SPAN:
		if (!s->utf8)
			return cell->shade > 2 ? "=" : "~";
		return cell->shade > 2 ? "▤" : "▭";
	case GEOMETRY_PAGES:
		return s->utf8 ? "▥" : "P";
	case GEOMETRY_LARGE:
		return s->utf8 ? "▦" : "L";
	case GEOMETRY_GUARDED:
		return s->utf8 ? "▨" : "G";
	case GEOMETRY_MOVING:
		return "?";
	default:
		return style_shade(s, cell->shade ? cell->shade : 1);
	}
}

static int color(const struct map_style *s, const struct map_cell *cell)
{
	static const unsigned char of_kinds[] = {
		[GEOMETRY_DIRTY] = 244, [GEOMETRY_BUSY] = 244,	[GEOMETRY_SPAN] = 250,
		[GEOMETRY_PAGES] = 250, [GEOMETRY_LARGE] = 250, [GEOMETRY_GUARDED] = 196,
	};

	if (cell->kind == GEOMETRY_SLAB)
		return s->ncolors == 8 ? 1 + (int)(cell->rank % 6)
				       : palette[cell->rank % sizeof(palette)];
	if (s->ncolors == 8 || cell->kind >= sizeof(of_kinds))
		return 7;
	return of_kinds[cell->kind];
}

void style_cell(const struct map_style *s, const struct map_cell *cell)
{
	if (s->ncolors == 256)
		fprintf(s->out, "\033[38;5;%dm", color(s, cell));
	else if (s->ncolors)
		fprintf(s->out, "\033[3%dm", color(s, cell));
	fputs(glyph(s, cell), s->out);
}

void style_plain(const struct map_style *s)
{
	if (s->ncolors)
		fputs("\033[0m", s->out);
}

char style_letter(const struct map_cell *cell)
{
	if (cell->kind != GEOMETRY_SLAB)
		return ' ';
	if (cell->rank < NLETTERS)
		return (char)('a' + cell->rank);
	return cell->rank < 2 * NLETTERS ? (char)('A' + cell->rank - NLETTERS) : '*';
}
