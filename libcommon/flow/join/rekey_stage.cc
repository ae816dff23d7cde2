#include "flow/join/rekey_stage.h"

#include <utility>
#include <vector>

#include "flow/join/join_key.h"
#include "flow/join/side.h"
#include "flow/tasks/source_headers.h"
#include "flow/topology/output_times.h"

namespace kutils::flow {
namespace {

class JoinRekey final : public Stage {
 public:
  explicit JoinRekey(const JoinKeys& keys)
      : right_topic_(keys.right_topic),
        left_(keys.left, keys.options),
        right_(keys.right, keys.options),
        source_(keys.tells_topic) {}

  void process(const Record& record, Emitter& out) override {
    if (record.value.is_null()) return out.drop(record, DropReason::tombstone);
    if (auto refused = times_.judge(record.timestamp, out)) return out.fail(record, std::move(*refused));
    const Side side = record.topic == right_topic_ ? Side::right : Side::left;
    const Result<MaybeBytes> key = (side == Side::right ? right_ : left_).read(record);
    if (!key) return out.fail(record, key.error());
    headers_.assign(record.headers.begin(), record.headers.end());
    source_.append(record, record.timestamp, key->is_null() ? std::string_view() : key->view(), headers_);
    headers_.push_back(side_header(side));
    Output output;
    output.key = *key;
    output.value = record.value;
    output.headers = headers_;
    output.timestamp = record.timestamp;
    output.keeps_key = false;
    out.emit(&record, output);
  }

 private:
  const std::string right_topic_;
  JoinKey left_, right_;
  SourceHeaders source_;
  OutputTimes times_;
  std::vector<Header> headers_;
};

}  // namespace

std::unique_ptr<Stage> make_join_rekey(const JoinKeys& keys) { return std::make_unique<JoinRekey>(keys); }

}  // namespace kutils::flow
