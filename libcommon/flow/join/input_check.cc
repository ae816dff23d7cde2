#include "flow/join/input_check.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "base/murmur2.h"
#include "flow/run/run.h"
#include "flow/run/worker_plan.h"

namespace kutils::flow {
namespace {

constexpr int32_t kMostPartitions = 12;  // of each topic that are looked at
constexpr const char* kNewest = "-200";  // records of each of them
constexpr int64_t kLookUs = 2'000'000;
constexpr size_t kEnoughKeys = 20;

// Different keys of one side. One that lies in several partitions says nothing about its partitioner.
struct Side {
  std::map<std::string, int32_t> keys;  // -1: in several partitions
  size_t alike = 0;                     // of those that lie in one: where murmur2 puts them
  size_t apart = 0;
  bool is_murmur2() const { return alike + apart >= kEnoughKeys && apart * 20 <= alike; }
  bool is_other() const { return alike + apart >= kEnoughKeys && apart * 10 >= (alike + apart) * 3; }
};

Side side_of_keys(const std::vector<PlacedKey>& placed, int32_t partitions) {
  Side side;
  for (const PlacedKey& one : placed) {
    const auto [at, is_new] = side.keys.try_emplace(one.key, one.partition);
    if (!is_new && at->second != one.partition) at->second = -1;
  }
  for (const auto& [key, partition] : side.keys)
    if (partition >= 0) ++(murmur2_partition(key, partitions) == partition ? side.alike : side.apart);
  return side;
}

bool is_compacted(kafka::Admin& admin, const std::string& topic) {
  const auto config = admin.topic_config(topic);
  const auto policy = config.find("cleanup.policy");
  return policy == config.end() || policy->second.find("compact") != std::string::npos;
}

class InputCheck final : public RunPart {
 public:
  explicit InputCheck(const JoinInputs& inputs) : inputs_(inputs) {}

  void open(const Job&, const Environment& around) override {
    const auto admin = around.make_admin();
    admin->connect(kConnectLimit);
    if (admin->is_in_memory()) return;
    admin->try_once();
    try {
      if (inputs_.left_is_table) note_if_not_compacted(*admin, inputs_.left, around.log);
      if (inputs_.right_is_table) note_if_not_compacted(*admin, inputs_.right, around.log);
      if (inputs_.looks_at_keys) look_at_keys(*admin, around);
    } catch (const kafka::KafkaError&) {
      // Whoever joins needs answers to other questions, and says so.
    }
  }

 private:
  static void note_if_not_compacted(kafka::Admin& admin, const std::string& topic, Log& log) {
    try {
      if (!admin.find_topic(topic) || is_compacted(admin, topic)) return;
    } catch (const kafka::KafkaError&) {
      return;  // one that we may not describe
    }
    log.note(
        "table:" + topic +
        ": the topic is not compacted, so that rows are deleted when its retention ends, and a join that "
        "starts then lacks them; ktopic alter --config cleanup.policy=compact --execute " +
        topic);
  }

  void look_at_keys(kafka::Admin& admin, const Environment& around) const {
    std::vector<PlacedKey> keys[2];
    int32_t partitions = 0;
    for (const auto& [topic, looks, into] :
         {std::tuple(&inputs_.left, inputs_.left_as_it_lies, &keys[0]),
          std::tuple(&inputs_.right, inputs_.right_as_it_lies, &keys[1])}) {
      if (!looks) continue;
      const auto found = admin.find_topic(*topic);
      // Unequal counts are refused for themselves.
      if (!found || (partitions != 0 && partitions != found->partitions)) return;
      partitions = found->partitions;
      if (partitions < 2) return;
      read_newest(admin, around, *topic, partitions, *into);
    }
    if (partitions < 2) return;
    const Misplaced misplaced = judge_places(inputs_, partitions, keys[0], keys[1]);
    if (misplaced.what.empty()) return;
    std::string hint = "copy them to topics partitioned by murmur2, and join these:";
    for (const std::string& topic : misplaced.topics)
      hint += "\n  kgroupby --partitions " + std::to_string(partitions) + " _key " + topic + " " + topic +
              "-keyed";
    throw usage_error(misplaced.what, hint + "\n--trust-partitioning joins them as they are");
  }

  static void read_newest(kafka::Admin& admin, const Environment& around, const std::string& topic,
                          int32_t partitions, std::vector<PlacedKey>& into) {
    std::vector<kafka::TopicPartition> all;
    for (int32_t p = 0; p < std::min(partitions, kMostPartitions); ++p) all.push_back({topic, p});
    Range range;
    range.from = kNewest;
    range.exit_at_end = true;
    const auto source = around.make_topic_source(around.resolve_range(admin, range, all));
    const int64_t until_us = around.clock.steady_us() + kLookUs;
    Batch batch;
    for (io::Fill fill = io::Fill::nothing; fill != io::Fill::end;) {
      if (around.stop.signal() != 0 || around.clock.steady_us() >= until_us) return;
      batch.clear();
      fill = source->poll(batch, Millis(50));
      for (const Record& record : batch.records())
        if (!record.key.is_null()) into.push_back({std::string(record.key.view()), record.partition});
    }
  }

  const JoinInputs inputs_;
};

}  // namespace

Misplaced judge_places(const JoinInputs& inputs, int32_t partitions, const std::vector<PlacedKey>& left,
                       const std::vector<PlacedKey>& right) {
  const Side ours = side_of_keys(left, partitions), theirs = side_of_keys(right, partitions);
  size_t together = 0, apart = 0;
  std::string example;
  for (const auto& [key, partition] : ours.keys) {
    const auto other = theirs.keys.find(key);
    if (other == theirs.keys.end() || partition < 0 || other->second < 0) continue;
    if (partition == other->second) {
      ++together;
      continue;
    }
    ++apart;
    if (example.empty())
      example = "key '" + key + "' is in partition " + std::to_string(partition) + " of " + inputs.left +
                " and in partition " + std::to_string(other->second) + " of " + inputs.right;
  }
  std::vector<std::string> mended;
  if (inputs.left_as_it_lies && !ours.is_murmur2()) mended.push_back(inputs.left);
  if (inputs.right_as_it_lies && !theirs.is_murmur2()) mended.push_back(inputs.right);
  if (mended.empty()) mended = {inputs.left, inputs.right};
  const std::string what = "equal keys are not in equal partitions: ";
  if (apart > 0 && apart * 4 >= together) return {what + example, std::move(mended)};
  if (together >= kEnoughKeys) return {};
  const auto other_way = [&](const std::string& other, const std::string& murmur2) {
    return Misplaced{
        what + "the keys of " + other + " were not placed by murmur2, those of " + murmur2 + " were",
        {other}};
  };
  const bool left_is_murmur2 = !inputs.left_as_it_lies || ours.is_murmur2();
  const bool right_is_murmur2 = !inputs.right_as_it_lies || theirs.is_murmur2();
  if (left_is_murmur2 && theirs.is_other())
    return other_way(inputs.right, inputs.left_as_it_lies ? inputs.left : "the internal topic");
  if (right_is_murmur2 && ours.is_other())
    return other_way(inputs.left, inputs.right_as_it_lies ? inputs.right : "the internal topic");
  return {};
}

std::shared_ptr<RunPart> make_input_check(const JoinInputs& inputs) {
  return std::make_shared<InputCheck>(inputs);
}

}  // namespace kutils::flow
