#include "state/partition_store.h"

#include <algorithm>

#include "base/varint.h"
#include "state/layout.h"
#include "state/range_cursors.h"
#include "state/sorted_changes.h"
#include "state/state_error.h"
#include "state/state_format.h"

namespace kutils::state {
namespace {

// Where the rows stand: version, changelog offset, wall time of the last write.
void encode_local_row(int64_t changelog_offset, int64_t wall_ms, std::string& out) {
  out.push_back(static_cast<char>(kFormatVersion));
  put_signed(out, changelog_offset);
  put_signed(out, wall_ms);
}

// At the first row from `from` on; of those from `to` on it need not know.
std::unique_ptr<Cursor> cursor_within(Backend& backend, std::string_view from, std::string_view to) {
  if (auto* const ranges = dynamic_cast<RangeCursors*>(&backend)) return ranges->cursor_within(from, to);
  std::unique_ptr<Cursor> all = backend.cursor();
  all->seek(from);
  return all;
}

}  // namespace

const char* to_string(RestorePlan::Reason reason) {
  switch (reason) {
    case RestorePlan::Reason::up_to_date:
      return "up to date";
    case RestorePlan::Reason::newer_rows:
      return "newer rows in the changelog";
    case RestorePlan::Reason::no_state:
      return "no local state";
    case RestorePlan::Reason::below_start:
      return "local state is older than the changelog reaches back";
    case RestorePlan::Reason::beyond_end:
      return "local state is ahead of the changelog";
    case RestorePlan::Reason::too_old:
      return "local state is older than deletions are kept";
  }
  return "?";
}

class PartitionStore::OperatorStore final : public Store {
 public:
  OperatorStore(PartitionStore& owner, uint8_t op) : owner_(owner), op_(static_cast<char>(op)) {}

  std::optional<std::string_view> get(std::string_view key) override {
    std::string& full = owner_.scratch_;
    full.assign(1, op_);
    full.append(key);
    if (const Change* change = owner_.overlay_.find(full)) {
      if (change->value.is_null()) return std::nullopt;
      return change->value.view();
    }
    return owner_.backend_->get(full);
  }
  void will_get(std::string_view key) override {
    if (owner_.in_memory_) return;
    owner_.ahead_ends_.push_back(owner_.ahead_.append(1, op_).append(key).size());
  }
  void read_ahead() override { owner_.read_ahead(); }
  void put(std::string_view key, std::string_view value) override {
    owner_.overlay_.put(op_, key, MaybeBytes(value));
  }
  void erase(std::string_view key) override { owner_.overlay_.put(op_, key, MaybeBytes()); }

  void scan(std::string_view from, std::string_view to,
            const std::function<bool(std::string_view, std::string_view)>& row) override {
    const std::string first = op_ + std::string(from);
    // The operator byte is below 255 or the end of all keys; rows of the next operator end an open range.
    std::string last(1, op_);
    bool to_the_end = false;
    if (!to.empty()) {
      last.append(to);
    } else if (static_cast<uint8_t>(op_) == 255) {
      to_the_end = true;
    } else {
      last[0] = static_cast<char>(static_cast<uint8_t>(op_) + 1);
    }
    const auto within = [&](std::string_view key) { return to_the_end || key < last; };

    const std::span<const Change> changes = owner_.overlay_.sorted();
    auto change = std::lower_bound(changes.begin(), changes.end(), first,
                                   [](const Change& c, const std::string& key) { return c.key < key; });
    const std::unique_ptr<Cursor> cursor =
        cursor_within(*owner_.backend_, first, to_the_end ? std::string_view() : std::string_view(last));
    for (;;) {
      const bool has_stored = cursor->valid() && within(cursor->key());
      const bool has_change = change != changes.end() && within(change->key);
      if (!has_stored && !has_change) return;
      const int order = !has_stored ? 1 : !has_change ? -1 : cursor->key().compare(change->key);
      if (order < 0) {
        if (!row(cursor->key().substr(1), cursor->value())) return;
        cursor->next();
        continue;
      }
      if (order == 0) cursor->next();  // written over
      if (!change->value.is_null() && !row(change->key.substr(1), change->value.view())) return;
      ++change;
    }
  }

