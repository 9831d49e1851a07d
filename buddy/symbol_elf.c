// SPDX-License-Identifier: MIT
/* Symbols of an ELF file: see symbol_elf.h. */
#include "buddy/symbol_elf.h"

#include "buddy/arch.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>

/* More than any program has; they bound the time that a damaged file can take. */
#define SECTIONS_MOST ((uint64_t)1 << 18)
#define SYMBOLS_MOST  ((uint64_t)1 << 24)

/* The best so far: one that has the address inside, else the last that begins before it. */
struct match {
	Elf64_Sym inside, before;
};

struct table {
	Elf64_Shdr symbols, names;
};

static bool read_image(const struct symbol_file *file, uint64_t offset, void *to, size_t nbytes)
{
	if (offset > file->nbytes || nbytes > file->nbytes - offset)
		return false;
	memcpy(to, (const char *)file->image + offset, nbytes);
	return true;
}

/* As much as there is, from offset on. */
static void fill(struct symbol_file *file, uint64_t offset)
{
	file->at = offset;
	file->nread = 0;
	while (file->nread < sizeof(file->buf)) {
		long n = arch_syscall(SYS_pread64, file->fd, (long)(file->buf + file->nread),
				      (long)(sizeof(file->buf) - file->nread),
				      (long)(offset + file->nread), 0, 0);

		if (n == -EINTR)
			continue;
		if (n <= 0)
			return;
		file->nread += (size_t)n;
	}
}

static bool in_buffer(const struct symbol_file *file, uint64_t offset, size_t nbytes)
{
	return offset >= file->at && offset - file->at <= file->nread &&
	       nbytes <= file->nread - (offset - file->at);
}

bool symbol_read(struct symbol_file *file, uint64_t offset, void *to, size_t nbytes)
{
	if (file->image)
		return read_image(file, offset, to, nbytes);
	if (offset > INT64_MAX - sizeof(file->buf))
		return false;
	if (!in_buffer(file, offset, nbytes))
		fill(file, offset);
	if (!in_buffer(file, offset, nbytes))
		return false;
	memcpy(to, file->buf + (offset - file->at), nbytes);
	return true;
}

static bool read_header(struct symbol_file *file, Elf64_Ehdr *header)
{
	static const unsigned char ours[] = {
		ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
	};

	return symbol_read(file, 0, header, sizeof(*header)) &&
	       memcmp(header->e_ident, ours, sizeof(ours)) == 0 && header->e_shoff != 0 &&
	       header->e_shentsize == sizeof(Elf64_Shdr);
}

static bool read_section(struct symbol_file *file, const Elf64_Ehdr *header, uint64_t index,
			 Elf64_Shdr *section)
{
	uint64_t offset;

	return index < SECTIONS_MOST &&
	       !__builtin_add_overflow(header->e_shoff, index * sizeof(*section), &offset) &&
	       symbol_read(file, offset, section, sizeof(*section));
}

/* The first section of that type, with the names it refers to. */
static bool find_table(struct symbol_file *file, const Elf64_Ehdr *header, uint32_t type,
		       struct table *table)
{
	uint64_t nsections = header->e_shnum;
	Elf64_Shdr section;

	/* Where there are too many to count in the header, the first section has the number. */
	if (nsections == 0 && read_section(file, header, 0, &section))
		nsections = section.sh_size;
	for (uint64_t i = 0; i < nsections; i++) {
		if (!read_section(file, header, i, &section))
			return false;
		if (section.sh_type != type)
			continue;
		table->symbols = section;
		return section.sh_entsize == sizeof(Elf64_Sym) &&
		       read_section(file, header, section.sh_link, &table->names) &&
		       table->names.sh_type == SHT_STRTAB;
	}
	return false;
}

/* Its beginning, cut where there is no more room. */
static bool read_name(struct symbol_file *file, const struct table *table, uint32_t name, char *to,
		      size_t room)
{
	uint64_t offset;
	size_t len = 0;

	if (name >= table->names.sh_size ||
	    __builtin_add_overflow(table->names.sh_offset, (uint64_t)name, &offset))
		return false;
	while (len < room - 1 && len < table->names.sh_size - name &&
	       symbol_read(file, offset + len, &to[len], 1) && to[len])
		len++;
	to[len] = '\0';
	return len > 0;
}

