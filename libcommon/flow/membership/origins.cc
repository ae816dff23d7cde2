#include "flow/membership/origins.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <utility>

#include "flow/topology/named_outputs.h"

namespace kutils::flow {
namespace {

constexpr char kMarkSign = '\x01';
constexpr std::string_view kStart = "start";
constexpr std::string_view kAllBegun = "all";
constexpr int64_t kLookUs = 1'000'000;
// Deleting and creating a topic takes a cluster as long as this, and whoever reads it notices later.
constexpr int64_t kGapUs = 100'000;
constexpr size_t kMarksAtOnce = 16;
constexpr size_t kNamedAtOnce = 32;  // of the topics that records name
constexpr Millis kSettleLimit{5000};
constexpr Millis kEndLimit{1000};  // once the program is asked to end
constexpr Millis kGlance{50};

std::string text_of(const LastRecord& mark) {
  char text[48];
  std::snprintf(text, sizeof text, "%lld %016llx", static_cast<long long>(mark.offset),
                static_cast<unsigned long long>(mark.digest));
  return text;
}

// Words and the mark.
std::string_view behind_fingerprint(std::string_view metadata) {
  const size_t sign = metadata.find(kMarkSign);
  if (sign == metadata.npos) return {};
  metadata.remove_prefix(sign + 1);
  return metadata.substr(0, metadata.find(kMarkSign));  // served_at.h
}

// Leaves what is behind the word and its space, if `text` begins with it.
bool take_word(std::string_view& text, std::string_view word) {
  if (!text.starts_with(word)) return false;
  if (text.size() > word.size() && text[word.size()] != ' ') return false;
  text.remove_prefix(std::min(word.size() + 1, text.size()));
  return true;
}

std::string name_of(const kafka::TopicPartition& at) {
  return at.topic + " [" + std::to_string(at.partition) + "]";
}

bool is_input(const WorkerPlan& plan, const std::string& topic) {
  return std::any_of(plan.inputs.begin(), plan.inputs.end(),
                     [&](const auto& input) { return input.first == topic; });
}

bool is_internal(const WorkerPlan& plan, const std::string& topic) {
  return plan.sub_of(topic) > 0 || topic == plan.changelog;
}

constexpr const char* kStateLost = "start from the beginning under another name with -g NAME";
constexpr const char* kAgain =
    "to process the topic that is there now, start from its beginning under another name with -g NAME";

}  // namespace

std::string with_mark(const std::string& fingerprint, const LastRecord& mark) {
  return mark.offset == kNoOffset ? fingerprint : fingerprint + kMarkSign + text_of(mark);
}

std::string with_start(const std::string& fingerprint, const LastRecord& mark) {
  const std::string start = fingerprint + kMarkSign + std::string(kStart);
  return mark.offset == kNoOffset ? start : start + ' ' + text_of(mark);
}

bool is_start(std::string_view metadata) {
  std::string_view text = behind_fingerprint(metadata);
  return take_word(text, kStart);
}

std::string with_all_begun(std::string metadata) {
  if (is_all_begun(metadata)) return metadata;
  if (metadata.find(kMarkSign) == metadata.npos) metadata += kMarkSign;
  const std::string_view words = behind_fingerprint(metadata);
  std::string_view mark = words;
  std::string text(take_word(mark, kStart) ? std::string(kStart) + ' ' : "");
  text += kAllBegun;
  if (!mark.empty()) text.append(1, ' ').append(mark);
  return metadata.replace(static_cast<size_t>(words.data() - metadata.data()), words.size(), text);
}

std::string without_all_begun(std::string metadata) {
  if (!is_all_begun(metadata)) return metadata;
  const std::string_view words = behind_fingerprint(metadata);
  std::string_view mark = words;
  std::string text(take_word(mark, kStart) ? kStart : "");
  take_word(mark, kAllBegun);
  if (!mark.empty()) text.append(text.empty() ? "" : " ").append(mark);
  return metadata.replace(static_cast<size_t>(words.data() - metadata.data()), words.size(), text);
}

bool is_all_begun(std::string_view metadata) {
  std::string_view text = behind_fingerprint(metadata);
  take_word(text, kStart);
  return take_word(text, kAllBegun);
}

std::string_view fingerprint_of(std::string_view metadata) {
  return metadata.substr(0, metadata.find(kMarkSign));
}

LastRecord mark_of(std::string_view metadata) {
  std::string_view text = behind_fingerprint(metadata);
  take_word(text, kStart);
  take_word(text, kAllBegun);
  LastRecord mark;
  const char* end = text.data() + text.size();
  const auto offset = std::from_chars(text.data(), end, mark.offset);
  if (offset.ec != std::errc() || offset.ptr == end || *offset.ptr != ' ') return {};
  const auto digest = std::from_chars(offset.ptr + 1, end, mark.digest, 16);
  if (digest.ec != std::errc() || digest.ptr != end) return {};
  return mark;
}

std::vector<std::string> needed_topics(const WorkerContext& context) {
  const WorkerPlan& plan = context.plan;
  std::vector<std::string> topics;
  // Topics that a pattern matches may go.
  if (context.job.in.kind != io::EndpointKind::topic_pattern) {
    for (const auto& [topic, count] : plan.inputs) topics.push_back(topic);
  }
  topics.insert(topics.end(), plan.outputs.begin(), plan.outputs.end());
  for (const std::string& topic : {plan.dead_letters, plan.changelog})
    if (!topic.empty()) topics.push_back(topic);
  for (size_t i = 1; i < plan.subs.size(); ++i) topics.push_back(plan.subs[i].topic);
  return topics;
}

Error deleted_topic_error(const WorkerContext& context, const std::string& topic) {
  const WorkerPlan& plan = context.plan;
  if (is_internal(plan, topic))
    return usage_error("the internal topic " + topic + " of group " + plan.group +
                           " was deleted while the tool ran: its state is lost",
                       kStateLost);
  if (!is_input(plan, topic)) return deleted_output_error(topic, context.job.tool);
  return deleted_error(
      topic, std::string("all that was committed before remains; when the topic exists again, ") + kAgain);
}

Error recreated_topic_error(const WorkerContext& context, const std::string& topic, const std::string& what) {
  if (is_internal(context.plan, topic)) return usage_error(what, kStateLost);
  return usage_error(what,
                     "the records that it held are gone; start " + context.job.tool +
                         " again to write on, or under another name with -g NAME to write all of it again");
}

Error other_record_error(const std::string& group, const kafka::TopicPartition& at, int64_t offset) {
  return usage_error(
      "the record at " + name_of(at) + " @ " + std::to_string(offset) + " is not the one that group " +
          group + " has processed, or began behind: the topic was deleted and recreated, or it lost records",
      kAgain);
}

Origins::Origins(const WorkerContext& context) : context_(context), check_(context.around) {}
Origins::~Origins() = default;

void Origins::begin(const kafka::TopicPartition& at, std::string_view metadata) {
  Place place;
  place.mark = mark_of(metadata);
  place.is_given = place.mark.offset != kNoOffset;
  place.looked_at = !place.is_given;
  place.since_us = context_.around.clock.steady_us();
  if (place.is_given) next_look_us_ = 0;
  places_[at] = place;
}

void Origins::written_through(std::vector<kafka::Producer*> producers) {
  written_.written_through(std::move(producers));
}

void Origins::end(const kafka::TopicPartition& at) { places_.erase(at); }

void Origins::polled(bool took_all) {
  polled_us_ = context_.around.clock.steady_us();
  fetched_after_us_ = emptied_us_;
  if (took_all) emptied_us_ = polled_us_;
}

void Origins::took(const kafka::TopicPartition& at) {
  const auto found = places_.find(at);
  if (found == places_.end()) return;
  const int64_t since = std::exchange(found->second.since_us, fetched_after_us_);
  if (polled_us_ - since <= kGapUs || !best_mark(at)) return;
  gaps_[at.topic] = {at, false};
  if (emptied_us_ != polled_us_) return;  // one look for a commit is enough: settle() begins it
  next_look_us_ = 0;
  if (!answer_.valid()) begin_look();
}

std::optional<kafka::TopicPartition> Origins::best_mark(const kafka::TopicPartition& at) const {
  const auto own = places_.find(at);
  if (own != places_.end() && own->second.mark.offset != kNoOffset) return at;
  std::optional<kafka::TopicPartition> best;
  for (const auto& [other, place] : places_) {
    if (other.topic != at.topic || place.mark.offset == kNoOffset) continue;
    if (!best || places_.at(*best).mark.offset < place.mark.offset) best = other;
  }
  return best;
}

bool Origins::wants(const kafka::TopicPartition& at) const {
  const auto found = places_.find(at);
  if (found == places_.end()) return false;
  return found->second.mark.offset == kNoOffset || found->second.newest.offset == kNoOffset;
}

// The first record of a partition is what we began with there. If it was of another topic already, the marks
// of the other partitions tell.
void Origins::processed(const kafka::TopicPartition& at, const LastRecord& record) {
  const auto found = places_.find(at);
  if (found == places_.end()) return;
  Place& place = found->second;
  if (place.mark.offset == kNoOffset) {
    place.mark = record;
    place.looked_at = false;
  } else {
    place.newest = record;
  }
}

bool Origins::is_settled() const {
  return gaps_.empty() && std::none_of(places_.begin(), places_.end(), [](const auto& one) {
           return one.second.is_given && !one.second.looked_at;
         });
}

std::string Origins::metadata(const kafka::TopicPartition& at) const {
  const auto found = places_.find(at);
  return found == places_.end() ? context_.plan.fingerprint
                                : with_mark(context_.plan.fingerprint, found->second.mark);
}

int32_t Origins::partitions(const std::string& topic) const {
  if (const auto found = counts_.find(topic); found != counts_.end()) return found->second;
  for (const auto& [name, count] : context_.plan.inputs)
    if (name == topic) return count;
  return 0;
}

Origins::Question Origins::next_question() {
  Question question;
  for (auto& [at, place] : places_) {
    if (!place.looked_at && question.marks.size() < kMarksAtOnce) question.marks[at] = place.mark;
    if (place.newest.offset != kNoOffset) question.newer[at] = std::exchange(place.newest, {});
  }
  for (auto gap = gaps_.begin(); gap != gaps_.end();) {
    const auto at = best_mark(gap->second.at);
    if (!at) {  // none is left
      gap = gaps_.erase(gap);
      continue;
    }
    question.gaps[gap->first] = *at;
    question.marks[*at] = places_.at(*at).mark;
    gap->second.is_asked = true;
    ++gap;
  }
  // All partitions of a topic are recreated together: one known mark of each topic tells, the newest, which
  // retention and compaction reach last.
  std::map<std::string, const kafka::TopicPartition*> best;
  for (const auto& [at, place] : places_) {
    if (!place.looked_at || place.mark.offset == kNoOffset) continue;
    const kafka::TopicPartition*& so_far = best[at.topic];
    if (!so_far || places_.at(*so_far).mark.offset < place.mark.offset) so_far = &at;
  }
  const int64_t now = context_.around.clock.steady_us();
  std::vector<std::pair<int64_t, const kafka::TopicPartition*>>
      due;  // by when their topic was last known again
  for (const auto& [topic, at] : best) {
    const auto is_of_topic = [&name = topic](const auto& one) { return one.first.topic == name; };
    if (std::any_of(question.newer.begin(), question.newer.end(), is_of_topic) ||
        std::any_of(question.marks.begin(), question.marks.end(), is_of_topic)) {
      question.marks[*at] = places_.at(*at).mark;
    } else if (const int64_t known_us = known_us_[topic]; now - known_us >= kIdleCheckUs) {
      due.emplace_back(known_us, at);
    }
  }
  std::sort(due.begin(), due.end());
  for (const auto& [known_us, at] : due) {
    if (question.marks.size() >= kMarksAtOnce) break;
    question.marks[*at] = places_.at(*at).mark;
  }
  if (now < next_topics_us_) return question;
  next_topics_us_ = now + kLookUs;
  for (const std::string& topic : needed_topics(context_))
    question.topics.push_back(is_input(context_.plan, topic)
                                  ? kafka::PartitionOffset{{topic, 0}, kNoOffset, {}}
                                  : written_.newest(topic));
  if (const auto& named = context_.job.named_outputs)
    for (const std::string& topic : named->opened(kNamedAtOnce, next_named_))
      if (std::none_of(question.topics.begin(), question.topics.end(),
                       [&](const auto& one) { return one.at.topic == topic; }))
        question.topics.push_back(written_.newest(topic));
  if (context_.plan.has_copartitioned()) {
    for (const auto& [topic, count] : context_.plan.inputs) question.counted.push_back(topic);
  }
  return question;
}

void Origins::begin_look() {
  next_look_us_ = context_.around.clock.steady_us() + kLookUs;
  question_ = next_question();
  answer_ = run_beside(context_.around.executor, [this, question = question_] { return ask(question); });
}

std::optional<Error> Origins::look() {
  if (!answer_.valid()) {
    if (context_.around.clock.steady_us() < next_look_us_) return std::nullopt;
    begin_look();
  }
  if (!answer_.is_ready()) return std::nullopt;
  return judge(answer_.get());
}

std::optional<Error> Origins::settle() {
  const Clock& clock = context_.around.clock;
  const int64_t began = clock.steady_us();
  if (!is_settled()) next_look_us_ = 0;
  while (!is_settled()) {
    const Millis limit = context_.around.stop.signal() == 0 ? kSettleLimit : kEndLimit;
    if (clock.steady_us() - began > std::chrono::microseconds(limit).count()) {
      // The marks stay as they are: the looks go on, and the next run begins with one.
      for (auto& [at, place] : places_) place.is_given = false;
      gaps_.clear();
      break;
    }
    if (auto error = look()) return error;
    if (answer_.valid()) {
      answer_.wait_for(kGlance);
    } else if (!is_settled() && clock.steady_us() < next_look_us_) {
      context_.around.pause(kGlance);
    }
  }
  return std::nullopt;
}

std::optional<Error> Origins::judge(const Answer& answer) {
  const Question question = std::move(question_);
  std::set<std::string> known_again;  // topics
  std::set<std::string> cannot_tell;
  for (const auto& [at, finding] : answer.found) {
    const auto place = places_.find(at);
    if (finding == Finding::different)
      return other_record_error(context_.plan.group, at, question.marks.at(at).offset);
    if (finding == Finding::unknown) cannot_tell.insert(at.topic);
    if (finding == Finding::same || finding == Finding::gone) known_again.insert(at.topic);
    const bool is_other = place == places_.end() || place->second.mark.offset != question.marks.at(at).offset;
    if (is_other || finding == Finding::unknown) continue;
    place->second.looked_at = true;
  }
  for (const std::string& topic : known_again) known_us_[topic] = context_.around.clock.steady_us();
  for (const auto& [at, newer] : question.newer) {
    const auto place = places_.find(at);
    if (place == places_.end() || !place->second.looked_at) continue;
    if (cannot_tell.count(at.topic) > 0) continue;
    if (known_again.count(at.topic) == 0) continue;
    place->second.mark = newer;
  }
  for (const auto& [topic, at] : question.gaps) {
    const auto gap = gaps_.find(topic);
    if (gap == gaps_.end() || !gap->second.is_asked) continue;  // another one since
    const auto found = answer.found.find(at);
    if (found == answer.found.end() || found->second == Finding::unknown) {
      gap->second.is_asked = false;
      cannot_tell.insert(topic);
    } else {
      gaps_.erase(gap);
    }
  }
  // Many partitions were given to us at once: those that are left are asked about without a wait.
  if (!is_settled() && cannot_tell.empty()) next_look_us_ = 0;
  for (const auto& [topic, count] : answer.counts) counts_[topic] = count;
  for (size_t i = 0; i < answer.topics.size(); ++i) {
    const std::string& topic = question.topics[i].at.topic;
    const TopicLook& found = answer.topics[i];
    int& looks = missing_[topic];
    looks = found.found == TopicLook::Found::missing ? looks + 1 : 0;
    if (looks >= kMissingLooks) return deleted_topic_error(context_, topic);
    if (is_input(context_.plan, topic)) continue;
    const auto error = written_.judge(question.topics[i], found);
    if (error) return recreated_topic_error(context_, topic, error->what());
  }
  return std::nullopt;
}

// --- on the helper's thread ---

Origins::Answer Origins::ask(const Question& question) {
  Answer answer;
  try {
    if (!question.marks.empty()) check_.check(question.marks, answer.found);
    std::vector<TopicLook> topics;
    for (const auto& topic : question.topics) topics.push_back(look_at(check_.admin(), topic));
    answer.topics = std::move(topics);
    for (const std::string& topic : question.counted)
      if (const auto found = check_.admin().find_topic(topic)) answer.counts[topic] = found->partitions;
  } catch (const Error&) {
    // An outage: what was found out stands, the rest is asked again.
  }
  return answer;
}

}  // namespace kutils::flow
