#include "state/stored_partition.h"

#include "base/fs.h"
#include "base/varint.h"
#include "state/layout.h"
#include "state/state_error.h"
#include "state/state_format.h"

namespace kutils::state {

StoredPartition::StoredPartition(StateEnvironment& environment, const std::string& partition_dir) {
  // Held until all files are open: from then on they stay readable, and the tool may start again.
  const auto lock = PartitionLock::try_read(partition_dir);
  if (!lock) throw StateInUse(partition_dir);
  const Mark mark = read_mark(partition_dir);
  if (mark.kind == Mark::Kind::restoring)
    incomplete_ = "it was being restored from its changelog when the tool ended";
  if (mark.kind == Mark::Kind::working)
    incomplete_ = "the tool was killed, or could not write it: newer rows may be in the changelog only";
  // A directory that replaced another, and was not used since.
  if (mark.kind == Mark::Kind::none && !file_exists(database_directory(partition_dir)))
    incomplete_ = "it was not restored from its changelog yet";
  if (!incomplete_.empty() && !file_exists(database_directory(partition_dir) + "/CURRENT")) return;
  backend_ = environment.open_read_only(database_directory(partition_dir));
  const auto local = backend_->get(kLocalRowKey);
  const auto cursor = backend_->cursor();
  cursor->seek({});
  const auto older = [&] {
    return CorruptState("the state in " + partition_dir +
                        " was changed after the tool wrote it: files are truncated or older");
  };
  if (!cursor->valid()) {  // nothing was ever committed
    if (mark.kind == Mark::Kind::complete && mark.changelog_offset >= 0) throw older();
    return;
  }
  if (!local) throw CorruptState("the state in " + partition_dir + " lacks its changelog offset");
  Reader in(*local);
  const uint8_t version = in.byte();
  if (!is_readable_format(version))
    throw Error(ExitCode::usage,
                "the state in " + partition_dir + " has format version " + std::to_string(version) +
                    ", this kquery reads " + std::to_string(kFormatVersion),
                "use the kquery of the kutils that wrote it");
  changelog_offset_ = in.signed_varint();
  applied_wall_ms_ = in.signed_varint();
  if (!in.ok() || !in.at_end()) throw CorruptState("the state in " + partition_dir + " is broken");
  if (mark.kind == Mark::Kind::complete && mark.changelog_offset != changelog_offset_) throw older();
  metas_ = read_meta_rows(*cursor);
}

bool is_damaged(StateEnvironment& environment, const std::string& partition_dir) {
  try {
    StoredPartition(environment, partition_dir);
    return false;
  } catch (const StateInUse&) {
    return false;
  } catch (const Error&) {
    return true;
  }
}

}  // namespace kutils::state
