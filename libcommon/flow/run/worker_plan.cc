#include "flow/run/worker_plan.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>

#include "base/correction.h"
#include "base/fs.h"
#include "base/nearest_name.h"
#include "base/shell_word.h"
#include "data/batch.h"
#include "flow/membership/gaps.h"
#include "flow/membership/lost_offsets.h"
#include "flow/membership/mark_check.h"
#include "flow/membership/origins.h"
#include "flow/membership/reset_mark.h"
#include "flow/membership/slots_directory.h"
#include "flow/run/new_topic_sink.h"
#include "flow/tasks/changelog.h"
#include "flow/tasks/input_positions.h"
#include "flow/tasks/source_headers.h"
#include "io/endpoint.h"
#include "kafka/ends_of_many.h"
#include "state/layout.h"
#include "state/state_format.h"

namespace kutils::flow {
namespace {

// Each partition that is read at one pace has a queue of its own of 4 MB, some 10 MB in memory (seen: 16 took 200 MB more).
constexpr int32_t kMostPaced = 6;
constexpr Millis kTopicLook{250};
constexpr int kTopicLooks = 40;  // ten seconds

// What was written as the SPEC, if that was a name alone: kmap's `clicks` is `clicks=clicks`.
std::string bare_name(const std::string& spec) {
  const size_t equals = spec.find('=');
  return equals != std::string::npos && spec.substr(0, equals) == spec.substr(equals + 1)
             ? spec.substr(0, equals)
             : spec;
}

// Equal keys lie in equal partitions only where the counts are equal.
Error unequal_counts(const std::pair<std::string, int32_t>& left,
                     const std::pair<std::string, int32_t>& right) {
  const auto counted = [](const auto& topic) {
    return topic.first + " has " + std::to_string(topic.second) +
           (topic.second == 1 ? " partition" : " partitions");
  };
  const std::string count = std::to_string(left.second);
  return usage_error(counted(left) + ", " + counted(right) + ": equal keys are not in equal partitions",
                     "bring one of them into as many partitions as the other has: kgroupby --partitions " +
                         count + " _key " + right.first + " " + right.first + "-" + count);
}

Error no_topic(const Job& job, const std::string& name, kafka::Admin& admin) {
  const std::string no_such = "there is no topic '" + name + "'";
  std::vector<std::string> names;
  for (const kafka::TopicInfo& topic : admin.topics()) names.push_back(topic.name);
  for (const auto& [what, spec] : job.settings) {
    const std::string value = bare_name(spec);
    if (what[0] == '-' || std::find(names.begin(), names.end(), value) == names.end()) continue;
    const std::string taken = "'" + value + "', which is a topic, was taken as the " + what;
    if (what.find(' ') != what.npos) return usage_error(no_such, taken);  // of a stage of kpipe
    // `kgroupby IN EXPR OUT`: all are there, in another order.
    const bool has_all = !job.out.is_lines() || job.out.kind == io::EndpointKind::file;
    throw CorrectedError(no_such, {.before = taken + ", which comes first: ",
                                   .operands = has_all ? std::vector<std::string>{name, value, job.out.name}
                                                       : std::vector<std::string>{what, value, name}});
  }
  const std::string near = nearest_name(name, names);
  return usage_error(
      no_such, (near.empty() ? "" : "did you mean '" + near + "'? ") +
                   std::string("The first tool that writes to a topic creates it; a file is spelled ./") +
                   name);
}

// False also for one that we may not see.
bool is_topic(kafka::Admin& admin, const std::string& name) {
  try {
    return admin.find_topic(name).has_value();
  } catch (const kafka::KafkaError& error) {
    if (error.is_not_authorized()) return false;
    throw;
  }
}

// `kfilter clicks popular`: a forgotten expression leaves two topics and no OUT.
void warn_of_topic_as_spec(const Job& job, kafka::Admin& admin, Log& log) {
  if (job.out.kind != io::EndpointKind::stdio) return;
  for (const auto& [what, spec] : job.settings) {
    const std::string value = bare_name(spec);
    const bool is_name =
        value.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
        value.npos;
    if (value.empty() || what[0] == '-' || !is_name || !is_topic(admin, value)) continue;
    log.note("'" + value + "' is taken as the " + what + ", and there is a topic of that name; to read it: " +
             job.tool + " " + what + " " + value + " " + job.in.name);
  }
}

// A file of that name was probably meant.
void refuse_local_file(const io::Endpoint& at, const std::string& topic) {
  if (at.insisted) return;
  if (const auto hint = io::local_file_hint(topic))
    throw usage_error("there is no topic '" + topic + "'", *hint);
}

// State of IN's own partitions is of the keys that they have; behind a repartition it is of the groups.
bool counts_matter(const Job& job) { return job.topology.subs().front().has_state(); }

// No other process of the group runs, as far as the broker and this machine know. The in-memory broker names
// no members: there only the processes' locks tell, and without them the answer is no.
bool runs_alone(const Job& job, kafka::Admin& admin, const WorkerPlan& plan) {
  if (job.workers > 1 || !admin.group_members(plan.group).empty()) return false;
  if (!job.instance.empty() || job.state_dir.empty()) return !plan.in_memory;
  int running = 0;  // we are one of them
  std::error_code none;
  for (const auto& file :
       std::filesystem::directory_iterator(slots_directory(job.state_dir, job.group), none))
    if (file.path().extension() == ".lock") running += FileLock(file.path()).is_locked_by_other();
  return running <= 1;
}

// The changelog of the group has rows of no key: only such as say where tasks stand.
bool has_no_rows(const Environment& around, kafka::Admin& admin, const std::string& group) {
  const auto topic = admin.find_topic(changelog_name(group));
  if (!topic) return false;
  for (int32_t number = 0; number < topic->partitions; ++number) {
    const kafka::TopicPartition at{topic->name, number};
    const kafka::Watermarks log = admin.watermarks(at);
    if (log.low >= log.high) continue;
    const auto source = around.make_topic_source({{at, log.low, log.high}});
    Batch batch;
    for (io::Fill fill = io::Fill::nothing; fill != io::Fill::end;) {
      batch.clear();
      fill = source->poll(batch, Millis(50));
      for (const Record& row : batch.records())
        if (!row.key.view().starts_with(state::kMetaPrefix)) return false;
      if (around.stop.signal() != 0) return false;
    }
  }
  return true;
}

// A change that the group takes may need a changelog of other partitions.
void refuse_other_changelog(kafka::Admin& admin, const WorkerPlan& plan, int32_t states,
                            bool keeps_positions) {
  if (!plan.accepts_change) return;
  const auto topic = admin.find_topic(changelog_name(plan.group));
  if (!topic || topic->partitions == states || (keeps_positions && topic->partitions == states + 1)) return;
  throw usage_error("group " + plan.group + " stores another configuration, whose changelog topic has " +
                        std::to_string(topic->partitions) + " partitions in place of " +
                        std::to_string(states),
                    "it has processed no record, so that nothing is lost: koffset reset --execute " +
                        shell_word(plan.group) + "\nand start it again");
}

// A command that failed at its first record: it has stored where it begins, and nothing else. Whoever corrects it
// begins there. That its state stands where the group does is checked where that is opened.
bool takes_change(const Job& job, const Environment& around, const Fingerprint& now,
                  const std::vector<kafka::PartitionOffset>& commits, kafka::Admin& admin,
                  const WorkerPlan& plan) {
  if (job.accept_change && !job.stateful()) return true;
  if (!plan.tells_start() || (job.stateful() && plan.in_memory)) return false;
  bool differs = false;
  for (const auto& commit : commits) {
    if (commit.offset == kafka::kOffsetNone) continue;
    const auto earlier = Fingerprint::decode(commit.metadata);
    if (!earlier || !is_start(commit.metadata)) return false;
    differs |= !now.differences_from(*earlier, false).empty();
  }
  if (!differs || !runs_alone(job, admin, plan)) return false;
  if (job.stateful() && !has_no_rows(around, admin, plan.group)) return false;
  return true;
}

void check_fingerprint(const Job& job, const Fingerprint& now,
                       const std::vector<kafka::PartitionOffset>& commits, Log& log, WorkerPlan& plan) {
  bool any = false;
  bool reset_by_hand = false;
  std::optional<Fingerprint> earlier;
  for (const auto& commit : commits) {
    if (commit.offset == kafka::kOffsetNone) continue;
    any = true;
    plan.begun.insert(commit.at);
    if (is_reset_mark(commit.metadata))
      throw usage_error(
          "koffset reset has begun to delete what group " + plan.group + " has, and was interrupted",
          "finish it: koffset reset --execute " + shell_word(plan.group));
    auto decoded = Fingerprint::decode(commit.metadata);
    if (!decoded) {
      reset_by_hand = true;
      continue;
    }
    if (is_all_begun(commit.metadata)) {
      for (const auto& [topic, count] : plan.inputs) {
        int32_t& all_begun = plan.all_begun_counts[topic];
        all_begun = std::max(all_begun, decoded->partitions_of(topic, now).value_or(count));
      }
    }
    const auto differences = now.differences_from(*decoded, counts_matter(job));
    // Rows of another expression cannot be read: a state takes no such change.
    if (!differences.empty() && !plan.accepts_change) {
      std::string text = "group " + plan.group + " stores another configuration:";
      for (const std::string& line : differences) text += "\n  " + line;
      if (job.stateful() || !job.group_is_explicit) {
        throw usage_error(
            text,
            job.stateful()
                ? "start from the beginning under another name with -g NAME, or, to delete this group's state and "
                  "offsets, while nothing runs: koffset reset --execute " +
                      shell_word(plan.group)
                : std::string(
                      "start from the beginning under another name with -g NAME, or continue at this one's "
                      "offsets with --accept-change"));
      }
      if (!earlier) log.note(text + "\n  continuing at its offsets");
    }
    if (!earlier) earlier = std::move(decoded);
  }
  if (reset_by_hand && job.stateful() && !plan.in_memory) {
    throw usage_error(
        "the offsets of group " + plan.group + " were set by hand, and its state belongs to other offsets",
        "name another group with -g, which has state of its own, or delete what this one has: koffset reset "
        "--execute " +
            shell_word(plan.group));
  }
  if (!any) return;
  for (const auto& [topic, count] : plan.inputs) {
    const auto was = earlier ? earlier->partitions_of(topic, now) : std::nullopt;
    plan.earlier_counts[topic] = was.value_or(count);
  }
}

// IN's offsets are committed before anything gets into the repartition topic. If only those of the latter are
// there, IN was deleted and recreated: its records would be counted on top of the old ones. (Where IN's
// partitions have state, that tells.)
std::optional<Error> lost_offsets(const Job& job, kafka::Admin& admin, const WorkerPlan& plan) {
  std::vector<kafka::TopicPartition> behind;
  for (size_t i = 1; i < plan.subs.size(); ++i)
    for (int32_t p = 0; p < plan.subs[i].partitions; ++p) behind.push_back({plan.subs[i].topic, p});
  for (const auto& commit : admin.committed(plan.group, behind)) {
    if (commit.offset == kafka::kOffsetNone) continue;
    return usage_error("group " + plan.group + " has run before, but has no offsets in " + job.in.name +
                           ": the topic was deleted and recreated, or its offsets were deleted",
                       "start from the beginning under another name with -g NAME");
  }
  return std::nullopt;
}

// Windows whose task brings several partitions together, but which do not tell these apart: an operator with
// state stands before them (flow/topology/chain.h), or another internal topic, whose partitions each bring several
// together. As behind a topic that kgroupby wrote.
bool has_windows_behind_state(const Topology& topology) {
  for (size_t i = 1; i < topology.subs().size(); ++i) {
    const auto& operators = topology.subs()[i].operators;
    if (std::any_of(operators.begin() + (i == 1 ? 1 : 0), operators.end(),
                    [](const Operator& one) { return static_cast<bool>(one.next_close); }))
      return true;
  }
  return false;
}

// All offsets of the group are gone, and its state says that it has run: found before a record is read, for
// what comes before an internal topic would be written again.
std::optional<Error> lost_state(kafka::Admin& admin, const WorkerPlan& plan, int32_t states) {
  std::vector<kafka::TopicPartition> changelog;
  for (int32_t number = 0; number < states; ++number) changelog.push_back({plan.changelog, number});
  for (const auto& [at, log] : kafka::ends_of_many(admin, changelog)) {
    if (log.high == 0) continue;
    return usage_error("group " + plan.group +
                           " has state, but no offsets: they expired or were deleted, and how far " +
                           plan.inputs.front().first + " was read is not known",
                       "start from the beginning under another name with -g NAME");
  }
  return std::nullopt;
}

// Of tasks without state (input_positions.h).
bool keeps_positions(const Job& job, const WorkerPlan& plan) {
  const auto& subs = job.topology.subs();
  return job.stateful() && !plan.in_memory &&
         std::any_of(subs.begin(), subs.end(), [](const SubTopology& sub) { return !sub.has_state(); });
}

// A topic that is deleted takes the group's offsets with it: one of the same name is another one. Throws Error(usage).
// `known`: topics in which the group has offsets.
void check_same_topics(const Job& job, const Environment& around, kafka::Admin& admin, Log& log,
                       const std::string& group, std::vector<kafka::PartitionOffset> positions,
                       std::set<std::string> known) {
  if (positions.empty()) return;
  judge_gaps(positions, admin, job.accept_gap, log);
  if (!around.make_mark_reader) return;
  Marks marks;
  for (const auto& one : positions) {
    const LastRecord mark = mark_of(one.metadata);
    if (mark.offset == kNoOffset) continue;
    marks[one.at] = mark;
    known.insert(one.at.topic);  // all of its partitions are recreated together
  }
  for (const auto& one : positions) {
    if (known.count(one.at.topic) > 0 || one.offset <= admin.watermarks(one.at).low) continue;
    throw usage_error(
        "group " + group + " has no offsets in " + one.at.topic +
            " any more. Its changelog says that it begins at offset " + std::to_string(one.offset) +
            " of partition " + std::to_string(one.at.partition) +
            ", and no record was read: it is not known whether the topic was deleted and recreated",
        "start from the beginning under another name with -g NAME");
  }
  MarkCheck check(around);
  for (int look = 0; look < kShorterLooks && !marks.empty(); ++look) {
    if (look > 0) around.pause(kTopicLook);
    MarkCheck::Findings found;
    check.check(marks, found);
    for (const auto& [at, finding] : found) {
      if (finding == MarkCheck::Finding::different) throw other_record_error(group, at, marks.at(at).offset);
      if (finding != MarkCheck::Finding::unknown) marks.erase(at);
    }
  }
}

// The cluster has forgotten offsets of the group, or a partition is new. What the changelog says takes their place.
// Returns the topics of which it does.
std::set<std::string> recover_offsets(const Job& job, const Environment& around, kafka::Admin& admin,
                                      Log& log, const WorkerPlan& plan, int32_t most,
                                      std::vector<kafka::PartitionOffset>& commits) {
  const auto is_missing = [](const auto& commit) { return commit.offset == kafka::kOffsetNone; };
  if (!keeps_positions(job, plan) || std::none_of(commits.begin(), commits.end(), is_missing)) return {};
  const auto changelog = admin.find_topic(changelog_name(plan.group));
  if (!changelog) return {};
  int32_t states = 0;
  for (size_t i = 0; i < job.topology.subs().size(); ++i) {
    if (!job.topology.subs()[i].has_state()) continue;
    const auto internal = i == 0 ? std::nullopt : admin.find_topic(internal_topic_name(plan.group, i));
    if (i > 0 && !internal) return {};
    states += internal ? internal->partitions : most;
  }
  if (changelog->partitions != states + 1) return {};
  const auto known = read_positions(around, admin, {changelog->name, states});
  std::vector<kafka::PartitionOffset> recovered;
  std::set<std::string> topics, with_offsets;
  for (auto& commit : commits) {
    const auto found = known.find(commit.at);
    if (!is_missing(commit)) with_offsets.insert(commit.at.topic);
    if (!is_missing(commit) || found == known.end()) continue;
    commit = found->second;
    recovered.push_back(commit);
    topics.insert(commit.at.topic);
  }
  check_same_topics(job, around, admin, log, plan.group, recovered, with_offsets);
  return topics;
}

// Those that the group's first run would have begun: what was added since is read from its beginning.
std::string names_without_offsets(const WorkerPlan& plan) {
  std::vector<kafka::TopicPartition> found;
  for (const auto& at : plan.all_partitions())
    if (plan.begun.count(at) == 0 && at.partition < plan.earlier_counts.at(at.topic)) found.push_back(at);
  return found.empty() ? std::string() : names_of(found);
}

// A sibling's first commits may come between our look at the group's offsets and what says that it has run: most
// of all where a broker that is down holds us up in between.
bool has_begun_meanwhile(kafka::Admin& admin, const WorkerPlan& plan) {
  const auto commits = admin.committed(plan.group, plan.all_partitions());
  return std::any_of(commits.begin(), commits.end(),
                     [](const auto& commit) { return commit.offset != kafka::kOffsetNone; });
}

}  // namespace

std::vector<kafka::TopicPartition> WorkerPlan::all_partitions() const {
  std::vector<kafka::TopicPartition> all;
  for (const auto& [topic, count] : inputs) {
    for (int32_t p = 0; p < count; ++p) all.push_back({topic, p});
  }
  return all;
}

std::vector<StatesOfTopic> WorkerPlan::states() const {
  std::vector<StatesOfTopic> out;
  for (size_t i = 0; i < subs.size(); ++i)
    if (subs[i].first_state) out.push_back({subs[i].topic, *subs[i].first_state, subs[i].partitions, i > 0});
  return out;
}

std::vector<kafka::TopicPartition> WorkerPlan::given_partitions() const {
  std::vector<kafka::TopicPartition> given = all_partitions();
  std::erase_if(given, [&](const kafka::TopicPartition& at) { return is_copartitioned(at.topic); });
  for (size_t sub = 1; sub < subs.size(); ++sub) {
    for (int32_t p = 0; p < subs[sub].partitions; ++p) given.push_back({subs[sub].topic, p});
  }
  return given;
}

std::vector<kafka::TopicPartition> WorkerPlan::companions_of(const kafka::TopicPartition& first) const {
  const SubPlan& sub = subs[sub_of(first.topic)];
  std::vector<kafka::TopicPartition> companions;
  if (sub.topic != first.topic) return companions;
  for (const CopartitionedSource& source : sub.copartitioned)
    companions.push_back({source.topic, first.partition});
  return companions;
}

int32_t WorkerPlan::source_number(std::string_view topic, int32_t partition) const {
  const size_t sub = sub_of(topic);
  const std::vector<CopartitionedSource>& beside = subs[sub].copartitioned;
  if (beside.empty())
    return sub == 0 && !in_topics.empty() ? flow::source_number(in_topics, topic, partition) : partition;
  for (size_t i = 0; i < beside.size(); ++i)
    if (beside[i].topic == topic) return static_cast<int32_t>(i) + 1;
  return 0;
}

std::vector<std::pair<std::string, int32_t>> WorkerPlan::sources_of(size_t sub) const {
  if (subs[sub].keeps_sources) return sources_of(sub - 1);
  if (sub > 0 || in_topics.empty()) return {{subs[sub].topic, subs[sub].partitions}};
  return {inputs.begin(), inputs.begin() + static_cast<std::ptrdiff_t>(in_topics.size())};
}

bool WorkerPlan::is_table(std::string_view topic) const {
  const std::vector<CopartitionedSource>& beside = subs[sub_of(topic)].copartitioned;
  return std::any_of(beside.begin(), beside.end(),
                     [&](const CopartitionedSource& one) { return one.topic == topic && one.is_table; });
}

bool WorkerPlan::came_later(const kafka::TopicPartition& at) const {
  if (is_internal(at.topic)) return false;
  for (const auto& [topic, count] : inputs) {
    if (topic == at.topic) return at.partition >= count;
  }
  return true;  // a topic that a pattern matches since
}

Error partitions_added(const Job& job, const WorkerPlan& plan, const kafka::TopicPartition& added) {
  const auto input = std::find_if(plan.inputs.begin(), plan.inputs.end(),
                                  [&](const auto& one) { return one.first == added.topic; });
  const int32_t before = (input == plan.inputs.end() ? plan.inputs.front() : *input).second;
  static constexpr std::string_view kWithBy[] = {"ktable", "kwindow", "ktake", "kscan"};
  const bool could_follow = !plan.has_internal_topic() && !plan.has_copartitioned() &&
                            std::find(std::begin(kWithBy), std::end(kWithBy), job.tool) != std::end(kWithBy);
  return usage_error(
      "partitions were added to " + added.topic + " during the run: it had " + std::to_string(before) +
          ", now there is partition " + std::to_string(added.partition) +
          ". The state is kept by partition, and keys move to other partitions when their number changes",
      "all that was read is committed. Start from the beginning under another name with -g NAME" +
          std::string(could_follow ? "; with --by, partitions may be added" : ""));
}

Error unequal_since(const std::pair<std::string, int32_t>& more,
                    const std::pair<std::string, int32_t>& less) {
  const std::string count = std::to_string(more.second);
  return usage_error("partitions were added to " + more.first + " during the run: it has " + count +
                         " now, and " + less.first + ", which is read side by side with it, " +
                         std::to_string(less.second),
                     "all that was read is committed. Add partitions there, too: ktopic grow --execute " +
                         count + " " + less.first + "\nand start again: it continues where it stopped");
}

namespace {

// Of a topic that is read. Waits for it a while.
int32_t count_partitions(const Job& job, const Environment& around, kafka::Admin& admin, Log& log,
                         const std::string& name) {
  auto topic = admin.find_topic(name);
  if (!topic) refuse_local_file(job.in, name);
  // What was taken for the SPEC is a topic, and IN is none: they are swapped, and waiting is no help.
  if (!topic) {
    const std::vector<kafka::TopicInfo> all = admin.topics();
    const auto is_topic = [&](const std::string& value) {
      return std::any_of(all.begin(), all.end(), [&](const auto& one) { return one.name == value; });
    };
    if (std::any_of(job.settings.begin(), job.settings.end(),
                    [&](const auto& one) { return one.name[0] != '-' && is_topic(bare_name(one.value)); }))
      throw no_topic(job, name, admin);
  }
  for (int look = 0; !topic && job.create_topics && look < kTopicLooks && around.stop.signal() == 0; ++look) {
    if (look == 0) log.note("waiting for topic " + name);
    around.pause(kTopicLook);
    topic = admin.find_topic(name);
  }
  if (!topic) throw no_topic(job, name, admin);
  return topic->partitions;
}

// The topics that are read beside first sources become inputs, too. Those of the first sub-topology have IN's
// count of partitions; an internal topic is made with the count of what is read beside it.
void find_copartitioned(const Job& job, const Environment& around, kafka::Admin& admin, Log& log,
                        WorkerPlan& plan) {
  const auto& subs = job.topology.subs();
  for (size_t i = 0; i < subs.size(); ++i) {
    for (const CopartitionedSource& source : subs[i].copartitioned) {
      const auto is_same = [&](const auto& input) { return input.first == source.topic; };
      if (std::any_of(plan.inputs.begin(), plan.inputs.end(), is_same))
        throw usage_error("topic " + source.topic + " is read twice in one run",
                          "copy it with kcp and read the copy");
      const int32_t count = count_partitions(job, around, admin, log, source.topic);
      plan.inputs.emplace_back(source.topic, count);
      if (i == 0 && count != plan.inputs.front().second)
        throw unequal_counts(plan.inputs.front(), plan.inputs.back());
    }
  }
}

// Of the internal topic before sub-topology `sub`, if it does not exist yet.
int32_t wanted_partitions(const WorkerPlan& plan, const SubTopology& sub, int32_t most) {
  for (const auto& [topic, count] : plan.inputs)
    if (!sub.copartitioned.empty() && topic == sub.copartitioned.front().topic) return count;
  return most;
}

}  // namespace

bool has_windows_behind_sources(const Job& job) {
  const auto& subs = job.topology.subs();
  return std::any_of(subs.begin() + 1, subs.end(), [](const SubTopology& sub) {
    return static_cast<bool>(sub.operators.front().next_close);
  });
}

std::vector<std::pair<std::string, int32_t>> find_inputs(const Job& job, const Environment& around,
                                                         kafka::Admin& admin, Log& log) {
  std::vector<std::pair<std::string, int32_t>> found;
  if (job.in.kind == io::EndpointKind::topic_pattern) {
    const auto matches = io::topic_pattern(job.in);
    for (const auto& topic : admin.topics()) {
      if (matches(topic.name)) found.emplace_back(topic.name, topic.partitions);
    }
    if (found.empty()) throw usage_error("no topic matches '" + job.in.name + "'");
    std::sort(found.begin(), found.end());
    return found;
  }
  const std::vector<std::string> names = job.in.topics.empty() ? std::vector{job.in.name} : job.in.topics;
  for (const std::string& name : names)
    found.emplace_back(name, count_partitions(job, around, admin, log, name));
  warn_of_topic_as_spec(job, admin, log);
  return found;
}

// Throws where a topic that does not exist is not to be created.
static void judge_creation(const Job& job, const std::string& topic) {
  if (job.out.is_topic() && job.out.name == topic) refuse_local_file(job.out, topic);
  for (const MoreOutput& more : job.more_outputs) {
    if (more.at.is_topic() && more.at.name == topic) refuse_local_file(more.at, topic);
  }
  if (!job.create_topics) throw usage_error("there is no topic '" + topic + "', and --no-create is set");
}

bool is_missing(const Job& job, kafka::Admin& admin, const std::string& topic) {
  if (admin.find_topic(topic)) return false;
  judge_creation(job, topic);
  return true;
}

// Only the in-memory broker gives another count than the one that was asked for.
static std::string other_count(const std::string& topic, int32_t wanted) {
  return ", not " + std::to_string(wanted) +
         ": the in-memory broker gives each the same; for more or fewer: kbroker --topic " + topic + ":" +
         std::to_string(wanted);
}

int32_t ensure_topic(const Job& job, kafka::Admin& admin, Log& log, const std::string& topic,
                     int32_t partitions, bool any_time) {
  if (const auto info = admin.find_topic(topic)) {
    if (job.partitions && *job.partitions != info->partitions)
      log.note("topic '" + topic + "' exists already, with " + std::to_string(info->partitions) +
               (info->partitions == 1 ? " partition" : " partitions") + ": --partitions " +
               std::to_string(*job.partitions) + " does not change it");
    return info->partitions;
  }
  judge_creation(job, topic);
  kafka::NewTopic wanted;
  wanted.name = topic;
  wanted.partitions = job.partitions.value_or(partitions > 0 ? partitions : -1);  // -1: the broker's default
  wanted.replication = job.replication.value_or(static_cast<int16_t>(-1));
  const bool is_ours = any_time ? create_for_any_time(admin, wanted) : admin.create_topic(wanted);
  const auto made = admin.find_topic(topic);
  const int32_t count = made ? made->partitions : wanted.partitions;
  if (is_ours)
    log.note("created topic " + topic + ", " + std::to_string(count) +
             (count == 1 ? " partition" : " partitions") +
             (job.partitions && *job.partitions != count ? other_count(topic, *job.partitions) : "") +
             (io::looks_like_file(topic) ? "; a file is ./" + topic : ""));
  return count;
}

WorkerPlan prepare(const Job& job, const Environment& around, kafka::Admin& admin, Log& log) {
  WorkerPlan plan;
  plan.group = job.group;
  if (!job.range.partitions.empty()) {
    throw usage_error(
        "-p cannot be used from topic to topic: the group assigns all partitions to its members",
        "read them to lines: kread -J -p ... IN | kwrite -J OUT");
  }
  plan.in_memory = admin.is_in_memory();
  if (plan.in_memory && job.delivery_is_explicit && job.delivery == Delivery::exactly_once)
    throw usage_error("--delivery exactly-once: the in-memory broker has no transactions",
                      "leave it out for at least once, or use a real broker");
  const bool to_lines = job.out.is_lines();
  if (to_lines && job.stateful()) {
    throw usage_error(
        "-g: from a topic to lines the rows are in memory, and the group's next run would start without them",
        "leave -g out, or write to a topic and print that");
  }
  plan.state_name = job.group;
  if (job.stateful() && !plan.in_memory && !job.state_dir.empty())
    plan.state_name = state::claim_group_name(job.state_dir, job.group, admin.cluster_id());
  plan.exactly_once = job.delivery == Delivery::exactly_once && !plan.in_memory && !to_lines;
  if (plan.in_memory) log.note("in-memory broker: topics are lost when it ends; delivery is at least once");
  plan.inputs = find_inputs(job, around, admin, log);
  // Before anything is made for it.
  const bool is_pattern = job.in.kind == io::EndpointKind::topic_pattern;
  if (job.stateful() && (is_pattern || (plan.inputs.size() > 1 && job.topology.subs().front().has_state()))) {
    throw usage_error(
        "IN '" + job.in.name + "' is several topics: state " +
            (is_pattern ? "is not kept for those that a pattern may match"
                        : "by the key of the records is kept for one"),
        is_pattern ? "name them: a,b" : "bring them together with kcp first, or group them with --by");
  }
  if (plan.inputs.size() > 1 && !is_pattern)
    for (const auto& [topic, count] : plan.inputs) plan.in_topics.push_back(topic);
  if (job.stateful() && !io::is_topic_name(internal_topic_name(plan.group, job.topology.subs().size()))) {
    throw usage_error("group '" + plan.group + "': the topics of its state cannot have its name (" +
                          changelog_name(plan.group) + ")",
                      "name it with -g: letters, digits, '.', '_' and '-', at most 237 of them");
  }
  if (job.in.kind == io::EndpointKind::topic_pattern) {
    plan.subscription = {job.in.name};
  } else {
    for (const auto& [topic, count] : plan.inputs) plan.subscription.push_back(topic);
  }
  int32_t most = 1;
  for (const auto& [topic, count] : plan.inputs) most = std::max(most, count);
  const size_t ins = plan.inputs.size();
  find_copartitioned(job, around, admin, log, plan);
  if (!to_lines) plan.outputs = {job.out.name};
  for (const MoreOutput& more : job.more_outputs) {
    if (more.at.is_lines() != to_lines) {
      throw usage_error("from a topic, all outputs are topics or all are lines, and '" + more.at.name +
                            "' differs from OUT",
                        "a topic has no slash in its name, a file is spelled ./NAME");
    }
    if (!to_lines) plan.outputs.push_back(more.at.name);
  }
  bool brings_together = job.changes_keys || ins > 1;
  for (const std::string& topic : plan.outputs)
    brings_together |= ensure_topic(job, admin, log, topic, most) != most;
  const bool is_ordered = (brings_together && !job.stateful()) || job.topology.follows_order() ||
                          has_windows_behind_state(job.topology);
  const bool has_several = !to_lines && (most > 1 || ins > 1);
  plan.in_order_of_time = is_ordered && has_several;
  int32_t partitions_of_in = 0;
  for (size_t i = 0; i < ins; ++i) partitions_of_in += plan.inputs[i].second;
  plan.at_one_pace =
      !is_ordered && has_several && partitions_of_in <= kMostPaced && has_windows_behind_sources(job);
  if (job.on_error && job.on_error->policy == OnError::Policy::dead_letter) {
    if (to_lines)
      throw usage_error(
          "--on-error dead-letter and -g exclude each other from a topic to lines: one commit cannot hold both",
          "leave -g out, write to a topic, or use --on-error skip");
    plan.dead_letters = job.on_error->topic;
    ensure_topic(job, admin, log, plan.dead_letters, most, true);
  }

  const Fingerprint now(job, plan.inputs);
  plan.fingerprint = now.encoded();
  const auto partitions = plan.all_partitions();
  auto commits = admin.committed(plan.group, partitions);
  const std::set<std::string> recovered = recover_offsets(job, around, admin, log, plan, most, commits);
  plan.accepts_change = takes_change(job, around, now, commits, admin, plan);
  check_fingerprint(job, now, commits, log, plan);
  const bool has_run = !plan.earlier_counts.empty() && !plan.in_memory;
  plan.subs.push_back({plan.inputs.front().first,
                       most,
                       {},
                       most * std::max(1, static_cast<int32_t>(plan.in_topics.size())),
                       job.topology.subs().front().copartitioned});
  for (size_t i = 1; i < job.topology.subs().size(); ++i) {
    const std::string name = internal_topic_name(plan.group, i);
    const SubTopology& sub = job.topology.subs()[i];
    const int32_t wanted = wanted_partitions(plan, sub, most);
    // What was started with another configuration had other ones, or none.
    const int32_t count =
        ensure_internal_topic(job, admin, log, name, wanted, has_run && !plan.accepts_change);
    for (const auto& input : plan.inputs)
      if (std::any_of(sub.copartitioned.begin(), sub.copartitioned.end(),
                      [&](const auto& one) { return one.topic == input.first && input.second != count; }))
        throw unequal_counts({name, count}, input);
    const bool keeps_sources = sub.keeps_sources();
    plan.subs.push_back({name,
                         count,
                         {},
                         keeps_sources ? plan.subs.back().sources : count,
                         sub.copartitioned,
                         keeps_sources});
    plan.subscription.push_back(name);
  }
  if (job.stateful()) {
    int32_t next = 0;
    for (size_t i = plan.subs.size(); i-- > 0;) {
      if (!job.topology.subs()[i].has_state()) continue;
      plan.subs[i].first_state = next;
      next += plan.subs[i].partitions;
    }
    const bool is_new = plan.has_internal_topic() && plan.earlier_counts.empty() && !plan.in_memory &&
                        !plan.input_has_state();
    if (const auto lost = is_new ? lost_offsets(job, admin, plan) : std::nullopt) {
      if (has_begun_meanwhile(admin, plan)) return prepare(job, around, admin, log);
      throw *lost;
    }
    refuse_other_changelog(admin, plan, next, keeps_positions(job, plan));
    const auto topic =
        ensure_changelog(job, admin, log, plan.group, plan.in_memory ? plan.subs.back().partitions : next,
                         keeps_positions(job, plan), has_run);
    plan.changelog = topic.name;
    if (keeps_positions(job, plan) && topic.partitions > next) plan.position_rows = next;
    if (const auto lost = is_new ? lost_state(admin, plan, next) : std::nullopt) {
      if (has_begun_meanwhile(admin, plan)) return prepare(job, around, admin, log);
      throw *lost;
    }
    plan.delete_retention_ms = topic.delete_retention_ms;
    plan.changelog_max_bytes = topic.max_bytes;
  }
  const bool has_start = !job.range.from.empty() || !job.range.since.empty() || job.range.tail;
  if (has_start && !plan.earlier_counts.empty()) {
    const io::Range& range = job.range;
    const std::string where = range.tail            ? "--tail " + std::to_string(*range.tail)
                              : range.since.empty() ? "-o " + shell_word(range.from)
                                                    : "--since " + shell_word(range.since);
    const std::string asked = job.stateful() ? std::string() : names_without_offsets(plan);
    log.note("group " + plan.group + " continues at its committed offsets; " +
             (asked.empty() ? "-o, --since and --tail apply to its first run only\n"
                            : where + " applies to " + asked + ", where it has none\n") +
             "  to begin there again: koffset reset " + where + " --execute " + shell_word(plan.group));
  }
  // Only a range that may end is resolved here: a plain start asks nothing of any partition's leader, so that
  // it does not wait for a broker that is down.
  const bool may_end =
      job.range.exit_at_end || !job.range.until.empty() || job.range.from.find(':') != std::string::npos;
  std::vector<PartitionRange> ranges;
  if (may_end) ranges = around.resolve_range(admin, job.range, partitions);
  for (const auto& range : ranges) {
    if (!range.end) continue;
    plan.has_ends = true;
    plan.ends[range.at] = *range.end;
  }
  if (job.range.exit_at_end && plan.has_internal_topic()) {
    for (const auto& commit : commits) {
      if (plan.is_copartitioned(commit.at.topic)) continue;
      const auto end = plan.ends.find(commit.at);
      if (end != plan.ends.end() && (end->second == 0 || commit.offset >= end->second))
        plan.quiet_sources[plan.source_number(commit.at.topic, commit.at.partition)] = end->second == 0;
    }
    // Numbers of partitions that a topic lacks.
    for (const auto& [topic, count] : plan.sources_of(0))
      for (int32_t p = count; !plan.in_topics.empty() && p < most; ++p)
        plan.quiet_sources[plan.source_number(topic, p)] = true;
  }
  // Nothing refuses the run any more.
  if (plan.accepts_change && !job.accept_change)
    log.note("group " + plan.group + " has processed no record yet: it takes this configuration");
  for (const std::string& topic : recovered)
    log.note("group " + plan.group + " has no offsets in " + topic +
             " any more: it continues at those in its changelog");
  return plan;
}

}  // namespace kutils::flow
