// A file system for databases whose truth lies elsewhere: what is written is not forced to the disk.
//
// A kill loses nothing of it, the kernel has it. A machine that loses its power may: then the database is
// older, or it does not open or a checksum does not hold (CorruptState), and its state is restored from the
// changelog, which Kafka's replicas keep. In exchange nobody waits for the disk in the midst of a transaction
// or a restore.
#pragma once

#include <rocksdb/env.h>

#include <memory>

namespace kutils::state {

std::unique_ptr<rocksdb::Env> make_unsynced_env();

}  // namespace kutils::state
