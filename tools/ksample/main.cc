#include "ksample/ksample.h"

int main(int argc, char** argv) { return kutils::cli::run_tool(*kutils::make_ksample(), argc, argv); }
