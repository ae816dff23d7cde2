#include <string>
#include <unordered_map>
#include <vector>

#include "flow/table/no_key.h"
#include "flow/table/table_stage.h"

namespace kutils::flow {
namespace {

class LatestValues final : public Stage {
 public:
  explicit LatestValues(std::unique_ptr<Stage> inner) : inner_(std::move(inner)) {}

  void process(const Record& record, Emitter& out) override {
    if (record.key.is_null()) return out.fail(record, no_row_key());
    const auto [found, is_new] = rows_.try_emplace(std::string(record.key.view()), kept_.size());
    if (is_new) kept_.emplace_back();
    Kept& row = kept_[found->second];
    if (record.value.is_null()) {
      row.exists = false;
      return out.drop(record, DropReason::tombstone);
    }
    row.exists = true;
    row.value = record.value.view();
    row.topic = record.topic;
    row.record = record;
    row.record.key = std::string_view(found->first);  // nodes of the map stay where they are
    row.headers.clear();
    for (const Header& header : record.headers) {
      row.headers.push_back(
          {std::string(header.name), header.value.is_null(), std::string(header.value.view())});
    }
  }
  void close(Emitter& out) override {
    std::vector<Header> headers;
    for (Kept& row : kept_) {
      if (!row.exists) continue;
      headers.clear();
      for (const auto& header : row.headers) {
        headers.push_back(
            {header.name, header.is_null ? MaybeBytes() : MaybeBytes(std::string_view(header.value))});
      }
      row.record.value = std::string_view(row.value);
      row.record.topic = row.topic;
      row.record.headers = headers;
      inner_->process(row.record, out);
    }
    inner_->flush(out);
    inner_->close(out);
  }

 private:
  struct KeptHeader {
    std::string name;
    bool is_null;
    std::string value;
  };
  // Its views are set again when it is shown.
  struct Kept {
    bool exists = false;
    Record record;
    std::string value;
    std::string topic;
    std::vector<KeptHeader> headers;
  };
  std::unique_ptr<Stage> inner_;
  std::unordered_map<std::string, size_t> rows_;
  std::vector<Kept> kept_;  // in the order of the keys' first records
};

}  // namespace

std::unique_ptr<Stage> make_latest_values(std::unique_ptr<Stage> inner) {
  return std::make_unique<LatestValues>(std::move(inner));
}

}  // namespace kutils::flow
