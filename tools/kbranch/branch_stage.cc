#include "kbranch/branch_stage.h"

#include <algorithm>
#include <utility>

#include "base/correction.h"
#include "base/shell_word.h"
#include "base/trim.h"
#include "expr/text.h"
#include "flow/topology/condition.h"
#include "flow/topology/pass.h"
#include "io/endpoint.h"

namespace kutils {
namespace {

// The end of the item that begins at `from`: a comma outside strings and brackets.
size_t item_end(std::string_view list, size_t from) {
  int depth = 0;
  for (size_t i = from; i < list.size(); ++i) {
    const char c = list[i];
    if (c == '"' || c == '\'') {
      for (++i; i < list.size() && list[i] != c; ++i) {
        if (list[i] == '\\') ++i;
      }
    } else if (c == '(' || c == '[' || c == '{') {
      ++depth;
    } else if (c == ')' || c == ']' || c == '}') {
      --depth;
    } else if (c == ',' && depth == 0) {
      return i;
    }
  }
  return list.size();
}

// `high: n > 1`: where the condition begins; 0: it has no such name.
size_t behind_colon(std::string_view item) {
  const size_t colon = item.find(':');
  return colon != item.npos && io::is_topic_name(item.substr(0, colon)) ? colon + 1 : 0;
}

[[noreturn]] void refuse_nameless(const std::string& list, const std::string& item) {
  std::string meant;
  for (size_t from = 0; from <= list.size();) {
    const size_t end = item_end(list, from);
    const std::string one(trim(std::string_view(list).substr(from, end - from)));
    from = end + 1;
    if (one.empty()) continue;
    meant += meant.empty() ? "" : ",";
    if (const size_t behind = behind_colon(one))
      meant += one.substr(0, behind - 1) + "=" + std::string(trim(std::string_view(one).substr(behind)));
    else
      meant += one == item ? "TOPIC=" + one : one;
  }
  if (behind_colon(item) != 0)
    throw CorrectedError("TOPIC=COND: '" + item + "' has no '=' between its topic and its condition",
                         {.spec = meant});
  throw CorrectedError(
      "TOPIC=COND: '" + item + "' has no topic in front of its condition",
      {.before = "OUT takes the records that match no condition; name a topic for those that match: ",
       .spec = meant});
}

}  // namespace

std::vector<Branch> parse_branches(const std::string& list) {
  std::vector<Branch> out;
  for (size_t from = 0; from <= list.size();) {
    const size_t end = item_end(list, from);
    const std::string item(trim(std::string_view(list).substr(from, end - from)));
    from = end + 1;
    if (item.empty() && from > list.size() && !out.empty()) break;  // a comma at the end
    const size_t equals = item.find('=');
    const bool is_name = equals != item.npos && equals > 0 && item.substr(equals, 2) != "==" &&
                         item.find_first_of(" \t<>!&|()[]\"'") > equals;
    if (!is_name) refuse_nameless(list, item);
    Branch branch{item.substr(0, equals), std::string(trim(std::string_view(item).substr(equals + 1)))};
    if (branch.condition.empty())
      throw usage_error("TOPIC=COND: '" + item + "' has no condition",
                        "for example " + shell_word(item + "n > 1"));
    out.push_back(std::move(branch));
  }
  return out;
}

BranchStage::BranchStage(const BranchPlan& plan)
    : expressions_(plan.options),
      branches_(plan.branches),
      ports_(plan.ports),
      keep_null_(plan.keep_null),
      all_(plan.all) {
  for (const Branch& branch : branches_) {
    names_.push_back("the condition of '" + branch.output + "'");
    conditions_.push_back(expressions_.add(branch.condition, names_.back(), expr::Expect::boolean));
  }
}

std::string BranchStage::canonical() const {
  std::string out;
  for (size_t i = 0; i < branches_.size(); ++i) {
    out += (out.empty() ? "" : ", ") + branches_[i].output + "=" + expressions_.canonical(conditions_[i]);
  }
  return out;
}

void BranchStage::process(const Record& record, flow::Emitter& out) {
  Output output = flow::pass(record);
  if (record.value.is_null() && expressions_.reads_fields()) {
    if (!keep_null_) return out.drop(record, flow::DropReason::tombstone);
    return out.emit(&record, output);
  }
  if (auto error = expressions_.bind(record)) return out.fail(record, std::move(*error));
  // All are asked before anything is written: a record that fails goes nowhere.
  matched_.clear();
  for (size_t i = 0; i < conditions_.size() && (all_ || matched_.empty()); ++i) {
    if (std::find(matched_.begin(), matched_.end(), ports_[i]) != matched_.end()) continue;
    Result<bool> matches = flow::get_condition(expressions_, conditions_[i], names_[i]);
    if (!matches) return out.fail(record, std::move(matches.error()));
    if (*matches) matched_.push_back(ports_[i]);
  }
  if (matched_.empty()) return out.emit(&record, output);
  for (const uint32_t port : matched_) {
    output.port = port;
    out.emit(&record, output);
    if (out.refused()) return;
  }
}

ToStage::ToStage(const ToPlan& plan)
    : plan_(plan), expressions_(plan.options), topic_(expressions_.add(plan.expression, "--to")) {}

std::optional<RecordError> ToStage::judge(std::string_view topic, const Record& record) const {
  const std::string shown = "--to gives '" + expr::shortened(topic) + "'";
  if (!io::is_topic_name(topic))
    return RecordError{Reason::expression, shown +
                                               ", which cannot be a topic: letters, digits, '.', '_' and "
                                               "'-', at most 249 of them"};
  if (topic.starts_with("__"))
    return RecordError{Reason::expression, shown + ", a name of Kafka's own topics"};
  if (topic == record.topic ||
      std::find(plan_.inputs.begin(), plan_.inputs.end(), topic) != plan_.inputs.end())
    return RecordError{Reason::expression,
                       shown + ", which is the input: the record would be read again and again"};
  return std::nullopt;
}

void ToStage::process(const Record& record, flow::Emitter& out) {
  Output output = flow::pass(record);
  if (record.value.is_null() && expressions_.reads_fields()) {
    if (!plan_.keep_null) return out.drop(record, flow::DropReason::tombstone);
    return out.emit(&record, output);
  }
  if (auto error = expressions_.bind(record)) return out.fail(record, std::move(*error));
  const Result<expr::Value> topic = expressions_.get(topic_);
  if (!topic) return out.fail(record, RecordError(topic.error()));
  if (topic->is_null()) return out.emit(&record, output);
  if (topic->kind() != expr::Kind::string)
    return out.fail(record,
                    {Reason::wrong_type, "--to gives " + std::string(expr::friendly_name(topic->kind())) +
                                             ", and a topic is named by a string"});
  if (auto error = judge(topic->as_string(), record)) return out.fail(record, std::move(*error));
  const auto port = plan_.topics->port_of(topic->as_string());
  if (!port)
    return out.fail(record,
                    {Reason::expression, "--to gives '" + std::string(topic->as_string()) +
                                             "', one topic more than the " +
                                             std::to_string(plan_.topics->most()) + " that --topics allows"});
  output.port = *port;
  out.emit(&record, output);
}

}  // namespace kutils
