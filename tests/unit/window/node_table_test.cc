// The table and the heap of KeyedRows against a map and a set.
#include "flow/aggregate/node_table.h"

#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "flow/aggregate/due_heap.h"
#include "support/catch.h"

using kutils::flow::DueHeap;
using kutils::flow::NodeTable;

namespace {

struct Node {
  std::string key;
  std::shared_ptr<int> value;  // counts how many nodes live
  int64_t due = 0;
  uint32_t hash = 0, number = 0, place = 0;
};
using Table = NodeTable<Node>;

}  // namespace

TEST_CASE("A table of nodes finds what was added and not erased, where it was", "[timers]") {
  const auto seed = GENERATE(range(0u, 100u));
  CAPTURE(seed);
  std::mt19937 random(seed);
  const unsigned keys = seed % 2 == 0 ? 40 : 4000;
  // Few hashes: most keys are not where they belong, and what is erased moves others.
  const unsigned hashes = seed % 3 == 0 ? 5 : 1U << 31U;
  const auto hash_of = [&](const std::string& key) { return Table::hash_of(key) % hashes; };
  const auto alive = std::make_shared<int>();
  std::map<std::string, Node*> naive;
  {
    Table table;
    for (int step = 0; step < 6000; ++step) {
      const std::string key = "key " + std::to_string(random() % keys);
      Node* const found = table.find(key, hash_of(key));
      const auto known = naive.find(key);
      REQUIRE(found == (known == naive.end() ? nullptr : known->second));
      if (found == nullptr) {
        Node& added = table.add(Node{key, alive}, hash_of(key));
        REQUIRE(added.key == key);
        naive[key] = &added;
      } else if (random() % 2 == 0) {
        table.erase(*found);
        naive.erase(known);
      }
      if (random() % 2000 == 0) {
        table.clear(random() % 2 == 0 ? 0 : 1 << 20);
        naive.clear();
      }
      REQUIRE(table.size() == naive.size());
      REQUIRE(static_cast<size_t>(alive.use_count()) == naive.size() + 1);
    }
    std::set<std::string> seen;
    table.for_each([&](const Node& node) { REQUIRE(seen.insert(node.key).second); });
    REQUIRE(seen.size() == naive.size());
    for (const auto& [key, node] : naive) REQUIRE(table.find(key, hash_of(key)) == node);
  }
  CHECK(alive.use_count() == 1);
}

TEST_CASE("The heap gives nodes in order of their times, then keys, whatever is taken out", "[timers]") {
  const auto seed = GENERATE(range(0u, 100u));
  CAPTURE(seed);
  std::mt19937 random(seed);
  const unsigned times = seed % 2 == 0 ? 3 : 1000;
  std::vector<Node> nodes(200);
  for (size_t i = 0; i < nodes.size(); ++i) nodes[i].key = std::to_string(i);
  DueHeap<Node> heap;
  std::set<std::pair<int64_t, std::string>> naive;
  for (int step = 0; step < 4000; ++step) {
    Node& node = nodes[random() % nodes.size()];
    if (naive.count({node.due, node.key}) > 0) {
      heap.erase(node);
      naive.erase({node.due, node.key});
    } else {
      node.due = static_cast<int64_t>(random() % times);
      heap.add(node);
      naive.emplace(node.due, node.key);
    }
    REQUIRE(heap.empty() == naive.empty());
    if (naive.empty()) continue;
    REQUIRE(heap.next_due() == naive.begin()->first);
    REQUIRE(heap.next().key == naive.begin()->second);
  }
  for (; !naive.empty(); naive.erase(naive.begin())) {
    REQUIRE(heap.next().key == naive.begin()->second);
    heap.erase(heap.next());
  }
  CHECK(heap.empty());
}
