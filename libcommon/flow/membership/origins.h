// Whether the topics that a group reads still are those that it began with. One that was deleted and
// recreated under the same name, and filled beyond the group's offset, would be read on from there: its first
// records would be skipped without a word. librdkafka 2.0 knows no topic ids, so a topic is known again by
// its records.
//
// Each commit carries, behind the fingerprint, a mark: offset and digest of a record that was processed, or of the last
// one before the place where the group began (begin_marks.h). The mark is read again when a partition is given to us,
// and about once a second while new records come. It
// moves on to a newer record only after the old one was found to be what it was, later than the newer one was
// fetched: so a mark is always of the topic that the group began with, whatever was committed between two
// looks, and a stop between them hides nothing from the next run. A mark that retention or compaction has
// removed says nothing: then the next record becomes the mark. While nothing comes, one mark of each topic is read again
// every 10 s (of many topics, 16 a second): one recreated with as many records as were read has nothing new to give.
//
// A topic cannot be recreated while its records come without a gap. So the first records after one are
// committed only when a look that was begun after they came has found a mark of their topic; it runs while
// they are processed and written. Without it what comes up to the next look is processed and committed (seen:
// 200 records). Records that wait in a client's queue hide a gap: when they were fetched is not known, so that
// each commit of a backlog waits for a look.
//
// What this does not see: a topic recreated and filled beyond the mark, of which retention has removed the
// mark's offset before the next look (a tool that was stopped for as long); and, for one second, one whose marks
// cannot be read for 5 s, for a commit waits no longer.
//
// Beside it, each look asks whether the topics that are read or written still are there (of many that records name,
// some in turn), and those that are written no shorter than they were: a write to one that was deleted or
// recreated fails only after half a minute or never, and one that has nothing to write would never say so.
//
// Where topics are read side by side, each look also counts their partitions: the group tells of those that are
// added to the first one only.
//
// Looks run beside the worker, with a reader and an admin of their own. Used by the worker's thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/executor.h"
#include "flow/membership/mark_check.h"
#include "flow/membership/partition_watch.h"
#include "flow/run/worker_context.h"

namespace kutils::flow {

// A commit's metadata: the fingerprint, then the mark, if there is one, as U+0001 `OFFSET DIGEST` (hex); behind
// them may stand where its owner is asked (served_at.h).
std::string with_mark(const std::string& fingerprint, const LastRecord& mark);
// The same, and that no record of the partition was processed since the group began there: `start` before the mark, if
// there is one.
std::string with_start(const std::string& fingerprint, const LastRecord& mark = {});
bool is_start(std::string_view metadata);
// Any of these, and that the group has an offset of each partition that the fingerprint counts: `all` before the mark.
// One that has none later has lost it (lost_offsets.h).
std::string with_all_begun(std::string metadata);
std::string without_all_begun(std::string metadata);
bool is_all_begun(std::string_view metadata);
std::string_view fingerprint_of(std::string_view metadata);
LastRecord mark_of(std::string_view metadata);  // without an offset where there is none

// The topics without which the run cannot go on, and what there is to say when one of them was deleted.
std::vector<std::string> needed_topics(const WorkerContext& context);
Error deleted_topic_error(const WorkerContext& context, const std::string& topic);
// The same of one that is written, and was recreated: `what` says so.
Error recreated_topic_error(const WorkerContext& context, const std::string& topic, const std::string& what);
// An input's record at the mark is another one.
Error other_record_error(const std::string& group, const kafka::TopicPartition& at, int64_t offset);

class Origins {
 public:
  explicit Origins(const WorkerContext& context);
  ~Origins();

  // A partition of an input that is given to us, with the metadata of the group's commit (empty: there is
  // none).
  void begin(const kafka::TopicPartition& at, std::string_view metadata);
  void end(const kafka::TopicPartition& at);
  // The client was polled. `took_all`: it has no more than it gave, so what comes later was fetched later.
  void polled(bool took_all);
  // Records of this partition came with the last poll. Where they may be the first ones after a gap, a look is
  // needed, and begins unless more are waiting.
  void took(const kafka::TopicPartition& at);
  // Whether a record of this partition is to be told: to take its digest costs.
  bool wants(const kafka::TopicPartition& at) const;
  void processed(const kafka::TopicPartition& at, const LastRecord& record);
  // For a commit of this partition.
  std::string metadata(const kafka::TopicPartition& at) const;

  // What is written goes through these, which outlive this.
  void written_through(std::vector<kafka::Producer*> producers);

  // Once a turn: takes an answer, or begins the next look. What was found out: the tool has to end.
  std::optional<Error> look();
  // How many partitions an input had at the last look that counted them, or at the start.
  int32_t partitions(const std::string& topic) const;
  // Before a commit: waits, some seconds at most, until a mark of each topic that had a gap was looked at, and
  // of the marks that partitions were given to us with all of them: offsets go with their topic, and a mark is
  // then left in some of its partitions only.
  std::optional<Error> settle();

 private:
  using Finding = MarkCheck::Finding;
  struct Place {
    LastRecord mark;        // of the topic that the group began with
    LastRecord newest;      // the first one that was processed since the last look was begun
    bool looked_at = true;  // the mark was found to be what it was, or there is none
    bool is_given = false;  // it came with the group's commit
    int64_t since_us = 0;   // the last records were fetched after this
  };
  // Records of a topic came after a gap.
  struct Gap {
    kafka::TopicPartition at;
    bool is_asked = false;  // by the question under way
  };
  struct Question {
    Marks marks;
    Marks newer;                                        // processed before it was asked
    std::map<std::string, kafka::TopicPartition> gaps;  // by topic, whose mark tells
    std::vector<kafka::PartitionOffset> topics;         // do they still exist, as far as it is known
    std::vector<std::string> counted;                   // how many partitions do they have
  };
  struct Answer {
    MarkCheck::Findings found;
    std::vector<TopicLook> topics;  // in the question's order; empty: not found out
    std::map<std::string, int32_t> counts;
  };
  Question next_question();
  void begin_look();
  // Whose mark tells of this topic: that of `at`, or else the newest that was found to be right.
  std::optional<kafka::TopicPartition> best_mark(const kafka::TopicPartition& at) const;
  Answer ask(const Question& question);
  std::optional<Error> judge(const Answer& answer);
  bool is_settled() const;

  const WorkerContext context_;
  std::map<kafka::TopicPartition, Place> places_;
  std::map<std::string, int64_t> known_us_;  // topics: when a mark was last found to be what it was
  std::map<std::string, int> missing_;       // looks in a row that did not find the topic
  std::map<std::string, int32_t> counts_;    // partitions of topics that are read side by side
  WrittenLogs written_;
  size_t next_named_ = 0;
  std::map<std::string, Gap> gaps_;  // by topic; not looked at since
  int64_t polled_us_ = 0;
  int64_t emptied_us_ = 0;        // the last poll that took all
  int64_t fetched_after_us_ = 0;  // what the last poll gave
  int64_t next_look_us_ = 0;
  int64_t next_topics_us_ = 0;
  Question question_;
  MarkCheck check_;  // the helper's, one at a time
  Task<Answer> answer_;
};

}  // namespace kutils::flow
