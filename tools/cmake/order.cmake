# SPDX-License-Identifier: MIT
# What every program touches comes to lie together in libkmem.so, as the kernel maps a library's
# file in windows of 64 KiB around what is touched. Constants stand with the symbols before the code
# (but for those of files with long messages), then what runs at start-up and at the end, then the functions of
# lib/first.order. The large tables, of which little is touched, stand behind the small variables, so
# that the first of them shares .data's page. This is a script that GNU's linker inserts into its own;
# with others, which would put the sections elsewhere, all is as it comes.
#
# What is run once, or once in a while, is compiled to be small, so that the window holds more.
#
# kmem_order(TARGET): link it so.
set(seldom buddy/gather.c buddy/limit.c buddy/meta.c buddy/node.c buddy/place.c buddy/purge.c
	buddy/relief.c buddy/report.c buddy/root.c buddy/symbol.c buddy/sys.c buddy/zones.c lib/failslab.c
	lib/options.c lib/start.c lib/twin.c slab/annotate.c slab/annotate_to.c slab/background.c
	slab/cache.c slab/cache_place.c slab/debug_spec.c slab/decay.c slab/gather.c slab/reclaim.c
	slab/shape.c slab/sheaves.c slab/thread.c)
set_source_files_properties(${seldom} PROPERTIES COMPILE_OPTIONS "$<$<NOT:$<CONFIG:Debug>>:-Os>")
set(order ${PROJECT_SOURCE_DIR}/lib/first.order)
set(script ${PROJECT_BINARY_DIR}/first.ld)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${order})
separate_arguments(linker_flags UNIX_COMMAND "${CMAKE_C_FLAGS} ${CMAKE_SHARED_LINKER_FLAGS}")
execute_process(COMMAND ${CMAKE_C_COMPILER} ${linker_flags} -Wl,--version
	OUTPUT_VARIABLE linker ERROR_QUIET)

file(STRINGS ${order} names REGEX "^[a-z]")
list(TRANSFORM names REPLACE "(.+)" "*(.text.\\1 .text.\\1.*)")
list(JOIN names "\n" names)
string(PREPEND names "*libc_nonshared.a:pthread_atfork.oS(.text)\n") # of the C library
set(wordy "*cfi*.c.o *check.c.o *debug*.c.o *guard*.c.o *hardened.c.o *symbol*.c.o *track.c.o *unwind.c.o *destroy.c.o *dump.c.o *mempool*.o *prefilled.c.o *reserve.c.o *shrinker.c.o *private_heap*.c.o *heap_checked.c.o *stats*.c.o *mallinfo.c.o *failslab.c.o *validate.c.o")
file(CONFIGURE OUTPUT ${script} @ONLY CONTENT [=[
SECTIONS { .rodata.first : {
*(EXCLUDE_FILE(@wordy@) .rodata EXCLUDE_FILE(@wordy@) .rodata.*)
} } INSERT BEFORE .init;
SECTIONS { .fini : { KEEP(*(SORT_NONE(.fini))) } } INSERT AFTER .init;
SECTIONS { .text : {
*crtbegin*(.text) *(.text.startup .text.startup.*) *(.text.exit .text.exit.*)
@names@
*(.text .text.*)
} } INSERT AFTER .plt.got;
SECTIONS {
.tables (NOLOAD) : { *(.bss.cache_table) *(.bss.heaps) *(.bss.kmem_last_report) *(.bss.buckets) *(.bss.reserve) *(.bss.cache)
*(.bss.spec) *(.bss.kept)
*(.bss.policies) *(.bss.distance) *(.bss.nearest) *(.bss.node_of) *(.bss.nodes) *(.bss.having) }
.pagemap (NOLOAD) : { *(.bss.pagemap) }
} INSERT AFTER .bss;
]=])

function(kmem_order target)
	if(linker MATCHES "GNU ld")
		target_link_options(${target} PRIVATE -Wl,-T,${script})
		set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS ${script})
	endif()
endfunction()
