#include "kquery/running_group.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "flow/membership/served_at.h"
#include "kafka/kafka_error.h"
#include "support/catch.h"

using namespace kutils;
using namespace kutils::kquery;

namespace {

using serve::HttpReply;
using serve::LiveTables;

constexpr Millis kPatience{1000};

// Processes with partitions of topic `t` of group `g`, each partition with a row of its number; key "kN" is in N.
class Group {
 public:
  explicit Group(int partitions) : partitions_(partitions) {}
  // What holds, and what the commits say.
  std::map<int, std::string> owner, committed;
  std::set<std::string> dead;
  std::function<void(int64_t ms)> when;  // called when time has passed
  int asked = 0;
  bool keys_anywhere = false;

  RunningGroup running() {
    return {"g",
            "table",
            {[this] { return commits(); },
             [this](const serve::HttpAddress& at, const std::string& path, const Parameters& question) {
               CHECK(path == "/table/table");
               return answer(to_string(at), question);
             },
             clock_,
             [this](Millis wait) {
               clock_.advance(wait);
               if (when) when(clock_.steady_us() / 1000);
             }},
            kPatience};
  }
  void give(int partition, const std::string& to) { owner[partition] = committed[partition] = to; }

 private:
  std::vector<kafka::PartitionOffset> commits() const {
    std::vector<kafka::PartitionOffset> out;
    for (const auto& [partition, at] : committed)
      out.push_back({{"t", partition}, 1, flow::with_served_at("kutils1", at)});
    return out;
  }
  HttpReply answer(const std::string& at, const Parameters& question) {
    ++asked;
    if (dead.contains(at)) throw Error(ExitCode::connection, "no answer from http://" + at);
    std::set<int> wanted;
    std::string key;
    bool names_all = false, of_group = false;
    for (const auto& [name, value] : question) {
      if (name == "key") key = value;
      if (name == "group") of_group = value == "g";
      if (name == "partition" && value == "all") names_all = true;
      if (name == "partition" && value != "all") wanted.insert(std::stoi(value));
      if (name == "at") return {400, HttpReply().type, "not of a table\nleave it out\n"};
    }
    REQUIRE(of_group);
    if (names_all && !key.empty() && !keys_anywhere) wanted.insert(std::stoi(key.substr(1)));
    if (names_all && wanted.empty())
      for (int i = 0; i < partitions_; ++i) wanted.insert(i);
    std::string lines;
    for (const int partition : wanted) {
      const auto has = owner.find(partition);
      if (has == owner.end() || has->second != at) {
        serve::Elsewhere where{"t", {}};
        for (const int one : wanted) where.partitions.push_back(one);
        return {LiveTables::kElsewhere, "application/json", to_json(where, "elsewhere")};
      }
      if (key.empty() || key == "k" + std::to_string(partition)) lines += std::to_string(partition) + "\n";
    }
    return {lines.empty() ? 404 : 200, LiveTables::kLines, lines};
  }

  const int partitions_;
  ManualClock clock_;
};

}  // namespace

TEST_CASE("running group: a key is asked of its owner, all rows of all instances, in the partitions' order") {
  Group group(4);
  for (int i = 0; i < 4; ++i) group.give(i, i % 2 == 0 ? "a:1" : "b:2");
  CHECK(group.running().ask({}).lines == "0\n1\n2\n3\n");
  group.asked = 0;
  const auto rows = group.running().ask({{"key", "k3"}});
  CHECK(rows.lines == "3\n");
  CHECK_FALSE(rows.any_missing);
  CHECK(group.asked == 2);  // the first one says whose it is
  group.asked = 0;
  CHECK(group.running().ask({{"key", "k0"}}).lines == "0\n");
  CHECK(group.asked == 1);
  // Where nobody knows the key's partition.
  group.keys_anywhere = true;
  CHECK(group.running().ask({{"key", "k2"}}).lines == "2\n");
  const auto none = group.running().ask({{"key", "k9"}});
  CHECK(none.lines.empty());
  CHECK(none.any_missing);
  CHECK(none.unreached.empty());
}

TEST_CASE("running group: a partition that moves is asked again where the commits say, until it answers") {
  Group group(3);
  for (int i = 0; i < 3; ++i) group.give(i, i < 2 ? "a:1" : "b:2");
  // It has left, and nobody has it; then b has it, and commits.
  group.owner.erase(1);
  group.when = [&](int64_t ms) {
    if (ms >= 400) group.owner[1] = "b:2";
    if (ms >= 700) group.committed[1] = "b:2";
  };
  const auto rows = group.running().ask({});
  CHECK(rows.lines == "0\n1\n2\n");
  CHECK(rows.unreached.empty());
  CHECK_FALSE(rows.any_missing);
}

TEST_CASE("running group: what cannot be reached is named, beside the rows of the others") {
  Group group(3);
  for (int i = 0; i < 3; ++i) group.give(i, i < 2 ? "a:1" : "b:2");
  group.dead.insert("a:1");
  auto rows = group.running().ask({});
  CHECK(rows.lines == "2\n");
  CHECK(rows.unreached == std::vector<std::string>{"partition 0 of t: no answer from http://a:1",
                                                   "partition 1 of t: no answer from http://a:1"});
  rows = group.running().ask({{"key", "k1"}});
  CHECK(rows.lines.empty());
  CHECK(rows.unreached.size() == 1);
  CHECK(group.running().ask({{"key", "k2"}}).unreached.empty());
  // It says nothing of itself.
  group.committed.erase(0);
  group.committed.erase(1);
  rows = group.running().ask({});
  REQUIRE(rows.unreached.size() == 2);
  CHECK(rows.unreached[0] == "partition 0 of t: its instance does not say where it can be asked (--http)");
  group.dead.insert("b:2");
  CHECK_THROWS_WITH(group.running().ask({}), "no answer from http://b:2");
}

TEST_CASE("running group: a question that is refused is refused at once") {
  Group group(1);
  group.give(0, "a:1");
  CHECK_THROWS_WITH(group.running().ask({{"at", "now"}}), "a:1: not of a table");
  CHECK(group.asked == 1);
}
