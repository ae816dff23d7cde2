// oracle FILE...: runs the cases of FILE (tests/oracle/README.md) through the stages of the tools. Prints a
// line per failure, and `N passed, N failed`. Exit code 1: something failed, 2: FILE cannot be read.
#include <fstream>
#include <iostream>

#include "oracle_case.h"
#include "oracle_stages.h"

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: oracle FILE...\n";
    return 2;
  }
  size_t passed = 0, failed = 0;
  for (int i = 1; i < argc; ++i) {
    std::ifstream file(argv[i]);
    if (!file) {
      std::cerr << "oracle: cannot read " << argv[i] << "\n";
      return 2;
    }
    std::string line;
    for (size_t number = 1; std::getline(file, line); ++number) {
      if (line.empty()) continue;
      std::string id = std::string(argv[i]) + ":" + std::to_string(number);
      try {
        const kutils::oracle::Case one = kutils::oracle::parse_case(line);
        id = one.id;
        const std::string difference = kutils::oracle::compare(one, kutils::oracle::run_case(one));
        if (difference.empty()) {
          ++passed;
          continue;
        }
        std::cout << "FAILED " << id << ": " << difference << "\n";
      } catch (const std::exception& error) {
        std::cout << "FAILED " << id << ": " << error.what() << "\n";
      }
      ++failed;
    }
  }
  std::cout << passed << " passed, " << failed << " failed\n";
  return failed == 0 ? 0 : 1;
}
