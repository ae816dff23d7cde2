#include "cli/expanded_pattern.h"

#include <sys/stat.h>

#include <algorithm>
#include <string_view>

#include "base/correction.h"
#include "base/shell_word.h"

namespace kutils::cli {
namespace {

struct Path {
  std::string_view folder;  // with its slash, as it was written
  std::string_view ending;  // with its dot; empty: it has none
};

Path parts(std::string_view path) {
  const size_t name = path.rfind('/') + 1;
  const size_t dot = path.rfind('.');
  // A dot in front of a name hides it.
  return {path.substr(0, name), dot != path.npos && dot > name ? path.substr(dot) : std::string_view()};
}

}  // namespace

void refuse_expanded_pattern(const io::Endpoint& in, const io::Endpoint& out, const GivenCommand& given) {
  using io::EndpointKind;
  if (in.kind != EndpointKind::file || out.kind != EndpointKind::file) return;
  const Path from = parts(in.name), to = parts(out.name);
  if (from.folder.empty() || from.folder != to.folder || from.ending != to.ending) return;
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
      "OUT " + out.name + " has " + bytes + ", which would be replaced: the shell makes IN and OUT of " +
          std::string(from.folder) + "*" + std::string(from.ending) + " where that matches two files",
      meant);
}

}  // namespace kutils::cli
