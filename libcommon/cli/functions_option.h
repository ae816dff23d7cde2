// `--functions [NAME]` for every tool that takes expressions: printed from the expression language's own
// table, and with `aggregates` from theirs.
#pragma once

#include "cli/option_table.h"

namespace kutils::cli {

Option functions_option(bool aggregates);

}  // namespace kutils::cli
