# Run by ctest: builds densimd::nn without OpenMP, where CMake finds none, beside kernels that are built already,
# installs it, and runs tests of threads against what was installed.
cmake_minimum_required(VERSION 3.25)

function(run output)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE out ERROR_VARIABLE err)
  if(NOT status EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "failed (${status}): ${command}\n${out}${err}")
  endif()
  set(${output} "${out}${err}" PARENT_SCOPE)
endfunction()

file(REMOVE_RECURSE "${WORK_DIR}")
set(common -G "${GENERATOR}" "-DCMAKE_CXX_COMPILER=${CXX}" "-DCMAKE_BUILD_TYPE=${CONFIG}"
    -DCMAKE_DISABLE_FIND_PACKAGE_OpenMP=ON)
set(configure "${CMAKE_COMMAND}" -S "${SOURCE_DIR}" -B "${WORK_DIR}/build" ${common} -DDENSIMD_BUILD_TESTS=OFF
    -DDENSIMD_BUILD_BENCHMARKS=OFF -DDENSIMD_BUILD_EXAMPLES=OFF -DCMAKE_OPTIMIZE_DEPENDENCIES=ON)

# Fewer threads than are expected have to be asked for.
execute_process(COMMAND ${configure} RESULT_VARIABLE status OUTPUT_QUIET ERROR_VARIABLE err)
if(status EQUAL 0 OR NOT err MATCHES "-DDENSIMD_OPENMP=OFF")
  message(FATAL_ERROR "a missing OpenMP is not reported, or no way out of it:\n${err}")
endif()

run(said ${configure} -DDENSIMD_OPENMP=OFF)
if(NOT said MATCHES "without OpenMP")
  message(FATAL_ERROR "not reported: nn without OpenMP\n${said}")
endif()
run(ignored "${CMAKE_COMMAND}" --build "${WORK_DIR}/build" --target densimd_nn)
file(COPY "${KERNELS}" DESTINATION "${WORK_DIR}/build/kernels")
run(ignored "${CMAKE_COMMAND}" --install "${WORK_DIR}/build" --prefix "${WORK_DIR}/installed")

file(GLOB_RECURSE pkg_config_files "${WORK_DIR}/installed/*.pc")
foreach(file IN LISTS pkg_config_files)
  file(READ "${file}" text)
  if(text MATCHES "openmp")
    message(FATAL_ERROR "${file} links OpenMP:\n${text}")
  endif()
endforeach()
run(ignored "${CMAKE_COMMAND}" -S "${CMAKE_CURRENT_LIST_DIR}/one_thread" -B "${WORK_DIR}/tests" ${common}
    "-DCMAKE_PREFIX_PATH=${WORK_DIR}/installed" "-DTESTS=${SOURCE_DIR}/tests" "-DDOCTEST=${DOCTEST}")
run(ignored "${CMAKE_COMMAND}" --build "${WORK_DIR}/tests")
run(printed "${WORK_DIR}/tests/one_thread")
if(NOT printed MATCHES "test cases: +[1-9]")
  message(FATAL_ERROR "no test ran:\n${printed}")
endif()
