# What `cmake --install` puts down: headers, the two libraries, the licence, a CMake package and pkg-config files. All of
# it finds its files relative to itself, so that the installed tree can be moved.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

install(DIRECTORY kernels/include/ nn/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
# Not CMAKE_INSTALL_DOCDIR: in a subproject that is its parent's.
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/densimd)

# Two sets of targets, so that who wants the kernels alone needs no OpenMP.
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/densimd)
install(TARGETS densimd_kernels EXPORT densimdKernelsTargets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(TARGETS densimd_nn EXPORT densimdNnTargets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT densimdKernelsTargets NAMESPACE densimd:: DESTINATION ${package_dir})
install(EXPORT densimdNnTargets NAMESPACE densimd:: DESTINATION ${package_dir})

set(DENSIMD_OPENMP_LIBS "")
if(DENSIMD_OPENMP)
  set(DENSIMD_OPENMP_LIBS " ${OpenMP_CXX_FLAGS}")
endif()
configure_package_config_file(cmake/densimdConfig.cmake.in densimdConfig.cmake INSTALL_DESTINATION ${package_dir}
                              NO_SET_AND_CHECK_MACRO NO_CHECK_REQUIRED_COMPONENTS_MACRO)
write_basic_package_version_file(densimdConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/densimdConfig.cmake" "${PROJECT_BINARY_DIR}/densimdConfigVersion.cmake"
        DESTINATION ${package_dir})

set(DENSIMD_DOUBLE_CFLAGS "")
if(NOT DENSIMD_DOUBLE)
  set(DENSIMD_DOUBLE_CFLAGS " -DDENSIMD_DOUBLE=0")
endif()

set(pkgconfig_dir ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig)
cmake_path(RELATIVE_PATH CMAKE_INSTALL_PREFIX BASE_DIRECTORY ${pkgconfig_dir} OUTPUT_VARIABLE to_prefix)
cmake_path(RELATIVE_PATH CMAKE_INSTALL_FULL_LIBDIR BASE_DIRECTORY ${pkgconfig_dir} OUTPUT_VARIABLE to_libdir)
cmake_path(RELATIVE_PATH CMAKE_INSTALL_FULL_INCLUDEDIR BASE_DIRECTORY ${pkgconfig_dir} OUTPUT_VARIABLE to_includedir)
foreach(name densimd densimd-kernels)
  configure_file(cmake/${name}.pc.in ${name}.pc @ONLY)
  install(FILES "${PROJECT_BINARY_DIR}/${name}.pc" DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()
