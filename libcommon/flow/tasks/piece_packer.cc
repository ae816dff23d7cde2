#include "flow/tasks/piece_packer.h"

#include <algorithm>
#include <charconv>

#include "base/varint.h"
#include "flow/tasks/source_headers.h"

namespace kutils::flow {
namespace {

constexpr size_t kPackBytes = size_t{4} << 10;  // small beside most topics' limits
constexpr size_t kHeaders = 3;  // source partition, source offset, what says that it is a piece

int64_t number_of(const Header& header) {
  const std::string_view text = header.value.view();
  int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace

Error piece_refused() {
  return {ExitCode::bad_record, "the combined records of one group are too large for the internal topic",
          "raise max.message.bytes of the internal topic, or use --no-combine"};
}

PiecePacker::PiecePacker(int32_t partitions) : most_(kPackBytes), packs_(static_cast<size_t>(partitions)) {}

bool PiecePacker::is_piece(const Record* origin, const Output& output) {
  return !origin && output.headers.size() == kHeaders && !output.key.is_null() && !output.value.is_null() &&
         output.headers[0].name == kSourcePartitionHeader && output.headers[1].name == kSourceOffsetHeader &&
         output.headers[2].name == kCombinedHeader;
}

bool PiecePacker::add(const Output& piece, const Write& write) {
  const auto partition = static_cast<size_t>(piece.partition);
  Pack& pack = packs_[partition];
  const size_t size = piece.key.size() + piece.value.size();
  const std::string_view source = piece.headers[0].value.view();
  const bool goes_alone = size > most_ / 2;
  // What was before it goes first.
  if ((goes_alone || pack.bytes.size() + size > most_ || pack.source != source) &&
      !write_one(partition, write))
    return false;
  if (goes_alone) return write(piece);
  const int64_t offset = number_of(piece.headers[1]);
  if (pack.bytes.empty()) {
    any_ = true;
    pack.source = source;
    pack.mark_name = piece.headers[2].name;
    pack.mark = piece.headers[2].value.view();
    pack.offset = offset;
    pack.last_time = 0;
    pack.largest_time = piece.timestamp;
  }
  put_bytes(pack.bytes, piece.key.view());
  put_signed(pack.bytes, offset - pack.offset);
  put_signed(pack.bytes, piece.timestamp - pack.last_time);
  put_bytes(pack.bytes, piece.value.view());
  pack.last_time = piece.timestamp;
  pack.largest_time = std::max(pack.largest_time, piece.timestamp);
  return true;
}

bool PiecePacker::write_all(const Write& write) {
  if (!any_) return true;
  for (size_t partition = 0; partition < packs_.size(); ++partition)
    if (!write_one(partition, write)) return false;
  any_ = false;
  return true;
}

bool PiecePacker::write_one(size_t partition, const Write& write) {
  Pack& pack = packs_[partition];
  if (pack.bytes.empty()) return true;
  const std::string offset = std::to_string(pack.offset);
  const Header headers[kHeaders] = {{kSourcePartitionHeader, std::string_view(pack.source)},
                                    {kSourceOffsetHeader, std::string_view(offset)},
                                    {pack.mark_name, std::string_view(pack.mark)}};
  Output output;
  output.value = std::string_view(pack.bytes);
  output.headers = headers;
  output.timestamp = pack.largest_time;
  output.keeps_key = false;
  output.partition = static_cast<int32_t>(partition);
  const bool is_written = write(output);
  const Pack refused = is_written ? Pack() : pack;
  pack.bytes.clear();
  return is_written || write_smaller(refused, partition, write);
}

// The next ones are smaller, too.
bool PiecePacker::write_smaller(const Pack& pack, size_t partition, const Write& write) {
  most_ = std::min(most_, pack.bytes.size()) / 2;
  Output piece;
  piece.keeps_key = false;
  piece.partition = static_cast<int32_t>(partition);
  int64_t time = 0;
  for (Reader in(pack.bytes); !in.at_end();) {
    piece.key = MaybeBytes(in.bytes());
    const std::string offset = std::to_string(pack.offset + in.signed_varint());
    const Header headers[kHeaders] = {{kSourcePartitionHeader, std::string_view(pack.source)},
                                      {kSourceOffsetHeader, std::string_view(offset)},
                                      {pack.mark_name, std::string_view(pack.mark)}};
    piece.headers = headers;
    time += in.signed_varint();
    piece.timestamp = time;
    piece.value = MaybeBytes(in.bytes());
    if (!add(piece, write)) return false;
  }
  return write_one(partition, write);
}

void PiecePacker::forget() {
  if (!any_) return;
  for (Pack& pack : packs_) pack.bytes.clear();
  any_ = false;
}

}  // namespace kutils::flow
