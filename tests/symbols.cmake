# Run by ctest: reads the OBJECTS of the kernels with NM. The object of an ISA must define one symbol that others can
# see, its table of kernels, and nothing weak: of weak copies the linker keeps any one for the whole program, and
# one that was compiled for AVX-512 would stop an older CPU.
cmake_minimum_required(VERSION 3.25)

list(FILTER OBJECTS INCLUDE REGEX "/isa/[a-z0-9]+\\.cpp\\.o$")
if(NOT OBJECTS)
  message(FATAL_ERROR "no objects of src/isa/ to look at")
endif()
foreach(object IN LISTS OBJECTS)
  execute_process(COMMAND "${NM}" --demangle --defined-only --extern-only "${object}"
                  OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
  # Lines are "address type name"; without the address they are "type name". Data is of type D, or R if read-only.
  string(REGEX REPLACE "(^|\n)[0-9a-f]+ " "\\1" symbols "${symbols}")
  cmake_path(GET object STEM isa)
  if(NOT symbols MATCHES "^[DR] densimd::kernels::${isa}_tables\n$")
    message(SEND_ERROR "${object} should define densimd::kernels::${isa}_tables alone, but defines:\n${symbols}")
  endif()
endforeach()
