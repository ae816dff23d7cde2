#include "cli/on_error.h"

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

std::span<const OnErrorPolicy> on_error_policies() { return kPolicies; }

flow::OnError parse_on_error(const std::string& text) {
  std::string names;
  for (const OnErrorPolicy& policy : kPolicies) {
    names.append(names.empty() ? "" : ", ").append(policy.name).append(policy.takes_topic ? "TOPIC" : "");
    if (!policy.takes_topic && text == policy.name) return {policy.policy, {}};
    if (policy.takes_topic && text.size() > policy.name.size() && text.rfind(policy.name, 0) == 0)
      return {policy.policy, text.substr(policy.name.size())};
  }
  throw usage_error("--on-error: '" + text + "' is not a policy", "write one of: " + names);
}

}  // namespace kutils::cli
