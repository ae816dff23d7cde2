# Registers FILE.bats files of the current folder as ctest tests, one per file, so that `ctest -R` finds them by name.
#   kutils_bats_test(LABEL NAME [TIMEOUT SECONDS] [PROCESSORS N] [SERIAL])
# LABEL is the tier (tool, cases, kafka). A test gets: PATH with the tools of this build first, KUTILS_SOURCE_DIR,
# KUTILS_BUILD_DIR; label kafka also KUTILS_KAFKA_DIR, the broker of this run, which is up while such tests run.
find_program(BATS bats)
function(kutils_bats_test label name)
  cmake_parse_arguments(ARG "SERIAL" "TIMEOUT;PROCESSORS" "" ${ARGN})
  if(NOT BATS)
    message(STATUS "bats is missing (scripts/packages test): ${label} test ${name} is not registered")
    return()
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)  # ends what hangs; on a loaded machine a right run may take minutes
  endif()
  set(test ${label}_${name})
  add_test(NAME ${test} COMMAND ${BATS} ${CMAKE_CURRENT_SOURCE_DIR}/${name}.bats)
  set_tests_properties(${test} PROPERTIES
    LABELS ${label}
    TIMEOUT ${ARG_TIMEOUT}
    ENVIRONMENT "KUTILS_SOURCE_DIR=${CMAKE_SOURCE_DIR};KUTILS_BUILD_DIR=${CMAKE_BINARY_DIR};PATH=${CMAKE_BINARY_DIR}/bin:$ENV{PATH}")
  if(ARG_PROCESSORS)
    set_tests_properties(${test} PROPERTIES PROCESSORS ${ARG_PROCESSORS})
  endif()
  if(ARG_SERIAL)
    set_tests_properties(${test} PROPERTIES RUN_SERIAL TRUE)
  endif()
  if(label STREQUAL kafka)
    set_tests_properties(${test} PROPERTIES FIXTURES_REQUIRED broker)
    set_property(TEST ${test} APPEND PROPERTY ENVIRONMENT "KUTILS_KAFKA_DIR=${CMAKE_BINARY_DIR}/kafka")
  endif()
endfunction()
