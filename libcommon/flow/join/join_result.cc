#include "flow/join/join_result.h"

#include <algorithm>

#include "data/json_write.h"
#include "flow/topology/condition.h"

namespace kutils::flow {

JoinResult::JoinResult(const JoinFormat& format)
    : merge_(format.merge),
      prefix_(format.prefix),
      left_out_(format.left_out),
      expressions_(format.options),
      left_(no_fields_),
      right_(no_fields_) {
  if (!format.where.empty()) where_ = expressions_.add(format.where, "--where", expr::Expect::boolean);
  if (!merge_) return;
  left_.want_members();
  right_.want_members();
}

std::optional<RecordError> JoinResult::check(MaybeBytes value) {
  if (value.is_null()) return std::nullopt;
  if (!merge_) return check_json(value.view());
  if (auto error = left_.read(value.view())) return error;
  return std::nullopt;
}

void JoinResult::append_sides(MaybeBytes left, MaybeBytes right, std::string& out) {
  out += "{\"left\":";
  out += left.is_null() ? std::string_view("null") : left.view();
  out += ",\"right\":";
  out += right.is_null() ? std::string_view("null") : right.view();
  out += '}';
}

Result<bool> JoinResult::make(MaybeBytes key, MaybeBytes left, MaybeBytes right, int64_t time,
                              std::string& out) {
  if (where_ && !left.is_null() && !right.is_null()) {
    pair_.clear();
    append_sides(left, right, pair_);
    Record record;
    record.key = key;
    record.value = std::string_view(pair_);
    record.timestamp = time;
    record.timestamp_type = TimestampType::create_time;
    if (auto error = expressions_.bind(record)) return std::move(*error);
    const Result<bool> holds = get_condition(expressions_, *where_, "--where");
    if (!holds || !*holds) return holds;
  }
  const size_t before = out.size();
  if (!merge_) {
    append_sides(left, right, out);
  } else if (auto error = append_merged(left, right, out)) {
    out.resize(before);
    return std::move(*error);
  }
  return true;
}

Result<bool> JoinResult::make_of_rows(const JoinType& type, MaybeBytes key, const TableRow& left,
                                      const TableRow& right, std::string& out) {
  const int64_t time = std::max(left.time, right.time);
  const bool has_left = !left.value.is_null(), has_right = !right.value.is_null();
  if (has_left && has_right) {
    const Result<bool> pair = make(key, left.value, right.value, time, out);
    if (!pair) return pair;
    if (*pair) return type.pairs;
  }
  if (has_left && type.left) return make(key, left.value, MaybeBytes(), time, out);
  if (has_right && type.right) return make(key, MaybeBytes(), right.value, time, out);
  return false;
}

std::optional<RecordError> JoinResult::append_merged(MaybeBytes left, MaybeBytes right, std::string& out) {
  if (!left.is_null())
    if (auto error = left_.read(left.view())) return error;
  if (!right.is_null())
    if (auto error = right_.read(right.view())) return error;
  static const std::vector<JsonMember> kNone;
  const std::vector<JsonMember>& ours = left.is_null() ? kNone : left_.members();
  const std::vector<JsonMember>& theirs = right.is_null() ? kNone : right_.members();
  char separator = '{';
  for (const JsonMember& member : ours) {
    out += separator;
    separator = ',';
    out.append(member.name_raw).append(1, ':').append(member.value_raw);
  }
  std::string name;
  for (const JsonMember& member : theirs) {
    name.assign(prefix_).append(member.name);
    const auto same =
        std::find_if(ours.begin(), ours.end(), [&name](const JsonMember& our) { return our.name == name; });
    if (same != ours.end()) {
      if (left_out_ && same->value_raw != member.value_raw) ++*left_out_;
      continue;
    }
    out += separator;
    separator = ',';
    if (prefix_.empty()) {
      out += member.name_raw;
    } else {
      append_json_string(name, out);
    }
    out.append(1, ':').append(member.value_raw);
  }
  if (separator == '{') out += '{';
  out += '}';
  return std::nullopt;
}

}  // namespace kutils::flow
