#include "ktable/ktable.h"

int main(int argc, char** argv) { return kutils::cli::run_tool(*kutils::make_ktable(), argc, argv); }
