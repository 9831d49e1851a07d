// SPDX-License-Identifier: MIT
/*
 * kmem-symbols: function, file and line of addresses, for libkmem's reports.
 *
 * Questions on standard input, answers on standard output, as buddy/symbol_helper.h has it. What
 * is written here does not run in the program that has the trouble, so it may use elfutils, which
 * finds separate debug files too. It ends with its input.
 */
#include <dwarf.h>
#include <elfutils/libdwfl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MODULES_MOST 256

/* A file, opened once; module is NULL if it is none that we can read. */
struct module {
	char *path;
	Dwfl_Module *module;
	Dwarf_Addr bias; /* from its own addresses to those libdwfl has put it at */
};

/* Where in the source something is; file may be NULL. */
struct place {
	const char *file;
	int line;
};

static struct module modules[MODULES_MOST];
static size_t nmodules;

static Dwfl *begin(void)
{
	static char *debug_path; /* NULL: where they usually are */
	static const Dwfl_Callbacks callbacks = {
		.find_elf = dwfl_build_id_find_elf,
		.find_debuginfo = dwfl_standard_find_debuginfo,
		.section_address = dwfl_offline_section_address,
		.debuginfo_path = &debug_path,
	};

	return dwfl_begin(&callbacks);
}

static struct module *find_module(Dwfl *dwfl, const char *path)
{
	struct module *module = &modules[nmodules];

	for (size_t i = 0; i < nmodules; i++)
		if (strcmp(modules[i].path, path) == 0)
			return &modules[i];
	if (nmodules == MODULES_MOST)
		return NULL;
	module->path = strdup(path);
	if (!module->path)
		return NULL;
	nmodules++;
	dwfl_report_begin_add(dwfl);
	module->module = dwfl_report_offline(dwfl, path, path, -1);
	dwfl_report_end(dwfl, NULL, NULL);
	if (module->module && !dwfl_module_getelf(module->module, &module->bias))
		module->module = NULL;
	return module;
}

static void print_place(const struct place *place)
{
	if (place->file)
		printf("\t%s:%d", place->file, place->line);
	else
		printf("\t");
}

/* The unit by the table of addresses, or one by one where the compiler made no such table. */
static Dwarf_Die *unit_of(Dwfl_Module *module, Dwarf_Addr address, Dwarf_Addr *bias)
{
	Dwarf_Die *unit = dwfl_module_addrdie(module, address, bias);

	if (unit)
		return unit;
	while ((unit = dwfl_module_nextcu(module, unit, bias)))
		if (dwarf_haspc(unit, address - *bias) == 1)
			return unit;
	return NULL;
}

static struct place place_of(Dwarf_Die *unit, Dwarf_Addr address)
{
	Dwarf_Line *line = dwarf_getsrc_die(unit, address);
	struct place place = {0};

	if (line && dwarf_lineno(line, &place.line) == 0)
		place.file = dwarf_linesrc(line, NULL, NULL);
	return place;
}

static Dwarf_Word number(Dwarf_Die *die, unsigned name)
{
	Dwarf_Attribute attribute;
	Dwarf_Word value;

	if (!dwarf_attr(die, name, &attribute) || dwarf_formudata(&attribute, &value) != 0)
		return 0;
	return value;
}

/* Where an inlined function was called from. */
static struct place call_of(Dwarf_Die *unit, Dwarf_Die *inlined)
{
	struct place place = {.line = (int)number(inlined, DW_AT_call_line)};
	Dwarf_Files *files;
	size_t nfiles;

	if (dwarf_getsrcfiles(unit, &files, &nfiles) == 0)
		place.file = dwarf_filesrc(files, number(inlined, DW_AT_call_file), NULL, NULL);
	return place;
}

/* A line for each function that was inlined here; the name of the one that they are in. */
static const char *print_inlined(Dwarf_Die *unit, Dwarf_Addr address, struct place *place)
{
	Dwarf_Die *inner = NULL, *all = NULL;
	const char *function = NULL;
	int n = dwarf_getscopes(unit, address, &inner);

	/* The first are those it is written in; we want those its code is in. */
	n = n > 0 ? dwarf_getscopes_die(&inner[0], &all) : 0;
	for (int i = 0; i < n && !function; i++) {
		int tag = dwarf_tag(&all[i]);
		const char *name = dwarf_diename(&all[i]);

		if (tag == DW_TAG_subprogram)
			function = name;
		if (tag != DW_TAG_inlined_subroutine)
			continue;
		printf("%s", name ? name : "");
		print_place(place);
		printf("\n");
		*place = call_of(unit, &all[i]);
	}
	free(inner);
	free(all);
	return function;
}

/* The symbol around an address; NULL: none, or none of code. */
static const char *symbol_at(Dwfl_Module *module, Dwarf_Addr address, GElf_Sym *symbol,
			     GElf_Off *within)
{
	const char *name = dwfl_module_addrinfo(module, address, within, symbol, NULL, NULL, NULL);

	return name && GELF_ST_TYPE(symbol->st_info) != STT_OBJECT ? name : NULL;
}

static void answer(const struct module *module, Dwarf_Addr offset)
{
	Dwarf_Addr address = offset + module->bias, bias;
	Dwarf_Die *unit = unit_of(module->module, address, &bias);
	const char *function = NULL, *name;
	struct place place = {0};
	GElf_Off within;
	GElf_Sym symbol;

	if (unit) {
		place = place_of(unit, address - bias);
		function = print_inlined(unit, address - bias, &place);
	}
	name = symbol_at(module->module, address, &symbol, &within);
	if (!name)
		name = function;
	printf("%s", name ? name : "");
	print_place(&place);
	if (name != function)
		printf("\t%" PRIx64 " %" PRIx64, (uint64_t)(offset - within),
		       (uint64_t)symbol.st_size);
	printf("\n");
}

int main(void)
{
	Dwfl *dwfl = begin();
	char *line = NULL;
	size_t room = 0;

	while (dwfl && getline(&line, &room, stdin) > 0) {
		char *space = strrchr(line, ' ');
		struct module *module = NULL;

		if (space) {
			*space = '\0';
			module = find_module(dwfl, line);
		}
		if (module && module->module)
			answer(module, strtoull(space + 1, NULL, 16));
		printf("\n");
		if (fflush(stdout) != 0)
			return 1;
	}
	return 0; /* nothing is freed: all of it ends here */
}
