#include "kgroupby/kgroupby.h"

int main(int argc, char** argv) { return kutils::cli::run_tool(*kutils::make_kgroupby(), argc, argv); }
