// Rows of a table from the instances of its group that run. Who has which partition, and where that process is
// asked (--http), stands in the group's commits (flow/membership/served_at.h). The key's partition is known to
// whoever is asked first: it answers, or says in which partitions the answer lies.
//
// A partition that moves is with nobody for a moment: the commits are read again, and its owner is asked again,
// for some seconds.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "kafka/cluster_admin.h"
#include "serve/http.h"
#include "serve/live_tables.h"

namespace kutils::kquery {

// The group that keeps `table`, runs, and has instances that can be asked; `table` is its output topic or its name.
// nullopt: there is none. Throws Error(usage) if there are several; KafkaError.
std::optional<std::string> find_running_group(kafka::ClusterAdmin& admin, const std::string& table,
                                              const std::optional<std::string>& group);

using Parameters = std::vector<std::pair<std::string, std::string>>;  // of a request

class RunningGroup {
 public:
  struct Ways {
    std::function<std::vector<kafka::PartitionOffset>()> commits;  // what the group has committed, now
    // Throws Error(connection) if nobody answers there.
    std::function<serve::HttpReply(const serve::HttpAddress&, const std::string& path, const Parameters&)>
        get;
    const Clock& clock;
    std::function<void(Millis)> pause;
  };
  // `time_out`: how long after the last answer an owner is looked for.
  RunningGroup(std::string group, std::string table, Ways ways, Millis time_out);

  struct Rows {
    std::string lines;         // JSON objects
    bool any_missing = false;  // the partitions that answered have no row of the key, or of the prefix
    std::vector<std::string> unreached;  // a line for each partition that did not answer: which, and why
  };
  // `question`: parameters of /table/TABLE. Throws Error(usage) as the instance refuses it; Error(connection) if no
  // instance answers at all.
  Rows ask(const Parameters& question);

 private:
  const std::map<kutils::TopicPartition, serve::HttpAddress>& owners();  // read again
  // In whose partitions the answer lies; or the answer, where the first that was asked has all of it.
  std::optional<serve::Elsewhere> locate(const Parameters& question, Rows& rows);
  // Empty: it is in `rows`. Else why not now.
  std::string ask_owner(const serve::HttpAddress& owner, Parameters question, const std::string& topic,
                        int32_t partition, Rows& rows);
  serve::HttpReply get(const serve::HttpAddress& at, Parameters question);

  const std::string group_, table_;
  const Ways ways_;
  const int64_t time_out_us_;
  std::map<kutils::TopicPartition, serve::HttpAddress> owners_;  // as last read
};

}  // namespace kutils::kquery
