#include "ksort/ksort.h"

int main(int argc, char** argv) { return kutils::cli::run_tool(*kutils::make_ksort(), argc, argv); }
