# SPDX-License-Identifier: MIT
# Builds that are broken on purpose, and the test that has to fail of each: a program of the test and one file of the
# library, in which one expression is another. The linker then takes that file's functions, not the library's.

# kmem_broken(NAME TEST FILE EXPRESSION OTHER LIBRARIES...)
function(kmem_broken name test file expression other)
	file(READ ${PROJECT_SOURCE_DIR}/${file} text)
	string(REPLACE "${expression}" "${other}" broken "${text}")
	if(broken STREQUAL text)
		message(FATAL_ERROR "${file} has no ${expression}: what is the build to be broken by?")
	endif()
	file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/broken_${name}_file.c CONTENT "${broken}" @ONLY)
	set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${file})
	add_executable(broken_${name} numa/${test}.c ${CMAKE_CURRENT_BINARY_DIR}/broken_${name}_file.c)
	target_link_libraries(broken_${name} PRIVATE kmem-flags ${ARGN} kmem-static Threads::Threads)
	# What it broke may leave something unused, of which each compiler warns in words of its own.
	target_compile_options(broken_${name} PRIVATE -w)
	set_target_properties(broken_${name} PROPERTIES
		RUNTIME_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR})
	kmem_test(numa/broken_${name} unit ${CMAKE_CURRENT_SOURCE_DIR}/numa/broken.sh broken_${name})
endfunction()

set(check PkgConfig::CHECK)
kmem_broken(node test_placement buddy/place.c
	"place_of_node((int)node_machine->here())" "0" ${check})
kmem_broken(distance test_placement buddy/place.c
	"distance[walk->from][i] < distance[walk->from][best]" "i > best" ${check})
kmem_broken(room test_placement buddy/place_room.c
	"node_has_room(place_node(place), nbytes)" "true" ${check})
kmem_broken(wish test_placement slab/cache_place.c
	"thread && thread->wish" "false" ${check})
kmem_broken(strangers test_remote slab/cache_place.c
	"slab_of(object)->place != place" "false" ${check})
kmem_broken(barns test_remote slab/cache_place.c
	"thread->barn += (place_here() + 1) * BARN_ELSEWHERE" "(void)0" ${check})
if(TARGET kmem-numa-static)
	kmem_broken(bind test_policies buddy/zones.c
		"place_bind(place, base, nbytes)" "(void)0" kmem-numa-static ${check} PkgConfig::NUMA)
	kmem_broken(only test_policies buddy/place.c
		"policies[policy.place - PLACE_POLICIES].mode == MPOL_BIND" "false"
		kmem-numa-static ${check} PkgConfig::NUMA)
endif()
