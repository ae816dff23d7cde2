// Pieces on their way into an internal topic: what many records of a group come to (aggregate/combine_stage.h).
// Those that follow each other into one of its partitions are written there as one record, a pack, for a record's
// way costs more than what is in it. Behind the topic each is what it would have been alone (aggregate/unpack.h).
//
//   pack := (key:bytes offset:signed time:signed value:bytes)...
//           `offset` is the distance from the pack's source offset, which is that of its first piece; `time` that
//           from the piece before, of the first from 0
//
// A pack has no key, the headers of its first piece, and the largest of its pieces' times; they are of one source
// partition. kutils-state(5) has the grammar. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "data/record.h"

namespace kutils::flow {

// Where the topic does not take a piece by itself.
Error piece_refused();

class PiecePacker {
 public:
  // False: the topic takes no record of this size, and nothing was written.
  using Write = std::function<bool(const Output&)>;

  // `partitions`: of the internal topic.
  explicit PiecePacker(int32_t partitions);

  // No record is its origin, and it says by its headers where it is from and that it is one. A single record that a commit made in
  // front has no origin either.
  static bool is_piece(const Record* origin, const Output& output);
  // Into a pack for output.partition. What is full, and a piece that is too large for a pack, goes to `write`; a
  // pack that is refused again in smaller ones. False: a piece by itself was refused. REQUIRES: is_piece().
  [[nodiscard]] bool add(const Output& piece, const Write& write);
  // All packs, in the order of their partitions. False as above.
  [[nodiscard]] bool write_all(const Write& write);
  void forget();

 private:
  struct Pack {
    std::string bytes;  // empty: there is none
    std::string source, mark_name, mark;
    int64_t offset = 0;
    int64_t last_time = 0;
    int64_t largest_time = 0;
  };
  bool write_one(size_t partition, const Write& write);
  bool write_smaller(const Pack& pack, size_t partition, const Write& write);

  size_t most_;              // bytes of a pack: what the topic has taken so far
  std::vector<Pack> packs_;  // by partition
  bool any_ = false;
};

}  // namespace kutils::flow
