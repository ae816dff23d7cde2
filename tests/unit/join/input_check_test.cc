// Which placements of keys are refused.
#include "flow/join/input_check.h"

#include <random>

#include "base/murmur2.h"
#include "support/catch.h"

using namespace kutils;
using namespace kutils::flow;

namespace {

constexpr int32_t kPartitions = 4;

// `other`: where another partitioner might put a key.
std::vector<PlacedKey> keys(int first, int last, bool other = false) {
  std::vector<PlacedKey> placed;
  for (int i = first; i <= last; ++i) {
    const std::string key = "k" + std::to_string(i);
    placed.push_back({key, other ? i % kPartitions : murmur2_partition(key, kPartitions)});
  }
  return placed;
}

std::vector<PlacedKey> at_random(const std::string& prefix, int count, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<PlacedKey> placed;
  for (int i = 0; i < count; ++i)
    placed.push_back(
        {prefix + std::to_string(random() % 1000), static_cast<int32_t>(random() % kPartitions)});
  return placed;
}

const JoinInputs kInputs{"l", "r"};

std::string refused(const std::vector<PlacedKey>& left, const std::vector<PlacedKey>& right) {
  const Misplaced misplaced = judge_places(kInputs, kPartitions, left, right);
  std::string text;
  for (const std::string& topic : misplaced.topics) text += topic;
  CHECK(misplaced.what.empty() == misplaced.topics.empty());
  return text;
}

}  // namespace

TEST_CASE("equal keys in different partitions are refused, and the side that is to be moved is named",
          "[places]") {
  CHECK(refused(keys(1, 60), keys(1, 60, true)) == "r");
  CHECK(refused(keys(1, 60, true), keys(1, 60)) == "l");
  CHECK(refused({{"a", 0}}, {{"a", 1}}) == "lr");
  CHECK(judge_places(kInputs, kPartitions, {{"a", 0}}, {{"a", 1}}).what ==
        "equal keys are not in equal partitions: key 'a' is in partition 0 of l and in partition 1 of r");
  // Two partitioners, none of which is murmur2.
  std::vector<PlacedKey> third = keys(1, 60, true);
  for (PlacedKey& one : third) one.partition = (one.partition + 1) % kPartitions;
  CHECK(refused(keys(1, 60, true), third) == "lr");
}

TEST_CASE("without a common key two partitioners are told apart by murmur2", "[places]") {
  CHECK(refused(keys(1, 60), keys(100, 160, true)) == "r");
  CHECK(refused(keys(100, 160, true), keys(1, 60)) == "l");
  JoinInputs behind = kInputs;
  behind.left_as_it_lies = false;
  CHECK(judge_places(behind, kPartitions, {}, keys(1, 60, true)).topics == std::vector<std::string>{"r"});
  CHECK(judge_places(behind, kPartitions, {}, keys(1, 60)).what.empty());
}

TEST_CASE("what may be right is not refused", "[places]") {
  CHECK(refused({}, {}).empty());
  CHECK(refused(keys(1, 60), {}).empty());
  CHECK(refused(keys(1, 60), keys(30, 90)).empty());
  CHECK(refused(keys(1, 60, true), keys(1, 60, true)).empty());     // the same other partitioner
  CHECK(refused(keys(1, 60, true), keys(100, 160, true)).empty());  // perhaps the same
  CHECK(refused(keys(1, 60), keys(100, 110, true)).empty());        // too few to tell
  CHECK(refused(at_random("l", 300, 1), at_random("r", 300, 2))
            .empty());  // nobody's keys, nowhere in particular
  // A key that lies in several partitions of a side tells nothing.
  CHECK(refused({{"a", 0}, {"a", 1}}, {{"a", 1}}).empty());
  // One record in the wrong place.
  std::vector<PlacedKey> right = keys(1, 60);
  right[5].partition = (right[5].partition + 1) % kPartitions;
  CHECK(refused(keys(1, 60), right).empty());
  // Two sides that agree, by whatever rule.
  std::vector<PlacedKey> left = keys(1, 60);
  for (const PlacedKey& one : keys(100, 130, true)) left.push_back(one);
  CHECK(refused(left, left).empty());
}
