#include "kscore/kscore.h"

int main(int argc, char** argv) { return kutils::cli::run_tool(*kutils::make_kscore(), argc, argv); }
