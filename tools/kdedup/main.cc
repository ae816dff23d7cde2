#include "kdedup/kdedup.h"

int main(int argc, char** argv) { return kutils::cli::run_tool(*kutils::make_kdedup(), argc, argv); }
