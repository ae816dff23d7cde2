// Behind an internal topic: the pieces of a pack (flow/tasks/piece_packer.h), each as the record that it would have
// been alone.
#pragma once

#include <functional>

#include "flow/aggregate/combined.h"

namespace kutils::flow {

inline bool is_pack(const Record& record) { return record.key.is_null() && is_combined(record); }

// Calls `process` with each piece. `grouped` is what `process` reads each into. REQUIRES: is_pack(pack).
void unpack(const Record& pack, const GroupedRecord& grouped, Emitter& out,
            const std::function<void(const Record& one, Emitter& out)>& process);

}  // namespace kutils::flow
