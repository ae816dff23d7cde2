#include "kscan/kscan.h"

int main(int argc, char** argv) { return kutils::cli::run_tool(*kutils::make_kscan(), argc, argv); }
