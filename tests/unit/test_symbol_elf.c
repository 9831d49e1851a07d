// SPDX-License-Identifier: MIT
/* Symbols of ELF files: which one an address has, and that damage does no more than hide them. */
#include "unit.h"

#include "buddy/symbol_elf.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/stat.h>

#define TEXT	 0x1000
#define TEXT_END 0x2000

enum { NONE, CODE, SYMBOLS, NAMES, NSECTIONS };

static const char names[] = "\0outer\0inner\0__both\0both\0label\0object\0undefined\0$x";
#define NAME(text) (uint32_t)(name_of(text) - names)

static struct image {
	Elf64_Ehdr header;
	Elf64_Shdr sections[NSECTIONS];
	Elf64_Sym symbols[10];
	char names[sizeof(names)];
} image;
static struct symbol_file file; /* too much for some stacks */
static struct symbol found;

static const char *name_of(const char *text)
{
	const char *at = names + 1;

	while (strcmp(at, text) != 0)
		at += strlen(at) + 1;
	return at;
}

static void add(uint32_t name, int type, uint16_t section, uintptr_t start, size_t nbytes)
{
	for (size_t i = 1; i < sizeof(image.symbols) / sizeof(image.symbols[0]); i++) {
		if (image.symbols[i].st_name)
			continue;
		image.symbols[i] = (Elf64_Sym){
			.st_name = name,
			.st_info = (unsigned char)ELF64_ST_INFO(STB_GLOBAL, type),
			.st_shndx = section,
			.st_value = start,
			.st_size = nbytes,
		};
		return;
	}
}

static void make_image(void)
{
	memset(&image, 0, sizeof(image));
	memcpy(image.header.e_ident, ELFMAG "\2\1\1", SELFMAG + 3);
	image.header.e_shoff = offsetof(struct image, sections);
	image.header.e_shentsize = sizeof(Elf64_Shdr);
	image.header.e_shnum = NSECTIONS;
	image.sections[CODE] = (Elf64_Shdr){.sh_type = SHT_PROGBITS,
					    .sh_flags = SHF_ALLOC | SHF_EXECINSTR,
					    .sh_addr = TEXT,
					    .sh_size = TEXT_END - TEXT};
	image.sections[SYMBOLS] = (Elf64_Shdr){.sh_type = SHT_SYMTAB,
					       .sh_link = NAMES,
					       .sh_offset = offsetof(struct image, symbols),
					       .sh_size = sizeof(image.symbols),
					       .sh_entsize = sizeof(Elf64_Sym)};
	image.sections[NAMES] = (Elf64_Shdr){.sh_type = SHT_STRTAB,
					     .sh_offset = offsetof(struct image, names),
					     .sh_size = sizeof(names)};
	memcpy(image.names, names, sizeof(names));
	add(NAME("outer"), STT_FUNC, CODE, 0x1000, 0x100);
	add(NAME("inner"), STT_FUNC, CODE, 0x1010, 0x10);
	add(NAME("__both"), STT_FUNC, CODE, 0x1200, 0x40);
	add(NAME("both"), STT_GNU_IFUNC, CODE, 0x1200, 0x40);
	add(NAME("label"), STT_NOTYPE, CODE, 0x1800, 0);
	add(NAME("object"), STT_OBJECT, CODE, 0x1900, 0x100);
	add(NAME("undefined"), STT_FUNC, SHN_UNDEF, 0x1900, 0x100);
	add(NAME("$x"), STT_NOTYPE, CODE, 0x1f00, 0);
}

static bool look(const void *bytes, size_t nbytes, uintptr_t address)
{
	file.image = bytes;
	file.nbytes = nbytes;
	return symbol_find(&file, address, &found);
}

static void expect_symbol(uintptr_t address, const char *name, uintptr_t start)
{
	ck_assert_msg(look(&image, sizeof(image), address), "nothing at %#lx", address);
	ck_assert_str_eq(found.name, name);
	ck_assert_uint_eq(found.start, start);
}

static void expect_nothing(uintptr_t address)
{
	ck_assert_msg(!look(&image, sizeof(image), address), "%s at %#lx", found.name, address);
}

START_TEST(the_innermost_function_around)
{
	make_image();
	expect_symbol(0x1000, "outer", 0x1000);
	expect_symbol(0x1015, "inner", 0x1010);
	ck_assert_uint_eq(found.nbytes, 0x10);
	expect_symbol(0x1020, "outer", 0x1000);
	expect_symbol(0x10ff, "outer", 0x1000);
}
END_TEST

START_TEST(nothing_between_functions)
{
	make_image();
	expect_nothing(0);
	expect_nothing(0xfff);
	expect_nothing(0x1100);
	expect_nothing(0x1240);
	expect_nothing(UINTPTR_MAX);
}
END_TEST

START_TEST(the_plainer_of_two_names)
{
	make_image();
	expect_symbol(0x1201, "both", 0x1200);
}
END_TEST

START_TEST(a_label_to_the_end_of_its_section)
{
	make_image();
	expect_symbol(0x1950, "label", 0x1800);
	ck_assert_uint_eq(found.nbytes, 0);
	expect_nothing(0x1f10); /* what only marks code has no name to give */
	expect_nothing(TEXT_END);
	image.sections[CODE].sh_flags = SHF_ALLOC;
	expect_nothing(0x1950);
}
END_TEST

START_TEST(the_dynamic_symbols_where_there_are_no_others)
{
	make_image();
	image.sections[SYMBOLS].sh_type = SHT_DYNSYM;
	expect_symbol(0x1015, "inner", 0x1010);
}
END_TEST

