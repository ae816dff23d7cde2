#include <map>
#include <string>

#include "state/backend.h"

namespace kutils::state {
namespace {

using Rows = std::map<std::string, std::string, std::less<>>;

class MemoryCursor final : public Cursor {
 public:
  explicit MemoryCursor(const Rows& rows) : rows_(rows), at_(rows.end()) {}
  void seek(std::string_view key) override { at_ = rows_.lower_bound(key); }
  bool valid() override { return at_ != rows_.end(); }
  void next() override { ++at_; }
  std::string_view key() const override { return at_->first; }
  std::string_view value() const override { return at_->second; }

 private:
  const Rows& rows_;
  Rows::const_iterator at_;
};

class MemoryBackend final : public Backend {
 public:
  std::optional<std::string_view> get(std::string_view key) override {
    const auto found = rows_.find(key);
    if (found == rows_.end()) return std::nullopt;
    return found->second;
  }
  std::unique_ptr<Cursor> cursor() override { return std::make_unique<MemoryCursor>(rows_); }
  void write(std::span<const Change> changes) override {
    for (const Change& change : changes) {
      const auto found = rows_.find(change.key);
      if (change.value.is_null()) {
        if (found != rows_.end()) rows_.erase(found);
      } else if (found != rows_.end()) {
        found->second = change.value.view();
      } else {
        rows_.emplace(change.key, change.value.view());
      }
    }
  }
  void flush() override {}
  bool in_memory() const override { return true; }
  uint64_t approximate_rows() override { return rows_.size(); }

 private:
  Rows rows_;
};

}  // namespace

std::unique_ptr<Backend> make_memory_backend() { return std::make_unique<MemoryBackend>(); }

}  // namespace kutils::state
