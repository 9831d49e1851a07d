# SPDX-License-Identifier: MIT
# The part of kmemtop that reads, without its main file and its screen, inside of test programs.
file(GLOB reading CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tools/kmemtop/*.c)
list(FILTER reading EXCLUDE REGEX "/(main|options|usage|command|preload|screen[^/]*)\\.c$")

function(kmem_reads target)
	target_sources(${target} PRIVATE ${reading})
	target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/tools/kmemtop
		${CURSES_INCLUDE_DIRS})
	target_compile_definitions(${target} PRIVATE
		$<TARGET_PROPERTY:kmemtop,COMPILE_DEFINITIONS>
		KMEMTOP_DIR="${PROJECT_SOURCE_DIR}/tools/kmemtop") # of html.c alone
	target_link_libraries(${target} PRIVATE kmem-flags PkgConfig::LIBELF ${CURSES_LIBRARIES})
	set_target_properties(${target} PROPERTIES
		RUNTIME_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR})
endfunction()

if(CHECK_FOUND)
	kmem_test_program(tool/test_target.c PkgConfig::CHECK)
	kmem_reads(test_target)
	kmem_test(tool/test_target tool test_target)
endif()

# It looks for errors in itself, whatever its target is built with.
set(sanitize -fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=all)
add_executable(fuzz_core tool/fuzz_core.c tool/damage.c tool/write_core.c)
kmem_reads(fuzz_core)
target_compile_options(fuzz_core PRIVATE ${sanitize})
target_link_options(fuzz_core PRIVATE ${sanitize} -Wl,--wrap=pread)
kmem_test(tool/fuzz_core tool ${CMAKE_CURRENT_SOURCE_DIR}/tool/fuzz_core.sh
	${PROJECT_BINARY_DIR} --seconds 5)

add_executable(cost tool/cost.c)
kmem_reads(cost)
