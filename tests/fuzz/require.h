// A check of a fuzz target: says what did not hold, then aborts, which libFuzzer and ctest both see. Also in
// Release builds.
#pragma once

#include <cstdio>
#include <cstdlib>

#define REQUIRE_HOLDS(condition)                                                         \
  do {                                                                                   \
    if (!(condition)) {                                                                  \
      std::fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                      \
    }                                                                                    \
  } while (false)
