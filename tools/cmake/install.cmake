# SPDX-License-Identifier: MIT
# Headers, libraries, kmemtop, the pkg-config files and the CMake package.
get_property(libraries GLOBAL PROPERTY kmem_libraries)
install(TARGETS ${libraries} EXPORT libkmem)
install(DIRECTORY include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
if(TARGET kmemtop)
	install(TARGETS kmemtop)
endif()

# find_package(libkmem CONFIG): libkmem::kmem, ::kmem-static, ::kmem-malloc, ::kmem-malloc-static.
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
foreach(name libkmem libkmem-malloc)
	configure_file(tools/cmake/${name}.pc.in ${name}.pc @ONLY)
	install(FILES ${PROJECT_BINARY_DIR}/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()
