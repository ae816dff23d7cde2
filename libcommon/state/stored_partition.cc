#include "state/stored_partition.h"

#include "base/varint.h"
#include "state/layout.h"
#include "state/state_error.h"
#include "state/state_format.h"

namespace kutils::state {

StoredPartition::StoredPartition(StateEnvironment& environment, const std::string& partition_dir) {
  // Held until all files are open: from then on they stay readable, and the tool may start again.
  const auto lock = PartitionLock::try_read(partition_dir);
  if (!lock) throw StateInUse(partition_dir);
  backend_ = environment.open_read_only(database_directory(partition_dir));
  const auto local = backend_->get(kLocalRowKey);
  const auto cursor = backend_->cursor();
  cursor->seek({});
  if (!cursor->valid()) return;  // nothing was ever committed
  if (!local) throw CorruptState("the state in " + partition_dir + " does not say how far it reaches");
  Reader in(*local);
  const uint8_t version = in.byte();
  if (version != kFormatVersion)
    throw Error(ExitCode::usage,
                "the state in " + partition_dir + " has format version " + std::to_string(version) +
                    ", this kquery reads " + std::to_string(kFormatVersion),
                "use the kquery of the kutils that wrote it");
  changelog_offset_ = in.signed_varint();
  applied_wall_ms_ = in.signed_varint();
  if (!in.ok() || !in.at_end()) throw CorruptState("the state in " + partition_dir + " is broken");
  metas_ = read_meta_rows(*cursor);
}

}  // namespace kutils::state
