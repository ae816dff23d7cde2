#include "kwrite/rate_option.h"

#include "base/error.h"
#include "kwrite/paced_source.h"

namespace kutils {

void declare_rate(cli::OptionTable& options, std::optional<double>& rate) {
  options.add({.names = "--rate",
               .metavar = "N",
               .help = "read at most N lines a second",
               .set = [&rate](const std::string& text) { rate = parse_rate(text); }});
}

void set_rate(flow::Job& job, const std::optional<double>& rate) {
  if (!rate) return;
  if (job.in.is_topic())
    throw usage_error("--rate is for lines, and IN is the topic '" + job.in.name + "'",
                      "paced through a pipe: kcp " + job.in.name + " - | " + job.tool + " --rate N - OUT");
  job.open_lines_in = [open = job.open_lines_in, rate = *rate] {
    return std::make_unique<PacedSource>(open(), rate);
  };
}

}  // namespace kutils
