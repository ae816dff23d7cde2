// A source without a group that goes on and on, and ends where one of its topics turns out to be another one: deleted
// and recreated under the same name, and filled beyond the place that was read to. It would be read on from there,
// and its first records would be skipped without a word. (With a group: origins.h.)
//
// A topic cannot be recreated while its records come without a gap. After one, the last record before it is read
// again, beside the caller, at most once a second: it is what it was, or compaction or retention removed it, or the
// topic is another one. While nothing comes, it is read again every 10 s.
#pragma once

#include <memory>
#include <string>

#include "flow/run/run.h"
#include "flow/tasks/partition_state.h"
#include "io/source.h"

namespace kutils::flow {

// A record of a topic as it was when it was read.
struct KnownRecord {
  kafka::TopicPartition at;
  LastRecord record;
};

// What `around` refers to outlives it. `hint`: what to do when a topic is another one. `read_before`: of the
// topic, before `source` began; without an offset: nothing was.
std::unique_ptr<io::Source> make_known_topic_source(std::unique_ptr<io::Source> source,
                                                    const Environment& around, std::string hint,
                                                    KnownRecord read_before = {});

}  // namespace kutils::flow
