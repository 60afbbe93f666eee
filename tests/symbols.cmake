# Run by ctest: reads the OBJECTS of the kernels with NM. Each object that is compiled for an ISA must define one symbol
# that others can see, which enters its kernels into a table, and nothing weak: of weak copies the linker keeps any one
# for the whole program, and one that was compiled for AVX-512 would stop an older CPU.
cmake_minimum_required(VERSION 3.25)

list(FILTER OBJECTS INCLUDE REGEX "/targets/[a-z0-9_]+\\.cpp\\.o$")
if(NOT OBJECTS)
  message(FATAL_ERROR "no objects of kernels/src/target.cpp.in to look at")
endif()
list(LENGTH OBJECTS found)
if(NOT found EQUAL EXPECTED)
  message(FATAL_ERROR "${found} objects of kernels/src/target.cpp.in instead of ${EXPECTED}: ${OBJECTS}")
endif()
foreach(object IN LISTS OBJECTS)
  execute_process(COMMAND "${NM}" --demangle --defined-only --extern-only "${object}"
                  OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
  # Lines are "address type name"; without the address they are "type name". Data is of type D, or R if read-only.
  string(REGEX REPLACE "(^|\n)[0-9a-f]+ " "\\1" symbols "${symbols}")
  cmake_path(GET object STEM target)
  string(REGEX REPLACE "_(float|double)_" "_" enter "${target}")
  if(NOT symbols MATCHES "^T densimd::kernels::enter_${enter}\\(densimd::kernels::Table<[a-z]+>&\\)\n$")
    message(SEND_ERROR "${object} should define densimd::kernels::enter_${enter} alone, but defines:\n${symbols}")
  endif()
endforeach()
