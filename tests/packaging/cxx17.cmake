# Run by ctest: compiles each public header below INCLUDES with CXX as C++17, which must say that C++20 is needed before
# anything else, and then stop.
cmake_minimum_required(VERSION 3.25)

set(count 0)
foreach(folder IN LISTS INCLUDES)
  file(GLOB_RECURSE headers RELATIVE "${folder}" "${folder}/*.hpp")
  list(TRANSFORM INCLUDES PREPEND "-I" OUTPUT_VARIABLE include_options)
  foreach(header IN LISTS headers)
    math(EXPR count "${count} + 1")
    execute_process(
      COMMAND "${CXX}" -std=c++17 -fsyntax-only ${include_options} -include "${header}" -x c++ /dev/null
      RESULT_VARIABLE status OUTPUT_VARIABLE out ERROR_VARIABLE err)
    string(REGEX MATCHALL "error: [^\n]*" errors "${err}")
    list(LENGTH errors error_count)
    if(status EQUAL 0 OR NOT errors MATCHES "^error: (#error )?densimd needs C\\+\\+20" OR error_count GREATER 2)
      message(SEND_ERROR "${header} in C++17:\n${err}")
    endif()
  endforeach()
endforeach()
if(count EQUAL 0)
  message(FATAL_ERROR "no headers in ${INCLUDES}")
endif()
message(STATUS "${count} headers")
