// A piece on its way into the internal topic: what many records of a group come to (combined.h). One thread.
#pragma once

#include <charconv>
#include <cstdint>
#include <string_view>

#include "flow/tasks/piece_packer.h"
#include "flow/tasks/source_headers.h"
#include "flow/topology/stage.h"

namespace kutils::flow {

class PieceWriter {
 public:
  // `partition`, `offset`: of its first record. Throws where the topic does not take it.
  void write(int32_t partition, int64_t offset, std::string_view group, std::string_view value, int64_t time,
             Emitter& out) {
    char partition_text[16], offset_text[24];
    const Header headers[] = {{kSourcePartitionHeader, text(partition, partition_text)},
                              {kSourceOffsetHeader, text(offset, offset_text)},
                              {kCombinedHeader, std::string_view("1")}};
    Output output;
    output.key = group;
    output.value = value;
    output.headers = headers;
    output.timestamp = time;
    output.keeps_key = false;
    out.emit(nullptr, output);
    if (out.refused()) throw piece_refused();
  }

 private:
  template <size_t N>
  static std::string_view text(int64_t number, char (&to)[N]) {
    return {to, static_cast<size_t>(std::to_chars(to, to + N, number).ptr - to)};
  }
};

}  // namespace kutils::flow
