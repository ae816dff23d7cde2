#include "ktake/ktake.h"

int main(int argc, char** argv) { return kutils::cli::run_tool(*kutils::make_ktake(), argc, argv); }
