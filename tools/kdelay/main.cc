#include "kdelay/kdelay.h"

int main(int argc, char** argv) { return kutils::cli::run_tool(*kutils::make_kdelay(), argc, argv); }
