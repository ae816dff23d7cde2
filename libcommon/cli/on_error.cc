#include "cli/on_error.h"

#include <string_view>
#include <utility>

#include "io/endpoint.h"

namespace kutils::cli {
namespace {

using Policy = flow::OnError::Policy;

constexpr OnErrorPolicy kPolicies[] = {
    {"fail", Policy::fail, false,
     "Print the record's place and the reason, end with code 4. What came before it is written and committed; a "
     "new start meets the same record. The default where OUT is a topic."},
    {"report", Policy::report, false,
     "Print it and continue; the exit code is 4 at the end. The default where OUT is lines."},
    {"skip", Policy::skip, false, "Print it and continue; the exit code is 0."},
    {"dead-letter:", Policy::dead_letter, true,
     "Write the record to this topic and continue; the exit code is 0. Key, value, time and headers stay, and "
     "headers are added that say what failed."},
};

}  // namespace

namespace {

// Dead letters have headers, a key and a time, which lines have not.
std::string checked_topic(std::string name) {
  if (name != "-" && io::is_topic_name(name)) return name;
  const bool is_file = name == "-" || name.find('/') != name.npos || name.rfind("file:", 0) == 0;
  throw usage_error(
      "--on-error dead-letter:" + name +
          (is_file ? ": dead letters go to a topic, and this is a file" : ": a topic cannot have this name"),
      is_file ? "write: --on-error dead-letter:TOPIC; --on-error report prints the reason of each "
                "on stderr"
              : "letters, digits, '.', '_' and '-', at most 249 of them");
}

}  // namespace

std::span<const OnErrorPolicy> on_error_policies() { return kPolicies; }

flow::OnError parse_on_error(const std::string& text) {
  std::string names;
  for (const OnErrorPolicy& policy : kPolicies) {
    names.append(names.empty() ? "" : ", ").append(policy.name).append(policy.takes_topic ? "TOPIC" : "");
    if (!policy.takes_topic && text == policy.name) return {policy.policy, {}};
    if (policy.takes_topic && text.size() > policy.name.size() && text.rfind(policy.name, 0) == 0)
      return {policy.policy, checked_topic(text.substr(policy.name.size()))};
  }
  // Other programs' words.
  constexpr std::pair<std::string_view, std::string_view> kTheirs[] = {{"stop", "fail"},
                                                                       {"abort", "fail"},
                                                                       {"exit", "fail"},
                                                                       {"ignore", "skip"},
                                                                       {"continue", "skip"},
                                                                       {"drop", "skip"},
                                                                       {"log", "report"},
                                                                       {"warn", "report"},
                                                                       {"dlq", "dead-letter:TOPIC"},
                                                                       {"dead-letter", "dead-letter:TOPIC"},
                                                                       {"dead_letter", "dead-letter:TOPIC"}};
  const size_t colon = text.find(':');
  for (const auto& [theirs, ours] : kTheirs) {
    if (text.substr(0, colon) != theirs) continue;
    std::string meant(ours);
    if (colon != text.npos && colon + 1 < text.size() && meant.ends_with(":TOPIC"))
      meant.replace(meant.find("TOPIC"), 5, text.substr(colon + 1));
    throw usage_error("--on-error: '" + text + "' is not a policy", "write: --on-error " + meant);
  }
  throw usage_error("--on-error: '" + text + "' is not a policy", "write one of: " + names);
}

}  // namespace kutils::cli