static bool is_code(const Elf64_Sym *symbol)
{
	unsigned type = ELF64_ST_TYPE(symbol->st_info);

	return (type == STT_FUNC || type == STT_NOTYPE || type == STT_GNU_IFUNC) &&
	       symbol->st_name != 0 && symbol->st_shndx != SHN_UNDEF &&
	       (symbol->st_shndx < SHN_LORESERVE || symbol->st_shndx == SHN_XINDEX);
}

/* Of the names of a function the shortest is the one for users: write, not __write. */
static bool is_plainer(struct symbol_file *file, const struct table *table, const Elf64_Sym *one,
		       const Elf64_Sym *other)
{
	char a[SYMBOL_NAME_MAX], b[SYMBOL_NAME_MAX];

	return read_name(file, table, one->st_name, a, sizeof(a)) &&
	       read_name(file, table, other->st_name, b, sizeof(b)) && strlen(a) < strlen(b);
}

static void consider(struct symbol_file *file, const struct table *table, const Elf64_Sym *symbol,
		     uintptr_t address, struct match *match)
{
	if (!is_code(symbol) || symbol->st_value > address)
		return;
	if (!match->before.st_name || symbol->st_value > match->before.st_value ||
	    (symbol->st_value == match->before.st_value && symbol->st_size))
		match->before = *symbol;
	if (address - symbol->st_value >= symbol->st_size)
		return;
	if (!match->inside.st_name || symbol->st_value > match->inside.st_value ||
	    (symbol->st_value == match->inside.st_value &&
	     is_plainer(file, table, symbol, &match->inside)))
		match->inside = *symbol;
}

/* A label without a size reaches to the next symbol or to the end of its section. */
static bool reaches(struct symbol_file *file, const Elf64_Ehdr *header, const Elf64_Sym *symbol,
		    uintptr_t address)
{
	Elf64_Shdr section;

	return symbol->st_name && symbol->st_size == 0 && symbol->st_shndx < SHN_LORESERVE &&
	       read_section(file, header, symbol->st_shndx, &section) &&
	       section.sh_flags & SHF_EXECINSTR && address >= section.sh_addr &&
	       address - section.sh_addr < section.sh_size;
}

static bool search(struct symbol_file *file, const Elf64_Ehdr *header, const struct table *table,
		   uintptr_t address, struct symbol *found)
{
	uint64_t nsymbols = table->symbols.sh_size / sizeof(Elf64_Sym);
	const Elf64_Sym *best;
	struct match match = {0};
	Elf64_Sym symbol;

	for (uint64_t i = 1; i < nsymbols && i < SYMBOLS_MOST; i++) {
		uint64_t offset;

		if (__builtin_add_overflow(table->symbols.sh_offset, i * sizeof(symbol), &offset) ||
		    !symbol_read(file, offset, &symbol, sizeof(symbol)))
			break;
		consider(file, table, &symbol, address, &match);
	}
	best = match.inside.st_name ? &match.inside : &match.before;
	if (best == &match.before && !reaches(file, header, best, address))
		return false;
	found->start = best->st_value;
	found->nbytes = best->st_size;
	/* $x and $d of ARM only say what is code and what is not. */
	return read_name(file, table, best->st_name, found->name, sizeof(found->name)) &&
	       found->name[0] != '$';
}

bool symbol_find(struct symbol_file *file, uintptr_t address, struct symbol *symbol)
{
	Elf64_Ehdr header;
	struct table table;

	if (!read_header(file, &header))
		return false;
	return (find_table(file, &header, SHT_SYMTAB, &table) &&
		search(file, &header, &table, address, symbol)) ||
	       (find_table(file, &header, SHT_DYNSYM, &table) &&
		search(file, &header, &table, address, symbol));
}
