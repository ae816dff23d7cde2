// Catch2 v2 (Debian 12) wants one translation unit that holds its main.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