START_TEST(more_sections_than_the_header_can_count)
{
	make_image();
	image.header.e_shnum = 0;
	expect_nothing(0x1015);
	image.sections[0].sh_size = NSECTIONS;
	expect_symbol(0x1015, "inner", 0x1010);
	image.sections[0].sh_size = UINT64_MAX;
	expect_symbol(0x1015, "inner", 0x1010);
}
END_TEST

START_TEST(a_long_name_is_cut)
{
	static char text[2 * SYMBOL_NAME_MAX];
	static struct {
		struct image image;
		char name[2 * SYMBOL_NAME_MAX];
	} both;

	memset(text, 'n', sizeof(text));
	make_image();
	image.sections[NAMES].sh_offset = sizeof(image);
	image.sections[NAMES].sh_size = sizeof(text); /* with no end */
	both.image = image;
	memcpy(both.name, text, sizeof(text));
	ck_assert(look(&both, sizeof(both), 0x1015));
	ck_assert_uint_eq(strlen(found.name), SYMBOL_NAME_MAX - 1);
}
END_TEST

/* In memory of just that size, so that a sanitizer sees what is beyond. */
static bool look_at_copy(const void *bytes, size_t nbytes, uintptr_t address)
{
	void *copy = malloc(nbytes ? nbytes : 1);
	bool any;

	memcpy(copy, bytes, nbytes);
	any = look(copy, nbytes, address);
	require(!any || memchr(found.name, 0, sizeof(found.name)));
	free(copy);
	return any;
}

START_TEST(cut_short_anywhere)
{
	make_image();
	for (size_t nbytes = 0; nbytes < sizeof(image); nbytes++)
		for (uintptr_t address = TEXT; address < TEXT_END; address += 0x88)
			look_at_copy(&image, nbytes, address);
	require(!look_at_copy(&image, sizeof(Elf64_Ehdr), 0x1015));
}
END_TEST

/* Values that are likely to pass a bound that was forgotten. */
static uint64_t strange(void)
{
	static const uint64_t values[] = {0,	      1,
					  0x7f,	      0xff,
					  0xffff,     0x7fffffff,
					  0x80000000, 0xffffffff,
					  INT64_MAX,  1ull << 63,
					  UINT64_MAX, UINT64_MAX - 23,
					  0x100,      UINT64_MAX / 64,
					  0x1000,     0xff00};

	return unit_below(2) ? values[unit_below(sizeof(values) / sizeof(values[0]))] : unit_next();
}

static void damage(unsigned char *bytes, size_t nbytes)
{
	for (unsigned n = 1 + (unsigned)unit_below(6); n > 0; n--) {
		size_t width = (size_t)1 << unit_below(4);
		size_t at = unit_below(nbytes / width) * width;
		uint64_t value = strange();

		memcpy(bytes + at, &value, width);
	}
}

START_TEST(damaged_anyhow)
{
	for (unsigned i = 0; i < 200000; i++) {
		size_t nbytes = unit_below(8) ? sizeof(image) : unit_below(sizeof(image));

		make_image();
		/* The magic number stays, most of the time. */
		damage((unsigned char *)&image + 6, sizeof(image) - 6);
		look_at_copy(&image, nbytes, TEXT + unit_below(TEXT_END - TEXT));
	}
}
END_TEST

static int first_object(struct dl_phdr_info *info, size_t nbytes, void *bias)
{
	(void)nbytes;
	*(uintptr_t *)bias = info->dlpi_addr;
	return 1;
}

static uintptr_t own_bias(void)
{
	uintptr_t bias = 0;

	dl_iterate_phdr(first_object, &bias);
	return bias;
}

static void open_own_file(void)
{
	memset(&file, 0, sizeof(file));
	file.fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge((int)file.fd, 0);
}

START_TEST(a_file_is_read_in_pieces)
{
	open_own_file();
	ck_assert(symbol_find(&file, (uintptr_t)own_bias - own_bias() + 3, &found));
	ck_assert_str_eq(found.name, "own_bias");
	ck_assert_uint_eq(found.start, (uintptr_t)own_bias - own_bias());
	close((int)file.fd);
	ck_assert(!symbol_read(&file, 1 << 30, &found, 1));
}
END_TEST

START_TEST(a_real_file_damaged_anyhow)
{
	struct stat status;
	unsigned char *bytes;
	Elf64_Ehdr header;

	open_own_file();
	ck_assert_int_eq(fstat((int)file.fd, &status), 0);
	bytes = malloc((size_t)status.st_size);
	ck_assert_int_eq(read((int)file.fd, bytes, (size_t)status.st_size), status.st_size);
	memcpy(&header, bytes, sizeof(header));
	for (unsigned i = 0; i < 300; i++) {
		size_t nsections = header.e_shnum * sizeof(Elf64_Shdr);
		unsigned char kept[256 * sizeof(Elf64_Shdr)];

		require(nsections <= sizeof(kept));
		memcpy(kept, bytes + header.e_shoff, nsections);
		damage(bytes + header.e_shoff, nsections);
		look(bytes, (size_t)status.st_size, (uintptr_t)damage - own_bias());
		memcpy(bytes + header.e_shoff, kept, nsections);
	}
	ck_assert(look(bytes, (size_t)status.st_size, (uintptr_t)damage - own_bias()));
	ck_assert_str_eq(found.name, "damage");
	free(bytes);
	close((int)file.fd);
}
END_TEST

UNIT_MAIN("symbol_elf", the_innermost_function_around, nothing_between_functions,
	  the_plainer_of_two_names, a_label_to_the_end_of_its_section,
	  the_dynamic_symbols_where_there_are_no_others, more_sections_than_the_header_can_count,
	  a_long_name_is_cut, cut_short_anywhere, damaged_anyhow, a_file_is_read_in_pieces,
	  a_real_file_damaged_anyhow)
