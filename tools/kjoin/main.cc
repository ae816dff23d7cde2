#include "kjoin/kjoin.h"

int main(int argc, char** argv) { return kutils::cli::run_tool(*kutils::make_kjoin(), argc, argv); }
