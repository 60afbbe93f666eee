# Run by ctest: reads the plug-ins with NM. PLUGIN exports no symbol of the static LIBRARIES. HIDDEN_PLUGIN, whose own
# code is compiled with hidden symbols, exports nothing that names densimd, not even inline functions of headers.
cmake_minimum_required(VERSION 3.25)

# The names of the symbols whose types match.
function(read_symbols output types)
  execute_process(COMMAND "${NM}" --defined-only ${ARGN} OUTPUT_VARIABLE out COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX MATCHALL "[0-9a-f]+ ${types} [^\n]+" symbols "${out}")
  list(TRANSFORM symbols REPLACE ".* " "")
  list(LENGTH symbols count)
  if(count EQUAL 0)
    message(FATAL_ERROR "no symbols of types ${types} in ${ARGN}")
  endif()
  set(${output} "${symbols}" PARENT_SCOPE)
endfunction()

# The weak ones are templates and inline functions, of which the plug-in's own code may have made copies.
read_symbols(library "[TDBR]" ${LIBRARIES})
read_symbols(exported "[A-Za-z]" --dynamic "${PLUGIN}")
foreach(symbol IN LISTS exported)
  if(symbol IN_LIST library)
    message(SEND_ERROR "${PLUGIN} exports ${symbol} of the static libraries")
  endif()
endforeach()

read_symbols(exported "[A-Za-z]" --dynamic "${HIDDEN_PLUGIN}")
list(FILTER exported INCLUDE REGEX "densimd")
if(exported)
  list(JOIN exported "\n" exported)
  message(SEND_ERROR "${HIDDEN_PLUGIN} exports\n${exported}")
endif()
