// `kfilter EXPR ./*.ndjson` in a folder of two such files: the shell makes IN and OUT of them.
#pragma once

#include "cli/given_command.h"
#include "io/endpoint.h"

namespace kutils::cli {

// Throws CorrectedError where OUT is a file with something in it that a pattern of the shell names together with the file
// IN: both are written with the same folder and have the same ending. `> OUT` says that it is to be replaced.
void refuse_expanded_pattern(const io::Endpoint& in, const io::Endpoint& out, const GivenCommand& given);

}  // namespace kutils::cli
