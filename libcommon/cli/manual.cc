#include "cli/manual.h"

#include <iterator>

#include "base/duration.h"
#include "cli/help.h"
#include "cli/on_error.h"
#include "data/codec.h"
#include "flow/errors/dead_letter.h"
#include "flow/topology/job.h"
#include "io/line_format.h"
#include "io/range.h"
#include "io/template_writer.h"

namespace kutils::cli {
namespace {

std::string entry(std::string_view term, std::string_view text) {
  return "**" + markdown(std::string(term)) + "**\n:   " + markdown(std::string(text)) + "\n\n";
}

std::string where() {
  std::string out;
  for (const io::WhereForm& form : io::where_forms()) out += entry(form.text, form.doc);
  return out;
}
std::string times() {
  std::string out;
  for (const io::WhereForm& form : io::time_forms()) out += entry(form.text, form.doc);
  return out;
}
std::string formats() {
  std::string out;
  for (const io::LineFormatInfo& format : io::line_formats())
    out += entry(format.name == "re" ? "re:REGEX" : format.name, format.doc);
  return out;
}
std::string tokens() {
  std::string out;
  for (const io::TemplateToken& token : io::template_tokens())
    out += entry("%" + std::string(token.letter), token.doc);
  return out + entry("%{EXPR}", "an expression on the record");
}
std::string codecs() {
  std::string out;
  for (const CodecLink& link : codec_links()) out += entry(link.name, link.doc);
  return out;
}
std::string on_error() {
  std::string out;
  for (const OnErrorPolicy& policy : on_error_policies())
    out += entry(std::string(policy.name) + (policy.takes_topic ? "TOPIC" : ""), policy.doc);
  return out;
}
std::string dead_letters() {
  std::string out;
  for (const flow::DeadLetterHeader& header : flow::dead_letter_headers())
    out += entry(header.name, header.doc);
  return out;
}
std::string defaults() {
  const flow::Job job;
  std::string out;
  out += entry("--commit-interval " + format_duration(job.commit_min) + ":" + format_duration(job.commit_max),
               "a transaction lasts this long when there is no lag, and up to MAX while there is");
  out +=
      entry("--cache " + std::to_string(job.cache_bytes >> 20) + "M", "memory of all state in this process");
  out += entry("--delivery exactly-once", "from topic to topic");
  out += entry("-j " + std::to_string(job.workers), "worker threads");
  return out;
}

struct Part {
  const char* name;
  std::string (*make)();
};
constexpr Part kParts[] = {
    {"where", where},   {"times", times},       {"formats", formats},   {"tokens", tokens},
    {"codecs", codecs}, {"on-error", on_error}, {"defaults", defaults}, {"dead-letters", dead_letters}};

}  // namespace

std::optional<std::string> manual_part(const std::string& part) {
  for (const Part& one : kParts)
    if (part == one.name) return one.make();
  return std::nullopt;
}

std::string manual_parts() {
  std::string out;
  for (const Part& one : kParts) out.append(out.empty() ? "" : ", ").append(one.name);
  return out;
}

}  // namespace kutils::cli
