#include "kbranch/kbranch.h"

int main(int argc, char** argv) { return kutils::cli::run_tool(*kutils::make_kbranch(), argc, argv); }
