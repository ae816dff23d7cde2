#include "flow/aggregate/combined.h"

#include <algorithm>

namespace kutils::flow {

void encode_combined(const AggregateSet& set, bool key_is_text, uint64_t records, const char* state,
                     std::string& out) {
  out.push_back(key_is_text ? 1 : 0);
  put_varint(out, records);
  set.encode(state, out);
}

std::optional<RecordError> Combined::read(const Record& record) {
  part_ = OwnedState(set_);
  Reader in(record.value.view());
  key_is_text_ = (in.byte() & 1) != 0;
  records_ = in.varint();
  set_.decode(part_.get(), in);
  if (in.ok() && in.at_end() && !record.key.is_null()) return std::nullopt;
  return RecordError{
      Reason::bad_codec,
      "not the combined records of a group: something else than this group's tool wrote to its internal topic"};
}

std::optional<RecordError> Combined::can_merge(const char* state) const {
  if (!set_.may_refuse()) return std::nullopt;
  std::vector<MergeRisk> risks(set_.items().size());
  set_.add_risks(state, risks);
  set_.add_risks(part_.get(), risks);
  if (std::all_of(risks.begin(), risks.end(), [](const MergeRisk& risk) { return risk.is_none(); }))
    return std::nullopt;
  std::string bytes;
  set_.encode(state, bytes);
  OwnedState copy(set_);
  Reader in(bytes);
  set_.decode(copy.get(), in);
  auto refused = set_.merge(copy.get(), part_.get());
  if (refused && records_ > 1)
    refused->message +=
        " (with " + std::to_string(records_) + " records together; --no-combine has them apart)";
  return refused;
}

void Combined::merge(char* state) const { (void)set_.merge(state, part_.get()); }

}  // namespace kutils::flow
