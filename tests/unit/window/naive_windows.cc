#include "naive_windows.h"

#include <algorithm>
#include <map>
#include <set>

namespace kutils::flow {
namespace {

struct Member {
  size_t index;
  int64_t value, time;
};
struct Naive {
  int64_t start, end;           // as shown
  int64_t close_end;            // exclusive end of the close rule
  std::vector<Member> members;  // in the order that collect() shows
};
using Windows = std::map<std::string, std::vector<Naive>>;

std::string show(const Naive& window) {
  std::string text;
  for (const Member& one : window.members) text += (text.empty() ? "[" : ",") + std::to_string(one.value);
  return text + "]";
}
int64_t time_of(const Naive& window) {
  int64_t time = INT64_MIN;
  for (const Member& one : window.members) time = std::max(time, one.time);
  return time;
}

}  // namespace

std::vector<WindowResult> naive_windows(const WindowSpec& spec, int64_t grace, Emit emit,
                                        const std::vector<NaiveRecord>& records, bool close_at_end,
                                        size_t& late) {
  using Kind = WindowSpec::Kind;
  std::vector<WindowResult> results;
  Windows open;
  std::map<std::string, std::vector<Member>> accepted;  // sliding
  int64_t now = INT64_MIN;
  late = 0;
  const auto closed = [&](int64_t close_end) { return close_end + grace <= now; };
  const auto give = [&](size_t at, const std::string& key, const Naive& window) {
    results.push_back({at, key, window.start, window.end, show(window), time_of(window)});
  };
  const auto close_all = [&](size_t at) {
    for (auto& [key, windows] : open) {
      for (const Naive& window : windows)
        if (closed(window.close_end) && emit == Emit::close) give(at, key, window);
      windows.erase(
          std::remove_if(windows.begin(), windows.end(), [&](const Naive& w) { return closed(w.close_end); }),
          windows.end());
    }
  };
  for (size_t i = 0; i < records.size(); ++i) {
    const NaiveRecord& record = records[i];
    now = std::max(now, record.time);
    close_all(i);
    std::vector<Naive>& windows = open[record.key];
    const Member member{i, record.value, record.time};
    bool counted = false;
    if (spec.kind == Kind::tumbling || spec.kind == Kind::hopping) {
      for (int64_t start = 0; start <= record.time; start += spec.advance) {
        if (record.time >= start + spec.size || closed(start + spec.size)) continue;
        auto found =
            std::find_if(windows.begin(), windows.end(), [&](const Naive& w) { return w.start == start; });
        if (found == windows.end())
          found = windows.insert(windows.end(), {start, start + spec.size, start + spec.size, {}});
        found->members.push_back(member);
        if (emit == Emit::update) give(i, record.key, *found);
        counted = true;
      }
    } else if (spec.kind == Kind::session) {
      Naive merged{record.time, record.time, 0, {}};
      std::vector<Naive> absorbed, rest;
      for (const Naive& window : windows)
        (window.start - spec.size <= record.time && record.time <= window.end + spec.size ? absorbed : rest)
            .push_back(window);
      std::sort(absorbed.begin(), absorbed.end(),
                [](const Naive& a, const Naive& b) { return a.end < b.end; });
      for (const Naive& window : absorbed) {
        merged.start = std::min(merged.start, window.start);
        merged.end = std::max(merged.end, window.end);
        merged.members.insert(merged.members.end(), window.members.begin(), window.members.end());
      }
      merged.members.push_back(member);
      merged.close_end = merged.end + spec.size + 1;
      counted = !closed(merged.close_end);
      if (counted) {
        if (emit == Emit::update)
          for (const Naive& window : absorbed)
            if (window.start != merged.start || window.end != merged.end)
              results.push_back({i, record.key, window.start, window.end, "deleted", window.end});
        rest.push_back(merged);
        windows = std::move(rest);
        if (emit == Emit::update) give(i, record.key, merged);
      }
    } else {
      std::vector<Member>& members = accepted[record.key];
      counted = !closed(record.time + spec.size + 1);
      if (counted) {
        members.push_back(member);
        std::set<int64_t> starts;
        for (const Member& one : members) {
          starts.insert(std::max<int64_t>(0, one.time - spec.size));
          starts.insert(one.time + 1);
        }
        std::vector<Naive> after;
        for (const int64_t start : starts) {
          Naive window{start, start + spec.size, start + spec.size + 1, {}};
          if (closed(window.close_end)) continue;
          for (const Member& one : members)
            if (start <= one.time && one.time <= start + spec.size) window.members.push_back(one);
          if (window.members.empty()) continue;
          const auto before =
              std::find_if(windows.begin(), windows.end(), [&](const Naive& w) { return w.start == start; });
          const bool same = before != windows.end() && before->members.size() == window.members.size();
          if (!same && emit == Emit::update) give(i, record.key, window);
          after.push_back(std::move(window));
        }
        windows = std::move(after);
      }
    }
    if (!counted) ++late;
  }
  if (close_at_end) {
    now = INT64_MAX / 2;
    close_all(records.size());
  }
  return results;
}

}  // namespace kutils::flow
