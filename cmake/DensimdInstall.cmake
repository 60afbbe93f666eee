# What `cmake --install` puts down: headers, the two libraries, a CMake package and a pkg-config file. All of it finds
# its files relative to itself, so that the installed tree can be moved.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

install(DIRECTORY kernels/include/ nn/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(TARGETS densimd_kernels densimd_nn EXPORT densimdTargets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/densimd)
install(EXPORT densimdTargets NAMESPACE densimd:: DESTINATION ${package_dir})
configure_package_config_file(cmake/densimdConfig.cmake.in densimdConfig.cmake INSTALL_DESTINATION ${package_dir}
                              NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(densimdConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/densimdConfig.cmake" "${PROJECT_BINARY_DIR}/densimdConfigVersion.cmake"
        DESTINATION ${package_dir})

set(pkgconfig_dir ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig)
cmake_path(RELATIVE_PATH CMAKE_INSTALL_PREFIX BASE_DIRECTORY ${pkgconfig_dir} OUTPUT_VARIABLE to_prefix)
cmake_path(RELATIVE_PATH CMAKE_INSTALL_FULL_LIBDIR BASE_DIRECTORY ${pkgconfig_dir} OUTPUT_VARIABLE to_libdir)
cmake_path(RELATIVE_PATH CMAKE_INSTALL_FULL_INCLUDEDIR BASE_DIRECTORY ${pkgconfig_dir} OUTPUT_VARIABLE to_includedir)
configure_file(cmake/densimd.pc.in densimd.pc @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/densimd.pc" DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
