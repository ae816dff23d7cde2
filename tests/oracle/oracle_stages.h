// Runs a case through the stages that the tools run.
#pragma once

#include <string>
#include <vector>

#include "oracle_case.h"

namespace kutils::oracle {

// Empty: it is run.
std::string why_skipped(const Case& one);
std::vector<Result> run_case(const Case& one);

}  // namespace kutils::oracle
