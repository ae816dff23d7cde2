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
      : is_self_(keys.is_self),
        right_topic_(keys.right_topic),
        left_(keys.left, keys.options),
        right_(keys.right, keys.options),
        source_(keys.tells_topic) {}

  void process(const Record& record, Emitter& out) override {
    if (record.value.is_null()) return out.drop(record, DropReason::tombstone);
    if (auto refused = times_.judge(record.timestamp, out)) return out.fail(record, std::move(*refused));
    if (!is_self_) return send(record, record.topic == right_topic_ ? Side::right : Side::left, out);
    // Both keys first: a record that fails has sent nothing.
    const Result<MaybeBytes> key = right_.read(record);
    if (!key) return out.fail(record, key.error());
    send(record, Side::left, out);
    if (!out.refused()) send(record, Side::right, out);
  }

 private:
  void send(const Record& record, Side side, Emitter& out) {
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

  const bool is_self_;
  const std::string right_topic_;
  JoinKey left_, right_;
  SourceHeaders source_;
  OutputTimes times_;
  std::vector<Header> headers_;
};

}  // namespace

std::unique_ptr<Stage> make_join_rekey(const JoinKeys& keys) { return std::make_unique<JoinRekey>(keys); }

}  // namespace kutils::flow
