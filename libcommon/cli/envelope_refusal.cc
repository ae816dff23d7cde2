#include "cli/envelope_refusal.h"

#include <utility>

#include "base/correction.h"
#include "base/error.h"
#include "base/log.h"

namespace kutils::cli {

std::function<void(bool surely)> envelope_refusal(const GivenCommand* given, const std::string& tool,
                                                  bool quiet, bool is_both) {
  const auto hint = [given](const Correction& correction) {
    return given != nullptr ? given->hint(correction) : std::string();
  };
  const std::string what =
      "the first line is an envelope with key, headers and time, and all of it is read as the value: the record "
      "gets none of them";
  const std::string if_meant = hint({.before = "if that is meant: ", .add = {{"-I", "json"}}});
  const std::string to_read =
      hint({.before = "to read envelopes: ",
            .add = {is_both ? std::pair<std::string, std::string>{"-J", ""}
                            : std::pair<std::string, std::string>{"-I", "envelope"}}});
  return [=](bool surely) {
    if (surely) throw usage_error(what, if_meant + "\n" + to_read);
    StderrLog(tool, quiet).note(what + "\n  " + if_meant + "\n  " + to_read);
  };
}

}  // namespace kutils::cli
