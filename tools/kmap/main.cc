#include "kmap/kmap.h"

int main(int argc, char** argv) { return kutils::cli::run_tool(*kutils::make_kmap(), argc, argv); }
