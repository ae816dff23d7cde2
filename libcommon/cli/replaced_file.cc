#include "cli/replaced_file.h"

#include <sys/stat.h>

#include <algorithm>
#include <string>

#include "base/correction.h"
#include "base/shell_word.h"

namespace kutils::cli {
void refuse_replaced_file(const io::Endpoint& in, const io::Endpoint& out, const GivenCommand& given) {
  using io::EndpointKind;
  if (in.kind != EndpointKind::file || out.kind != EndpointKind::file) return;
  struct stat info {};
  if (::stat(out.name.c_str(), &info) != 0 || !S_ISREG(info.st_mode) || info.st_size == 0) return;
  Correction meant{.before = "to replace it on purpose: ", .after = " > " + shell_word(out.name)};
  meant.operands = given.operands();
  const auto& places = given.info().operands;
  const bool needs_out = std::any_of(places.begin(), places.end(),
                                     [](const Operand& one) { return one.name == "OUT" && one.required; });
  if (needs_out)
    meant.operands->back() = "-";
  else
    meant.operands->pop_back();
  const std::string bytes = info.st_size == 1 ? "1 byte" : std::to_string(info.st_size) + " bytes";
  throw CorrectedError(
      "OUT " + out.name + " has " + bytes +
          ", which would be replaced: a pattern of the shell that matches two files, as ./*, makes IN and OUT of them",
      meant);
}

}  // namespace kutils::cli
