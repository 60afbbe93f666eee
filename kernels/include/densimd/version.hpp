// Which densimd this is. Every public header includes this one first, for its demand of C++20.
#pragma once

#if __cplusplus < 202002L
#error densimd needs C++20: compile with -std=c++20 or newer
#include <densimd/needs_cxx20>  // does not exist: so no other errors follow
#endif

// CMakeLists.txt reads its version from these lines.
#define DENSIMD_VERSION_MAJOR 0
#define DENSIMD_VERSION_MINOR 1
#define DENSIMD_VERSION_PATCH 0
/// A number that grows with each version: 10203 for 1.2.3.
#define DENSIMD_VERSION (DENSIMD_VERSION_MAJOR * 10000 + DENSIMD_VERSION_MINOR * 100 + DENSIMD_VERSION_PATCH)

// 0 in a build of the libraries without double precision (DENSIMD_DOUBLE=OFF), whose CMake and pkg-config packages
// define it.
#ifndef DENSIMD_DOUBLE
#define DENSIMD_DOUBLE 1
#endif
