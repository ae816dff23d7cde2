#include "flow/aggregate/combined.h"

#include <algorithm>
#include <utility>

#include "flow/aggregate/apart_emitter.h"

namespace kutils::flow {
namespace {

enum Flag : uint8_t { kTextKey = 1, kSources = 2, kSession = 4 };
enum SourceFlag : uint8_t { kNullKey = 1, kOwnKey = 2, kOwnTimestamp = 4, kHeaders = 8 };

RecordError broken() {
  return {
      Reason::bad_codec,
      "not the combined records of a group: another program than this group's tool wrote to its internal topic"};
}

}  // namespace

void encode_combined(const AggregateSet& front, bool key_is_text, uint64_t records, const char* state,
                     bool with_sources, std::string& out) {
  out.push_back(static_cast<char>((key_is_text ? kTextKey : 0) | (with_sources ? kSources : 0)));
  put_varint(out, records);
  front.encode(state, out);
}

void encode_combined(const AggregateSet& front, bool key_is_text, uint64_t records, const char* state,
                     int64_t time, const SessionSpan& span, std::string& out) {
  out.push_back(static_cast<char>((key_is_text ? kTextKey : 0) | kSession));
  put_varint(out, records);
  front.encode(state, out);
  put_signed(out, span.first - time);
  put_varint(out, static_cast<uint64_t>(span.last - span.first));
}

size_t source_size(const Record& record) {
  size_t size = 16 + record.key.size() + record.value.size();
  for (const Header& header : record.headers) size += 4 + header.name.size() + header.value.size();
  return size;
}

void append_source(const Record& record, const GroupedRecord& grouped, int64_t offset_before,
                   int64_t time_before, std::string& out) {
  const bool has_own_key = !record.key.is_null() && record.key.view() != grouped.key;
  const bool has_own_timestamp = record.timestamp != grouped.time;
  out.push_back(static_cast<char>((record.key.is_null() ? kNullKey : 0) | (has_own_key ? kOwnKey : 0) |
                                  (has_own_timestamp ? kOwnTimestamp : 0) |
                                  (record.headers.empty() ? 0 : kHeaders)));
  put_varint(out, static_cast<uint64_t>(record.offset - offset_before));
  put_signed(out, grouped.time - time_before);
  if (has_own_key) put_bytes(out, record.key.view());
  if (has_own_timestamp) put_signed(out, record.timestamp);
  put_bytes(out, record.value.view());
  if (!record.headers.empty()) {
    put_varint(out, record.headers.size());
    for (const Header& header : record.headers) {
      put_bytes(out, header.name);
      out.push_back(header.value.is_null() ? 0 : 1);
      if (!header.value.is_null()) put_bytes(out, header.value.view());
    }
  }
}

std::optional<RecordError> Combined::read(const Record& record) {
  front_.destroy(part_.get());
  front_.init(part_.get());
  Reader in(record.value.view());
  const uint8_t flags = in.byte();
  key_is_text_ = (flags & kTextKey) != 0;
  has_sources_ = (flags & kSources) != 0;
  records_ = in.varint();
  front_.decode(part_.get(), in);
  session_.reset();
  if ((flags & kSession) != 0) {
    const int64_t first = record.timestamp + in.signed_varint();
    session_ = SessionSpan{first, first + static_cast<int64_t>(in.varint())};
  }
  reach_ = has_sources_ ? in.real() : 0;
  sources_ = in.rest();
  if (in.ok() && sources_.empty() == !has_sources_ && !record.key.is_null()) return std::nullopt;
  return broken();
}

std::optional<RecordError> Combined::can_merge(const char* state) const {
  if (!set_.may_refuse()) return std::nullopt;
  std::fill(risks_.begin(), risks_.end(), MergeRisk{reach_, 0});
  set_.add_risks(state, risks_);
  front_.add_risks(part_.get(), risks_);
  if (std::all_of(risks_.begin(), risks_.end(), [](const MergeRisk& risk) { return risk.is_none(); }))
    return std::nullopt;
  if (has_sources_) return RecordError{Reason::overflow, "each record of its own is to be judged"};
  std::string bytes;
  set_.encode(state, bytes);
  OwnedState copy(set_);
  Reader in(bytes);
  set_.decode(copy.get(), in);
  auto refused = set_.merge_front(copy.get(), front_, part_.get());
  if (refused && records_ > 1)
    refused->message +=
        " (with " + std::to_string(records_) + " records combined; --no-combine processes each by itself)";
  return refused;
}

void Combined::merge(char* state) const { (void)set_.merge_front(state, front_, part_.get()); }

std::optional<RecordError> Combined::for_each_source(
    const Record& first, std::string_view group,
    const std::function<void(const Record& source, int64_t time)>& each) const {
  std::vector<Header> headers;
  Record source = first;
  int64_t time = 0;
  Reader in(sources_);
  for (uint64_t n = 0; n < records_; ++n) {
    const uint8_t flags = in.byte();
    source.offset += static_cast<int64_t>(in.varint());
    time += in.signed_varint();
    source.key =
        (flags & kNullKey) != 0 ? MaybeBytes() : MaybeBytes((flags & kOwnKey) != 0 ? in.bytes() : group);
    source.timestamp = (flags & kOwnTimestamp) != 0 ? in.signed_varint() : time;
    source.value = MaybeBytes(in.bytes());
    headers.clear();
    for (uint64_t left = (flags & kHeaders) != 0 ? in.varint() : 0; left > 0 && in.ok(); --left) {
      const std::string_view name = in.bytes();
      headers.push_back({name, in.byte() != 0 ? MaybeBytes(in.bytes()) : MaybeBytes()});
    }
    source.headers = headers;
    if (!in.ok()) return broken();
    each(source, time);
  }
  if (!in.at_end()) return broken();
  return std::nullopt;
}

void take_apart(const Record& whole, const GroupedRecord& grouped, RecordReader& reader, Emitter& out,
                const std::function<void(const Record& one, Emitter& out)>& process) {
  ApartEmitter apart(whole, grouped, out);
  if (auto broken = reader.read_apart(whole, [&](const Record& one) { process(one, apart); }))
    out.fail(whole, std::move(*broken));
}

}  // namespace kutils::flow
