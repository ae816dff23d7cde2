#include <string>
#include <unordered_map>
#include <vector>

#include "flow/table/table_stage.h"

namespace kutils::flow {
namespace {

class LatestValues final : public Stage {
 public:
  void process(const Record& record, Emitter& out) override {
    if (record.key.is_null()) return out.fail(record, {Reason::no_key, "a table's record needs a key"});
    const auto [found, is_new] = rows_.try_emplace(std::string(record.key.view()), kept_.size());
    if (is_new) kept_.emplace_back();
    Kept& row = kept_[found->second];
    if (record.value.is_null()) {
      row.exists = false;
      return out.drop(record, DropReason::tombstone);
    }
    row.exists = true;
    row.key = &found->first;
    row.value = record.value.view();
    row.timestamp = record.timestamp;
    row.headers.clear();
    for (const Header& header : record.headers) {
      row.headers.push_back(
          {std::string(header.name), header.value.is_null(), std::string(header.value.view())});
    }
  }
  void close(Emitter& out) override {
    std::vector<Header> headers;
    for (const Kept& row : kept_) {
      if (!row.exists) continue;
      headers.clear();
      for (const auto& header : row.headers) {
        headers.push_back(
            {header.name, header.is_null ? MaybeBytes() : MaybeBytes(std::string_view(header.value))});
      }
      Output output;
      output.key = std::string_view(*row.key);
      output.value = std::string_view(row.value);
      output.headers = headers;
      output.timestamp = row.timestamp;
      out.emit(nullptr, output);
    }
  }

 private:
  struct KeptHeader {
    std::string name;
    bool is_null;
    std::string value;
  };
  struct Kept {
    bool exists = false;
    const std::string* key = nullptr;  // in rows_, whose nodes stay where they are
    std::string value;
    int64_t timestamp = 0;
    std::vector<KeptHeader> headers;
  };
  std::unordered_map<std::string, size_t> rows_;
  std::vector<Kept> kept_;  // in the order of the keys' first records
};

}  // namespace

std::unique_ptr<Stage> make_latest_values() { return std::make_unique<LatestValues>(); }

}  // namespace kutils::flow
