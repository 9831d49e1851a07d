# SPDX-License-Identifier: MIT
# Headers, libraries, kmemtop, kmem-replay, kmem-symbols, the manual, the pkg-config files and the CMake package.
get_property(libraries GLOBAL PROPERTY kmem_libraries)
install(TARGETS ${libraries} EXPORT libkmem)
install(DIRECTORY include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
if(TARGET kmemtop)
	install(TARGETS kmemtop)
endif()
install(TARGETS kmem-replay)
# Where gdb looks for what belongs to the library; the modules beside it, in a directory of their own.
install(FILES ${PROJECT_BINARY_DIR}/lib/${kmem_gdb_loader} DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY ${PROJECT_BINARY_DIR}/lib/libkmem/gdb DESTINATION ${CMAKE_INSTALL_LIBDIR}/libkmem
	PATTERN __pycache__ EXCLUDE)
# Not in bin: it is for reports to run, not for people.
if(TARGET kmem-symbols)
	install(TARGETS kmem-symbols RUNTIME DESTINATION ${KMEM_LIBEXECDIR})
endif()

# Manual pages, and for each function in a page's NAME section that is not the page itself a link
# in section 3: one line, so that man takes the page for it.
file(GLOB pages CONFIGURE_DEPENDS docs/man/*.[1-9])
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${pages})
foreach(page ${pages})
	get_filename_component(file ${page} NAME)
	get_filename_component(own ${page} NAME_WE)
	string(REGEX MATCH "[1-9]$" section ${file})
	if(file STREQUAL "kmemtop.1" AND NOT TARGET kmemtop)
		continue()
	endif()
	install(FILES ${page} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section} COMPONENT man)
	file(STRINGS ${page} names REGEX "^\\.Nm (kmem|KMEM)_[A-Za-z0-9_]+( ,)?$")
	list(TRANSFORM names REPLACE "^\\.Nm ([A-Za-z0-9_]+).*" "\\1")
	list(REMOVE_ITEM names ${own})
	foreach(name ${names})
		file(WRITE ${PROJECT_BINARY_DIR}/man/${name}.3 ".so man${section}/${file}\n")
		install(FILES ${PROJECT_BINARY_DIR}/man/${name}.3
			DESTINATION ${CMAKE_INSTALL_MANDIR}/man3 COMPONENT man)
	endforeach()
endforeach()

# find_package(libkmem CONFIG): libkmem::kmem, ::kmem-static, ::kmem-malloc, ::kmem-malloc-static, and
# ::kmem-rcu, ::kmem-rcu-static where liburcu is, ::kmem-numa, ::kmem-numa-static where libnuma is; the static
# ones need one of the static cores beside them.
set(package ${CMAKE_INSTALL_LIBDIR}/cmake/libkmem)
install(EXPORT libkmem NAMESPACE libkmem:: DESTINATION ${package} FILE libkmemTargets.cmake)
file(WRITE ${PROJECT_BINARY_DIR}/libkmemConfig.cmake
	"include(CMakeFindDependencyMacro)\nfind_dependency(Threads)\n"
	"include(\${CMAKE_CURRENT_LIST_DIR}/libkmemTargets.cmake)\n")
write_basic_package_version_file(${PROJECT_BINARY_DIR}/libkmemConfigVersion.cmake
	COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/libkmemConfig.cmake
	${PROJECT_BINARY_DIR}/libkmemConfigVersion.cmake DESTINATION ${package})

# The .pc files find their prefix from where they lie, so an installed tree can be moved.
file(RELATIVE_PATH pc_prefix ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
foreach(name libkmem libkmem-malloc libkmem-rcu libkmem-numa)
	string(REPLACE "lib" "" library ${name})
	if(NOT TARGET ${library})
		continue()
	endif()
	configure_file(tools/cmake/${name}.pc.in ${name}.pc @ONLY)
	install(FILES ${PROJECT_BINARY_DIR}/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()
