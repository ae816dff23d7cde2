// A file that a run from a file would replace: `kfilter EXPR ./*` in a folder of two files, of which the shell makes IN and OUT.
#pragma once

#include "cli/given_command.h"
#include "io/endpoint.h"

namespace kutils::cli {

// Throws CorrectedError where IN is a file and OUT a file with something in it. Any two names can be all that a pattern of
// the shell matches (`d?/x`, `./*`), so that folders and endings do not tell. `> OUT` says that it is to be replaced.
void refuse_replaced_file(const io::Endpoint& in, const io::Endpoint& out, const GivenCommand& given);

}  // namespace kutils::cli
