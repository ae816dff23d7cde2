#include "state/meta.h"

#include "base/varint.h"
#include "state/backend.h"
#include "state/state_error.h"
#include "state/state_format.h"

namespace kutils::state {

const InputPosition* Meta::find_position(std::string_view topic, int32_t partition) const {
  for (const InputPosition& p : positions)
    if (p.partition == partition && p.topic == topic) return &p;
  return nullptr;
}

std::optional<int64_t> Meta::position(std::string_view topic, int32_t partition) const {
  const InputPosition* found = find_position(topic, partition);
  return found ? std::optional<int64_t>(found->offset) : std::nullopt;
}

void Meta::set_position(std::string_view topic, int32_t partition, int64_t offset) {
  for (InputPosition& p : positions) {
    if (p.partition == partition && p.topic == topic) {
      p.offset = offset;
      return;
    }
  }
  positions.push_back({std::string(topic), partition, offset});
}

void Meta::set_last_record(std::string_view topic, int32_t partition, int64_t offset, uint64_t digest) {
  for (InputPosition& p : positions) {
    if (p.partition != partition || p.topic != topic) continue;
    p.last_offset = offset;
    p.last_digest = digest;
  }
}

void encode_meta(const Meta& meta, std::string& out) {
  out.push_back(static_cast<char>(kFormatVersion));
  put_bytes(out, meta.fingerprint);
  put_bytes(out, meta.description);
  put_signed(out, meta.input_partitions);
  put_signed(out, meta.last_wall_ms);
  put_varint(out, meta.positions.size());
  for (const InputPosition& p : meta.positions) {
    put_bytes(out, p.topic);
    put_signed(out, p.partition);
    put_signed(out, p.offset);
  }
  put_signed(out, meta.times.stream_time);
  put_varint(out, meta.times.sources.size());
  for (const SourceTime& s : meta.times.sources) {
    put_signed(out, s.source);
    put_signed(out, s.time);
  }
  put_bytes(out, meta.lineage);
  for (const InputPosition& p : meta.positions) {
    put_signed(out, p.last_offset);
    put_varint(out, p.last_digest);
  }
}

Meta decode_meta(std::string_view bytes) {
  Reader in(bytes);
  const uint8_t version = in.byte();
  if (in.ok() && !is_readable_format(version))
    throw usage_error("the state was written in format " + std::to_string(version) +
                          ", this kutils reads format " + std::to_string(kFormatVersion),
                      "use the kutils that wrote it, or name another group with -g");
  Meta meta;
  meta.fingerprint = in.bytes();
  meta.description = in.bytes();
  meta.input_partitions = static_cast<int32_t>(in.signed_varint());
  meta.last_wall_ms = in.signed_varint();
  for (uint64_t n = in.varint(); n > 0 && in.ok(); --n) {
    InputPosition p;
    p.topic = in.bytes();
    p.partition = static_cast<int32_t>(in.signed_varint());
    p.offset = in.signed_varint();
    meta.positions.push_back(std::move(p));
  }
  meta.times.stream_time = in.signed_varint();
  for (uint64_t n = in.varint(); n > 0 && in.ok(); --n) {
    SourceTime s;
    s.source = static_cast<int32_t>(in.signed_varint());
    s.time = in.signed_varint();
    meta.times.sources.push_back(s);
  }
  meta.lineage = in.bytes();
  for (InputPosition& p : meta.positions) {
    p.last_offset = in.signed_varint();
    p.last_digest = in.varint();
  }
  if (!in.ok() || !in.at_end()) throw CorruptState("the state's meta row is broken");
  return meta;
}

std::map<uint8_t, Meta> read_meta_rows(Cursor& rows) {
  std::map<uint8_t, Meta> metas;
  for (rows.seek({&kMetaPrefix, 1});
       rows.valid() && rows.key().substr(0, 1) == std::string_view(&kMetaPrefix, 1); rows.next()) {
    if (rows.key().size() != 2) continue;  // the local row
    metas.emplace(static_cast<uint8_t>(rows.key()[1]), decode_meta(rows.value()));
  }
  return metas;
}

Resume decide_resume(std::optional<int64_t> group_offset, std::optional<int64_t> meta_offset,
                     int64_t log_start, int64_t log_end) {
  using Action = Resume::Action;
  if (!meta_offset) {
    if (!group_offset) return {Action::start, log_start};
    return {Action::state_missing, *group_offset};
  }
  if (*meta_offset > log_end && (!group_offset || *group_offset < *meta_offset))
    return {Action::input_recreated, *meta_offset};
  if (group_offset && *group_offset != *meta_offset) return {Action::offsets_were_reset, *meta_offset};
  if (*meta_offset > log_end) return {Action::input_recreated, *meta_offset};
  if (*meta_offset < log_start) return {Action::gap, log_start};
  return {Action::resume, *meta_offset};
}

}  // namespace kutils::state
