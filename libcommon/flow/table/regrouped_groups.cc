#include "flow/table/regrouped_groups.h"

namespace kutils::flow {

RegroupedGroups::RegroupedGroups(TableOptions options, const AggregateSet& set, state::Store& store)
    : options_(std::move(options)), set_(set), groups_(set, options_.key_names, store, options_.cache_bytes) {
  set.require_subtract("tables over tables");
}

std::optional<RecordError> RegroupedGroups::change(const Record& cause, const Contribution* from,
                                                   const Contribution* to, int64_t time, Emitter& out) {
  Row* left = from != nullptr ? groups_.find(from->group) : nullptr;
  Row* joined = to != nullptr ? groups_.find(to->group) : nullptr;
  for (Row* row : {left, joined})
    if (row != nullptr)
      if (auto refused = groups_.judge_time(row, time, out)) return refused;
  // The old part first: the sum may have room only then. If the new one is refused, the old part goes back.
  if (left != nullptr)
    if (auto refused = set_.subtract(groups_.state(left), from->arguments)) return refused;
  if (joined != nullptr) {
    if (auto refused = set_.add(groups_.state(joined), to->arguments)) {
      if (left != nullptr) set_.add_checked(groups_.state(left), from->arguments);
      return refused;
    }
  }
  if (left != nullptr) {
    groups_.touch(left, from->group_is_text, time);
    if (left != joined) changed(cause, left, out);
  }
  if (joined != nullptr) {
    groups_.touch(joined, to->group_is_text, time);
    changed(cause, joined, out);
  }
  return std::nullopt;
}

void RegroupedGroups::tick(int64_t wall_ms, Emitter& out) {
  if (!options_.interval_ms || !due_) return;
  if (*due_ == 0) {
    due_ = wall_ms + *options_.interval_ms;
  } else if (*due_ <= wall_ms) {
    groups_.emit_changes(out);
    due_.reset();
  }
}

void RegroupedGroups::before_commit(Emitter& out) {
  groups_.emit_changes(out);
  groups_.write_back();
}

void RegroupedGroups::all_read(Emitter& out) {
  if (options_.empty_total && !options_.after) show_empty_total(groups_, options_.emit, out);
}

void RegroupedGroups::close(Emitter& out) {
  if (options_.emit == TableEmit::close) {
    if (options_.empty_total) groups_.make_total();
    groups_.emit_all(out);
  } else {
    groups_.emit_changes(out);
  }
}

void RegroupedGroups::changed(const Record& cause, Row* row, Emitter& out) {
  if (options_.emit == TableEmit::update) groups_.emit(&cause, row, out);
  if (options_.emit != TableEmit::commit) return;
  groups_.note_change(row);
  if (options_.interval_ms && !due_) due_ = 0;  // tick() sets the clock going
}

}  // namespace kutils::flow