  bool in_memory() const override { return owner_.in_memory_; }
  size_t memory_share() const override { return owner_.backend_->memory_share(); }
  const StreamTimes& stream_times() const override;
  void set_stream_times(StreamTimes times) override;
  void set_description(std::string description) override;

 private:
  PartitionStore& owner_;
  char op_;
};

struct PartitionStore::Operator {
  Operator(PartitionStore& owner, uint8_t op) : store(owner, op) {}
  OperatorStore store;
  Meta current;
  Meta committed;
  bool has_committed = false;
};

const StreamTimes& PartitionStore::OperatorStore::stream_times() const {
  return owner_.op_state(static_cast<uint8_t>(op_)).committed.times;
}
void PartitionStore::OperatorStore::set_stream_times(StreamTimes times) {
  owner_.op_state(static_cast<uint8_t>(op_)).current.times = std::move(times);
}
void PartitionStore::OperatorStore::set_description(std::string description) {
  owner_.op_state(static_cast<uint8_t>(op_)).current.description = std::move(description);
}

PartitionStore::PartitionStore(bool in_memory) : in_memory_(in_memory), backend_(make_memory_backend()) {}

PartitionStore::PartitionStore(StateEnvironment& environment, const std::string& partition_dir)
    : environment_(&environment),
      partition_dir_(partition_dir),
      directory_(database_directory(partition_dir)),
      found_(read_mark(partition_dir)) {
  mark({Mark::Kind::working});
  try {
    open_database();
  } catch (const CorruptState& broken) {
    wipe(broken.what());
  }
}

PartitionStore::~PartitionStore() = default;

void PartitionStore::open_database() {
  changelog_offset_.reset();
  applied_wall_ms_ = 0;
  backend_ = environment_->open(directory_);
  const auto local = backend_->get(kLocalRowKey);
  if (!local) {
    // Rows without a mark cannot be trusted: every write carries one.
    const std::unique_ptr<Cursor> cursor = backend_->cursor();
    cursor->seek({});
    if (cursor->valid()) throw CorruptState("the state in " + directory_ + " lacks its changelog offset");
    return;
  }
  Reader in(*local);
  const uint8_t version = in.byte();
  const int64_t offset = in.signed_varint();
  const int64_t wall_ms = in.signed_varint();
  if (!is_readable_format(version))
    throw CorruptState("the state in " + directory_ + " has another format version");
  if (!in.ok() || !in.at_end()) throw CorruptState("the state in " + directory_ + " is broken");
  changelog_offset_ = offset;
  applied_wall_ms_ = wall_ms;
}

PartitionStore::Operator& PartitionStore::op_state(uint8_t op) {
  std::unique_ptr<Operator>& slot = operators_[op];
  if (!slot) slot = std::make_unique<Operator>(*this, op);
  return *slot;
}

Store& PartitionStore::operator_store(uint8_t op) { return op_state(op).store; }
Meta& PartitionStore::meta(uint8_t op) { return op_state(op).current; }
bool PartitionStore::has_meta(uint8_t op) const { return operators_[op] && operators_[op]->has_committed; }

void PartitionStore::read_ahead() {
  if (ahead_ends_.empty()) return;
  std::vector<std::string_view> keys;
  keys.reserve(ahead_ends_.size());
  size_t from = 0;
  for (const size_t end : ahead_ends_) {
    const std::string_view key = std::string_view(ahead_).substr(from, end - from);
    from = end;
    if (!overlay_.find(key)) keys.push_back(key);
  }
  backend_->read_ahead(keys);
  ahead_.clear();
  ahead_ends_.clear();
  if (ahead_.capacity() > keep_bytes()) std::string().swap(ahead_);
}

std::span<const Change> PartitionStore::take_changes() {
  for (size_t op = 1; op < operators_.size(); ++op) {
    if (!operators_[op]) continue;
    local_row_.clear();
    encode_meta(operators_[op]->current, local_row_);
    const char key = static_cast<char>(op);
    overlay_.put(kMetaPrefix, {&key, 1}, MaybeBytes(local_row_));
  }
  return overlay_.sorted();
}

// What is in batch_, and the mark.
void PartitionStore::write_batch(int64_t next_offset, int64_t wall_ms) {
  local_row_.clear();
  encode_local_row(next_offset, wall_ms, local_row_);
  // One write: rows and mark survive a crash together or not at all.
  batch_.push_back({kLocalRowKey, MaybeBytes(local_row_)});
  backend_->write(batch_);
  if (batch_.capacity() * sizeof(Change) > keep_bytes()) std::vector<Change>().swap(batch_);
  changelog_offset_ = next_offset;
  applied_wall_ms_ = wall_ms;
}

void PartitionStore::applied(int64_t next_offset, int64_t wall_ms) {
  overlay_.take_sorted(batch_);
  write_batch(next_offset, wall_ms);
  overlay_.clear(keep_bytes());
  for (const std::unique_ptr<Operator>& op : operators_) {
    if (!op) continue;
    op->committed = op->current;
    op->has_committed = true;
  }
}

void PartitionStore::discard() {
  overlay_.clear(keep_bytes());
  for (const std::unique_ptr<Operator>& op : operators_)
    if (op) op->current = op->committed;
}

RestorePlan PartitionStore::plan_restore(int64_t log_start, int64_t log_end, int64_t wall_ms,
                                         int64_t delete_retention_ms) const {
  using Reason = RestorePlan::Reason;
  if (!changelog_offset_) return {Reason::no_state, false, log_start};
  const int64_t at = *changelog_offset_;
  if (at == log_end) return {Reason::up_to_date, false, at};
  if (at > log_end) return {Reason::beyond_end, true, log_start};
  if (at < log_start) return {Reason::below_start, true, log_start};
  if (wall_ms - applied_wall_ms_ > delete_retention_ms / 2) return {Reason::too_old, true, log_start};
  return {Reason::newer_rows, false, at};
}

void PartitionStore::restore(std::span<const Change> records, int64_t next_offset, int64_t wall_ms) {
  batch_.assign(records.begin(), records.end());
  sort_unique_changes(batch_);
  // One byte or none is no key of a changelog: the local row must not be written over.
  for (const Change& row : batch_)
    if (row.key.size() < 2) throw CorruptState("the changelog topic holds a record that is not a row");
  write_batch(next_offset, wall_ms);
}

void PartitionStore::finish_restore() {
  for (size_t op = 1; op < operators_.size(); ++op) {
    const char key[2] = {kMetaPrefix, static_cast<char>(op)};
    const auto found = backend_->get({key, 2});
    if (!found) continue;
    Operator& state = op_state(static_cast<uint8_t>(op));
    state.committed = decode_meta(*found);
    state.current = state.committed;
    state.has_committed = true;
  }
}

void PartitionStore::wipe(const std::string& why) {
  wiped_ = why;
  overlay_.clear(keep_bytes());
  for (std::unique_ptr<Operator>& op : operators_) {
    if (!op) continue;
    op->current = op->committed = Meta();
    op->has_committed = false;
  }
  backend_.reset();
  if (environment_ == nullptr) {
    backend_ = make_memory_backend();
    changelog_offset_.reset();
    return;
  }
  environment_->wipe(directory_);
  open_database();
}

size_t PartitionStore::keep_bytes() const { return backend_ ? backend_->memory_share() / 8 : 0; }

void PartitionStore::mark(Mark mark) {
  if (!partition_dir_.empty()) write_mark(partition_dir_, mark);
}

void PartitionStore::begin_restore() {
  is_restoring_ = true;
  mark({Mark::Kind::restoring});
}

void PartitionStore::end_restore() {
  if (!is_restoring_) return;
  is_restoring_ = false;
  mark({Mark::Kind::working});
}

void PartitionStore::close() {
  if (!backend_) return;
  backend_->flush();
  backend_.reset();
  if (!is_restoring_) mark({Mark::Kind::complete, changelog_offset_.value_or(-1)});
}

void PartitionStore::leave() {
  backend_.reset();
  if (wiped_.empty()) mark(found_);
}

}  // namespace kutils::state
