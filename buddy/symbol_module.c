// SPDX-License-Identifier: MIT
/* Modules and their files: see symbol_module.h. */
#include "buddy/symbol_module.h"

#include "buddy/arch.h"
#include "buddy/report.h"
#include "buddy/sys.h"

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define EXE	  "/proc/self/exe"
#define NOTES_MAX 256

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Not one that would keep us waiting, as the opening of a pipe. */
static bool open_file(struct symbol_file *file, const char *path)
{
	struct stat status;
	long fd = arch_syscall(SYS_openat, AT_FDCWD, (long)path,
			       O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0, 0, 0);

	if (fd < 0)
		return false;
	file->image = NULL;
	file->fd = fd;
	file->at = file->nread = 0;
	if (arch_syscall(SYS_fstat, fd, (long)&status, 0, 0, 0, 0) == 0 && S_ISREG(status.st_mode))
		return true;
	arch_syscall(SYS_close, fd, 0, 0, 0, 0, 0);
	return false;
}

/* The same bytes in the file as in memory, if all of them are in memory. */
static bool same_bytes(struct symbol_module *module, uint64_t offset, uintptr_t address,
		       size_t nbytes)
{
	unsigned char there[NOTES_MAX];

	if (address < module->begin || address >= module->end || module->end - address < nbytes)
		return true;
	return symbol_read(&module->file, offset, there, nbytes) &&
	       memcmp(there, (const void *)address, nbytes) == 0;
}

/*
 * Whether the file is what was loaded: by the header, which tells where the sections are that
 * come last, by the segments, and by the notes, among which is the build's id.
 */
static bool same_file(struct symbol_module *module)
{
	Elf64_Ehdr header;
	Elf64_Phdr segment;

	if (!symbol_read(&module->file, 0, &header, sizeof(header)) ||
	    memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
		return false;
	if (module->end - module->begin < sizeof(header) ||
	    memcmp((const void *)module->begin, ELFMAG, SELFMAG) != 0)
		return true; /* it is loaded without its header: there is nothing to compare */
	if (!same_bytes(module, 0, module->begin, sizeof(header)))
		return false;
	for (unsigned i = 0; i < header.e_phnum; i++) {
		uint64_t offset = header.e_phoff + i * sizeof(segment);
		size_t nbytes;

		if (!symbol_read(&module->file, offset, &segment, sizeof(segment)) ||
		    !same_bytes(module, offset, module->begin + offset, sizeof(segment)))
			return false;
		nbytes = segment.p_filesz < NOTES_MAX ? segment.p_filesz : NOTES_MAX;
		if (segment.p_type == PT_NOTE &&
		    !same_bytes(module, segment.p_offset, module->bias + segment.p_vaddr, nbytes))
			return false;
	}
	return true;
}

static bool try_path(struct symbol_module *module, const char *path)
{
	if (!open_file(&module->file, path))
		return false;
	module->has_file = true;
	if (same_file(module))
		return true;
	arch_syscall(SYS_close, module->file.fd, 0, 0, 0, 0, 0);
	return module->has_file = false;
}

/* Under its name, or, if it has lost that, under this process's, where it stays to be had. */
static void name_main(struct symbol_module *module)
{
	static const char deleted[] = " (deleted)";
	const size_t tail = sizeof(deleted) - 1;
	long pid = arch_syscall(SYS_getpid, 0, 0, 0, 0, 0, 0);
	long n = arch_syscall(SYS_readlinkat, AT_FDCWD, (long)EXE, (long)module->path,
			      sizeof(module->path) - 1, 0, 0);

	if (n > 0)
		module->path[n] = '\0';
	if (n <= 0 || (n > (long)tail && memcmp(module->path + n - tail, deleted, tail) == 0))
		report_format(module->path, sizeof(module->path), "/proc/%u/exe", (unsigned)pid);
}

static void open_main(struct symbol_module *module)
{
	const char *started = (const char *)getauxval(AT_EXECFN);

	module->is_main = true;
	module->name = started ? last_part(started) : "program";
	if (try_path(module, EXE))
		name_main(module);
	else if (started && try_path(module, started)) /* without /proc */
		report_format(module->path, sizeof(module->path), "%s", started);
}

/* It is in memory as a whole, and nowhere else. */
static bool open_vdso(struct symbol_module *module)
{
	if (getauxval(AT_SYSINFO_EHDR) != module->begin)
		return false;
	module->file.image = (const void *)module->begin;
	module->file.nbytes = sys_page_up(module->end - module->begin);
	return module->has_file = true;
}

static void open_library(struct symbol_module *module, const char *path)
{
	module->name = last_part(path);
	if (!open_vdso(module) && try_path(module, path) && strlen(path) < sizeof(module->path))
		report_format(module->path, sizeof(module->path), "%s", path);
}

void symbol_module_begin(struct symbol_module *module)
{
	module->begin = module->end = module->bias = 0;
	module->name = "";
	module->has_file = module->is_main = false;
	module->path[0] = '\0';
}

void symbol_module_end(struct symbol_module *module)
{
	if (module->has_file && !module->file.image)
		arch_syscall(SYS_close, module->file.fd, 0, 0, 0, 0, 0);
	symbol_module_begin(module);
}

/* Where one is loaded. */
struct place {
	uintptr_t begin, end, bias;
};

/* The path, "" of the program; NULL: there is none, or nothing to ask. */
static const char *find(uintptr_t address, struct place *place)
{
#if KMEM_DL_FIND_OBJECT
	struct dl_find_object object;

	if (_dl_find_object((void *)address, &object) != 0)
		return NULL;
	*place = (struct place){(uintptr_t)object.dlfo_map_start, (uintptr_t)object.dlfo_map_end,
				object.dlfo_link_map->l_addr};
	return object.dlfo_link_map->l_name ? object.dlfo_link_map->l_name : "";
#else
	(void)address;
	(void)place;
	return NULL;
#endif
}

bool symbol_module_at(struct symbol_module *module, uintptr_t address)
{
	struct place place = {0};
	const char *path;

	if (address >= module->begin && address < module->end)
		return true;
	symbol_module_end(module);
	path = find(address, &place);
	if (!path)
		return false;
	module->begin = place.begin;
	module->end = place.end;
	module->bias = place.bias;
	if (*path)
		open_library(module, path);
	else
		open_main(module);
	return true;
}

const char *symbol_module_path(uintptr_t address)
{
	struct place place;
	const char *path = find(address, &place);

	return path && !*path ? (const char *)getauxval(AT_EXECFN) : path;
}
