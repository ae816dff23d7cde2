// Runs a case through the stages that the tools run.
#pragma once

#include <string>
#include <vector>

#include "oracle_case.h"

namespace kutils::oracle {

std::vector<Result> run_case(const Case& one);

}  // namespace kutils::oracle
