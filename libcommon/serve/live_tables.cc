#include "serve/live_tables.h"

#include <mutex>
#include <optional>

#include "base/error.h"
#include "state/meta.h"

namespace kutils::serve {
namespace {

flow::Query parse_question(const HttpRequest& request, int64_t now_ms) {
  flow::Query query;
  std::string from, until, at, delta;
  for (const auto& [name, value] : request.parameters) {
    if (name == "key") {
      query.keys.push_back(value);
    } else if (name == "prefix") {
      query.prefix = value;
    } else if (name == "from") {
      from = value;
    } else if (name == "until") {
      until = value;
    } else if (name == "at") {
      at = value;
    } else if (name == "delta") {
      delta = value;
    } else {
      throw usage_error("unknown parameter '" + name + "'", "key, prefix, from, until, at, delta");
    }
  }
  flow::set_range(query, from, until, now_ms);
  flow::set_at(query, at, now_ms);
  flow::set_delta(query, delta);
  return query;
}

}  // namespace

void LiveTables::add(int32_t partition, state::Backend& rows) {
  const std::unique_lock lock(mutex_);
  partitions_[partition] = &rows;
}

void LiveTables::remove(int32_t partition) {
  const std::unique_lock lock(mutex_);
  partitions_.erase(partition);
}

size_t LiveTables::size() const {
  const std::shared_lock lock(mutex_);
  return partitions_.size();
}

HttpReply LiveTables::answer(const std::string& table, const HttpRequest& request, int64_t now_ms) const {
  const flow::Query question = parse_question(request, now_ms);
  const std::shared_lock lock(mutex_);
  std::optional<flow::TableQuery> query;
  std::string body;
  // A query by the group's name shows the rows of its last stage, which lie in the first partitions.
  std::string wanted = table, other;
  for (const auto& [partition, rows] : partitions_) {
    const auto cursor = rows->cursor();
    for (const auto& [op, meta] : state::read_meta_rows(*cursor)) {
      const auto description = flow::parse_description(meta.description);
      if (!description) continue;
      other = description->output;
      if (group_ == table) wanted = other;
    }
    if (!other.empty()) break;
  }
  for (const auto& [partition, rows] : partitions_) {
    const auto cursor = rows->cursor();
    for (const auto& [op, meta] : state::read_meta_rows(*cursor)) {
      auto description = flow::parse_description(meta.description);
      if (!description || description->output != wanted) continue;
      if (!query) query.emplace(std::move(*description), question);
      const bool all = query->run(*cursor, op, meta.times.stream_time, now_ms,
                                  [&](MaybeBytes, std::string_view json, int64_t) {
                                    body.append(json).push_back('\n');
                                    return body.size() <= kMostBytes;
                                  });
      if (!all)
        return {413, HttpReply().type,
                "the answer has more than " + std::to_string(kMostBytes >> 20) +
                    " MiB\nask for fewer rows, by key, prefix, from, until or at\n"};
      break;
    }
  }
  if (!query && !other.empty())
    return {404, HttpReply().type, "the table here is '" + other + "', not '" + table + "'\n"};
  if (!query)
    return {404, HttpReply().type,
            "no table '" + table + "' here: nothing is committed yet, or no partition is assigned\n"};
  return {query->missing().empty() ? 200 : 404, kLines, std::move(body)};
}

std::map<std::string, std::vector<std::string>> LiveTables::first_rows(size_t most, int64_t now_ms) const {
  std::map<std::string, std::vector<std::string>> out;
  const std::shared_lock lock(mutex_, std::try_to_lock);
  if (!lock) return out;
  for (const auto& [partition, rows] : partitions_) {
    const auto cursor = rows->cursor();
    for (const auto& [op, meta] : state::read_meta_rows(*cursor)) {
      auto description = flow::parse_description(meta.description);
      if (!description) continue;
      std::vector<std::string>& table = out[description->output.empty() ? group_ : description->output];
      if (table.size() >= most) continue;
      flow::TableQuery query(std::move(*description), flow::Query());
      query.run(*cursor, op, meta.times.stream_time, now_ms, [&](MaybeBytes, std::string_view json, int64_t) {
        table.emplace_back(json);
        return table.size() < most;
      });
    }
  }
  return out;
}

}  // namespace kutils::serve
