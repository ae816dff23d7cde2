#include "cli/colour.h"

#include <unistd.h>

#include <cstdlib>
#include <string>

#include "base/error.h"

namespace kutils::cli {

Colour parse_colour(std::string_view when) {
  if (when == "auto") return Colour::automatic;
  if (when == "always") return Colour::always;
  if (when == "never") return Colour::never;
  throw usage_error("--color: '" + std::string(when) + "' is not auto, always or never");
}

bool use_colour(Colour wish, int fd) {
  if (wish != Colour::automatic) return wish == Colour::always;
  const char* no_color = std::getenv("NO_COLOR");
  if (no_color && *no_color) return false;
  return isatty(fd) == 1;
}

}  // namespace kutils::cli
