#include "kwindow/kwindow.h"

int main(int argc, char** argv) { return kutils::cli::run_tool(*kutils::make_kwindow(), argc, argv); }
