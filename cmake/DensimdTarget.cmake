# What all of densimd's targets have in common, and where header-only packages are found.

# C++20, warnings, and the arithmetic that the source says: no contraction of a*b+c, a fused multiply-add is written as
# one, and no -ffast-math of a consumer's, so that every compiler and machine computes the same bits.
function(densimd_target target)
  target_compile_features(${target} PUBLIC cxx_std_20)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
  target_compile_options(${target} PRIVATE
    -fno-fast-math -ffp-contract=off -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion
    -Wold-style-cast -Wnon-virtual-dtor -Woverloaded-virtual -Wcast-align -Wunused -Wformat=2
    $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>  # g++ 12 sees overlaps in std::string's operator+ (GCC bug 105651)
    $<$<BOOL:${DENSIMD_WARNINGS_AS_ERRORS}>:-Werror>)
endfunction()

# One of the two libraries. With hidden symbols a shared object that densimd is linked into neither exports them nor
# takes those of another densimd in the same process for its own.
function(densimd_library name)
  densimd_target(densimd_${name})
  set_target_properties(densimd_${name} PROPERTIES
    OUTPUT_NAME densimd_${name} EXPORT_NAME ${name} POSITION_INDEPENDENT_CODE ON)
  if(DENSIMD_HIDE_SYMBOLS)
    set_target_properties(densimd_${name} PROPERTIES CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  endif()
  if(DENSIMD_COVERAGE)  # of the libraries alone: the programs that link them stay as they are
    target_compile_options(densimd_${name} PRIVATE -fprofile-instr-generate -fcoverage-mapping)
    target_link_options(densimd_${name} PUBLIC -fprofile-instr-generate)
  endif()
endfunction()

# Makes <name/...> includable, from a folder that holds this one package and nothing else: with /usr/include itself
# on the path a cross compiler would read the host's C library.
function(densimd_header_only_package name header debian_package)
  find_path(DENSIMD_${name}_ROOT ${header} REQUIRED
            DOC "Folder that holds ${header} (Debian: ${debian_package})" NO_CMAKE_FIND_ROOT_PATH)
  set(links "${PROJECT_BINARY_DIR}/headers/${name}")
  file(MAKE_DIRECTORY "${links}")
  file(CREATE_LINK "${DENSIMD_${name}_ROOT}/${name}" "${links}/${name}" SYMBOLIC)
  set(${name}_INCLUDE_DIR "${links}" PARENT_SCOPE)
endfunction()
