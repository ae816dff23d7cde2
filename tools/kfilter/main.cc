#include "kfilter/kfilter.h"

int main(int argc, char** argv) { return kutils::cli::run_tool(*kutils::make_kfilter(), argc, argv); }
