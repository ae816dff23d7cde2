// kdiff LEFT RIGHT: what differs between two topics, or a topic and a file.
#include <algorithm>
#include <deque>
#include <list>
#include <map>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "base/printable.h"
#include "base/shell_word.h"
#include "cli/envelope_refusal.h"
#include "cli/rows.h"
#include "cli/shared_options.h"
#include "cli/tool.h"
#include "io/endpoint.h"
#include "io/line_source.h"
#include "io/read_as_utc.h"
#include "io/topic_source.h"
#include "kafka/admin.h"
#include "kdiff/digest.h"

namespace {

using namespace kutils;
using kdiff::Digest;

constexpr Millis kConnectLimit{5'000};
constexpr Millis kGlance{50};
constexpr auto kReaderGone = static_cast<ExitCode>(128 + 13);  // as one that SIGPIPE ended
constexpr int64_t kMostHeld = 4'000'000;                       // of some 100 bytes, and the texts below
constexpr size_t kMostText = size_t{256} * 1024 * 1024;
constexpr size_t kShownBytes = 1000;
constexpr int64_t kMostShownOfEqual = 1000;

enum class By { set, key, order };
enum Side { kLeft = 0, kRight = 1 };

// Where a record stands, and what it says while there is room for it.
struct Sample {
  std::string place, key, value;
  bool has_text = false;
  int32_t partition = kNoPartition;
  int64_t time = 0, offset = 0;
  Side side = kLeft;
  size_t bytes() const { return place.size() + key.size() + value.size(); }
  // What a broker gave first must not decide what is shown, nor in which order.
  bool stands_before(const Sample& other) const {
    return std::tie(time, partition, offset, side) <
           std::tie(other.time, other.partition, other.offset, other.side);
  }
  // Of two that would count the same: within a partition its order decides, between partitions time.
  bool is_later_than(const Sample& other) const {
    return partition == other.partition ? offset > other.offset : other.stands_before(*this);
  }
};

class DiffTool final : public cli::Tool {
 public:
  cli::ToolInfo info() const override {
    return {"kdiff",
            "What differs between two topics, or a topic and a file: exit code 1 if anything.",
            {{"LEFT", true, "a topic, ./FILE or - (stdin)"}, {"RIGHT", true, "the same"}},
            {{"kdiff clicks clicks_copy"}, {"kdiff -J --by key --ignore updated users ./users.ndjson"}}};
  }
  void declare(cli::OptionTable& table) override {
    table.add({.names = "--by",
               .metavar = "HOW",
               .help = "set (default): any order; key: last value of each; order",
               .by_default = "set",
               .example = "--by key",
               .in_short_help = true,
               .set = [this](const std::string& text) { set_by(text); },
               .choices = {"set", "key", "order"}});
    table.add({.names = "--ignore",
               .metavar = "FIELD",
               .help = "a field of the value that does not count; _key: the key",
               .by_default = "none",
               .example = "--ignore processed_at --ignore _key",
               .in_short_help = true,
               .is_list = true,
               .set = [this](const std::string& text) {
                 if (text == "_key") {
                   compared_.key = false;
                 } else {
                   compared_.ignored.insert(text);
                 }
               }});
    table.add({.names = "--bytes",
               .help = "values byte by byte; else the order of JSON's fields does not count",
               .example = "kdiff --bytes clicks clicks_copy",
               .in_short_help = true,
               .set = [this](const std::string&) { compared_.bytes = true; }});
    table.add({.names = "--headers",
               .help = "headers count, too",
               .example = "kdiff --headers clicks clicks_copy",
               .set = [this](const std::string&) { compared_.headers = true; }});
    table.add({.names = "--times",
               .help = "times count, too",
               .example = "kdiff --times clicks clicks_copy",
               .set = [this](const std::string&) { compared_.time = true; }});
    table.add({.names = "--limit",
               .metavar = "N",
               .help = "show at most N differences (20)",
               .by_default = "20",
               .example = "--limit 100",
               .in_short_help = true,
               .set = [this](const std::string& text) {
                 limit_ = cli::parse_number("--limit", text, 0, INT64_MAX);
               }});
    rows_.declare(table);
    table.add({.names = "-q",
               .help = "print nothing; the exit code is the answer",
               .example = "kdiff -q clicks clicks_copy",
               .group = cli::Group::general,
               .in_short_help = true,
               .set = [this](const std::string&) { quiet_ = true; }});
    const cli::Group lines = cli::Group::lines, reading = cli::Group::reading;
    table.add({.names = "-I",
               .metavar = "FORMAT",
               .help = "lines read: json (default) envelope csv tsv text",
               .by_default = "json",
               .example = "-I csv",
               .group = lines,
               .set = [this](const std::string& text) { set_format(io::parse_line_format(text, "-I")); },
               .choices = {"json", "envelope", "csv", "tsv", "text"}});
    table.add({.names = "-J",
               .help = "lines read are kcat's JSON envelope: -I envelope",
               .example = "kdiff -J clicks ./clicks.ndjson",
               .group = lines,
               .set = [this](const std::string&) { set_format(io::parse_line_format("envelope", "-I")); }});
    table.add({.names = "-K",
               .metavar = "SEP",
               .help = "lines read are KEY SEP VALUE",
               .by_default = "lines have no key",
               .example = "-K :",
               .group = lines,
               .set = [this](const std::string& text) { separator_ = io::unescape_option(text, "-K"); }});
    table.add({.names = "-Z",
               .metavar = "STR",
               .help = "lines read that are STR have no value: -Z null",
               .by_default = "none",
               .example = "-K : -Z null",
               .group = lines,
               .set = [this](const std::string& text) { null_marker_ = io::unescape_option(text, "-Z"); }});
    table.add({.names = "-o",
               .metavar = "WHERE",
               .help = "topics: from where, or a range A:B",
               .by_default = "beginning",
               .example = "-o 100:200",
               .group = reading,
               .joined = io::start_and_end,
               .accepts_joined = true,
               .set = [this](const std::string& text) { range_.from = text; }});
    table.add({.names = "--since",
               .metavar = "TIME",
               .help = "topics: from a time",
               .by_default = "the beginning",
               .example = "--since 1d",
               .group = reading,
               .set = [this](const std::string& text) { range_.since = text; }});
    table.add({.names = "--until",
               .metavar = "TIME",
               .help = "topics: up to a time",
               .by_default = "the end at startup",
               .example = "--until 1h",
               .group = reading,
               .set = [this](const std::string& text) { range_.until = text; }});
    table.add({.names = "--local",
               .help = "times without a zone are this machine's, not UTC",
               .example = "--local --since 09:00",
               .group = reading,
               .set = [this](const std::string&) { range_.zone = Zone::local; }});
    table.add({.names = "-p",
               .metavar = "LIST",
               .help = "these partitions only: 0,2,5-7",
               .by_default = "all partitions",
               .example = "-p 0,1",
               .group = reading,
               .joined = cli::joined_by_comma,
               .set = [this](const std::string& text) { range_.partitions = io::parse_partitions(text); }});
    cluster_.declare(table);
  }

  void setup(const cli::Operands& operands) override {
    const char* const names[] = {"LEFT", "RIGHT"};
    for (const Side side : {kLeft, kRight}) {
      ends_[side] = io::parse_endpoint(names[side], operands.get(names[side]));
      if (ends_[side].table || ends_[side].kind == io::EndpointKind::topic_pattern ||
          ends_[side].topics.size() > 1)
        throw usage_error(std::string(names[side]) + " '" + ends_[side].name + "' is not one topic or file",
                          ends_[side].table ? "the last value of each key is compared by: --by key" : "");
    }
    if (ends_[0].kind == io::EndpointKind::stdio && ends_[1].kind == io::EndpointKind::stdio)
      throw usage_error("LEFT and RIGHT are both stdin");
    const bool any_lines = ends_[0].is_lines() || ends_[1].is_lines();
    const bool any_topic = ends_[0].is_topic() || ends_[1].is_topic();
    if (!any_lines && (format_.name() != "json" || separator_ || null_marker_))
      throw usage_error("-I, -J, -K and -Z apply to lines, and LEFT and RIGHT are topics", "leave them out");
    format_.key_separator = separator_;
    format_.null_marker = null_marker_;
    io::check_input_format(format_);
    // kcp's files are envelopes: as values they all differ from the records that they were.
    if (!format_is_given_) format_.found_envelope = cli::envelope_refusal(command_, "kdiff", quiet_, true);
    range_.exit_at_end = true;
    io::parse_range(range_, clock_.wall_ms());
    for (const std::string& text : io::read_as_utc(range_, clock_.wall_ms())) note(text);
    // Plain lines have no keys.
    if (any_lines && format_.name() != "envelope" && !separator_) {
      if (by_ == By::key)
        throw usage_error("--by key: lines have no keys",
                          "lines with keys are read by -J (as kcp and kread -J write them) or by -K SEP");
      compared_.key = false;
    }
    without_times_ = any_lines && format_.name() != "envelope";
    if (without_times_ && (compared_.headers || compared_.time))
      throw usage_error("--headers and --times: plain lines have neither",
                        "compare envelopes: kcp wrote them, -J reads them");
    if (by_ == By::key && !compared_.key) throw usage_error("--by key and --ignore _key exclude each other");
    if (any_topic) client_ = cluster_.config_with_brokers();
  }

  void see_command(const cli::GivenCommand& command) override { command_ = &command; }

  ExitCode run() override {
    if (!client_.brokers().empty()) {
      admin_ = kafka::make_admin(client_);
      admin_->connect(kConnectLimit);
      for (const Side side : {kLeft, kRight})
        if (ends_[side].is_topic()) find_topic(side);
    }
    const bool equal = by_ == By::order ? compare_in_order()
                       : by_ == By::key ? compare_by_key()
                                        : compare_sets();
    if (!quiet_ && !rows_.print()) return kReaderGone;
    if (hidden_ > 0) note(std::to_string(hidden_) + " more differences; --limit shows more");
    note(std::to_string(read_[kLeft]) + " records in " + ends_[kLeft].name + ", " +
         std::to_string(read_[kRight]) + " in " + ends_[kRight].name + (equal ? ": no difference" : ""));
    return equal ? ExitCode::ok : ExitCode::answer_is_no;
  }

 private:
  void set_format(const io::LineFormat& format) {
    if (format_is_given_ && format.name() != format_.name())
      throw usage_error("-I and -J both set the format of lines", "leave one of the two out");
    format_ = format;
    format_is_given_ = true;
  }
  void set_by(const std::string& text) {
    if (text != "set" && text != "key" && text != "order")
      throw usage_error("--by " + text + ": no such comparison", "set, key, order");
    by_ = text == "set" ? By::set : text == "key" ? By::key : By::order;
  }
  void note(const std::string& text) {
    if (!quiet_) log_.note(text);
  }

  void find_topic(Side side) {
    const std::string& name = ends_[side].name;
    const auto topic = admin_->find_topic(name);
    if (!topic) {
      const auto file = io::local_file_hint(name);
      throw usage_error("there is no topic '" + name + "'",
                        file.value_or("ktopic list shows all; a file is spelled ./" + name));
    }
    for (int32_t p = 0; p < topic->partitions; ++p)
      if (range_.partitions.empty() ||
          std::find(range_.partitions.begin(), range_.partitions.end(), p) != range_.partitions.end())
        partitions_[side].push_back({name, p});
    if (partitions_[side].empty())
      throw usage_error("topic '" + name + "' has " + std::to_string(topic->partitions) +
                        " partitions, and none of those that -p names");
  }

  std::unique_ptr<io::Source> open(Side side, const std::vector<kafka::TopicPartition>& partitions) {
    if (ends_[side].is_lines()) return io::open_line_source(ends_[side], format_);
    const auto ranges = io::resolve_range(*admin_, range_, partitions, clock_.wall_ms(),
                                          [this] { return kafka::make_partition_reader(client_); });
    return io::make_topic_source(kafka::make_partition_reader(client_), ranges, clock_,
                                 [this](const std::string& text) { note(text); });
  }

  // The next records of a side, each given to `take`. False: there are no more.
  template <typename Take>
  bool read(Side side, io::Source& source, Batch& batch, Take take) {
    batch.clear();
    const io::Fill fill = source.poll(batch, kGlance);
    if (!source.bad_records().empty()) {
      const io::BadRecord& bad = source.bad_records().front();
      throw Error(ExitCode::bad_record, place_of(bad.origin) + ": " + bad.error.message,
                  "-I says what format lines have");
    }
    for (const Record& record : batch.records()) {
      ++read_[side];
      take(record);
    }
    return fill != io::Fill::end;
  }

  // Both sides to their ends, in turn, so that what is equal and stands at about the same place meets soon.
  template <typename Take>
  void read_both(Take take) {
    std::unique_ptr<io::Source> sources[2] = {open(kLeft, partitions_[kLeft]),
                                              open(kRight, partitions_[kRight])};
    Batch batches[2];
    bool more[2] = {true, true};
    while (more[kLeft] || more[kRight]) {
      for (const Side side : {kLeft, kRight})
        if (more[side])
          more[side] =
              read(side, *sources[side], batches[side], [&](const Record& record) { take(side, record); });
    }
  }

  static std::string place_of(const Record& record) {
    if (record.partition == kNoPartition)
      return std::string(record.topic) + ", line " + std::to_string(record.offset + 1);
    return std::string(record.topic) + " [" + std::to_string(record.partition) + "] @ " +
           std::to_string(record.offset);
  }
  Sample sample_of(Side side, const Record& record) const {
    Sample sample;
    sample.side = side;
    sample.place = place_of(record);
    sample.partition = record.partition;
    sample.offset = record.offset;
    sample.time = without_times_ ? 0 : record.timestamp;
    if (quiet_ || held_text_ > kMostText) return sample;
    const auto cut = [](const MaybeBytes& bytes) {
      return bytes.is_null() ? std::string("null") : printable(bytes.view().substr(0, kShownBytes));
    };
    sample.key = cut(record.key);
    sample.value = cut(record.value);
    sample.has_text = true;
    return sample;
  }

  // `<` is only in LEFT, `>` only in RIGHT.
  void show(const Sample& sample) {
    if (quiet_) return;
    if (shown_ >= limit_) {
      ++hidden_;
      return;
    }
    ++shown_;
    cli::Row row;
    row.text("side", sample.side == kLeft ? "<" : ">").text("place", sample.place);
    if (compared_.key) row.text("key", sample.key);
    rows_.add(row.text("value", sample.has_text ? sample.value : "(not kept)"));
  }

  // By place; most come in order. Returns the bytes of text that this adds, or takes away.
  static size_t insert(Sample sample, std::list<Sample>& samples) {
    const size_t bytes = sample.bytes();
    auto at = samples.end();
    while (at != samples.begin() && std::prev(at)->is_later_than(sample)) --at;
    samples.insert(at, std::move(sample));
    return bytes;
  }
  static size_t remove_first(std::list<Sample>& samples) {
    const size_t bytes = samples.front().bytes();
    samples.pop_front();
    return bytes;
  }

  bool compare_sets() {
    // Of equal records those that stand last are left over, whichever side was read faster. (With copies in
    // several partitions it may be another partition's last one.)
    struct Entry {
      int64_t count = 0;          // how many more LEFT has
      std::list<Sample> samples;  // of these the last ones, in order
    };
    std::unordered_map<Digest, Entry, kdiff::DigestHash> open_ones;
    kdiff::DigestSum sums[2];
    kdiff::Comparer comparer(compared_);
    bool lists = true;
    // More are not shown. With --limit of millions, equal ones beyond these are counted.
    const auto most_samples = static_cast<size_t>(std::clamp<int64_t>(limit_, 1, kMostShownOfEqual));
    read_both([&](Side side, const Record& record) {
      const Digest digest = kdiff::digest_of(comparer.whole(record));
      sums[side].add(digest);
      if (!lists) return;
      const auto at = open_ones.try_emplace(digest).first;
      Entry& entry = at->second;
      const bool meets = side == kLeft ? entry.count < 0 : entry.count > 0;
      entry.count += side == kLeft ? 1 : -1;
      if (!meets) {
        held_text_ += insert(sample_of(side, record), entry.samples);
        if (entry.samples.size() > most_samples) held_text_ -= remove_first(entry.samples);
      } else if (static_cast<int64_t>(entry.samples.size()) > std::abs(entry.count)) {
        held_text_ -= remove_first(entry.samples);
      }
      if (entry.count == 0) {
        open_ones.erase(at);
      } else if (static_cast<int64_t>(open_ones.size()) > kMostHeld) {
        lists = false;
        open_ones.clear();
        held_text_ = 0;
      }
    });
    const bool equal = sums[kLeft] == sums[kRight] && read_[kLeft] == read_[kRight];
    if (!lists) {
      if (!equal)
        note(
            "more than " + std::to_string(kMostHeld) +
            " records had no counterpart yet, so those that differ are not listed; -p compares one partition");
      return equal;
    }
    std::vector<const Sample*> left;
    for (const auto& [digest, entry] : open_ones) {
      for (const Sample& sample : entry.samples) left.push_back(&sample);
      hidden_ += std::abs(entry.count) - static_cast<int64_t>(entry.samples.size());
    }
    std::sort(left.begin(), left.end(),
              [](const Sample* a, const Sample* b) { return a->stands_before(*b); });
    for (const Sample* sample : left) show(*sample);
    return left.empty();
  }

  bool compare_by_key() {
    struct Entry {
      std::optional<Digest> values[2];  // nullopt: no such key, or deleted
      Sample samples[2];
      bool met[2] = {false, false};
      // Where it is shown.
      const Sample& first() const { return values[kLeft] ? samples[kLeft] : samples[kRight]; }
    };
    std::unordered_map<Digest, Entry, kdiff::DigestHash> keys;
    kdiff::Comparer comparer(compared_);
    read_both([&](Side side, const Record& record) {
      std::string key(record.key.is_null() ? "-" : "k");
      if (!record.key.is_null()) key += record.key.view();
      Entry& entry = keys[kdiff::digest_of(key)];
      if (static_cast<int64_t>(keys.size()) > kMostHeld)
        throw usage_error("more than " + std::to_string(kMostHeld) + " keys: kdiff holds no more at a time",
                          "compare partitions one by one: -p 0, where both topics have as many of them");
      Sample sample = sample_of(side, record);
      // A key that moved to another partition: its last value there is not known by the order of reading.
      if (entry.met[side] && !sample.is_later_than(entry.samples[side])) return;
      entry.met[side] = true;
      if (record.value.is_null()) {
        entry.values[side].reset();
      } else {
        entry.values[side] = kdiff::digest_of(comparer.value(record));
      }
      held_text_ -= entry.samples[side].bytes();
      entry.samples[side] = std::move(sample);
      held_text_ += entry.samples[side].bytes();
    });
    std::vector<const Entry*> differing;
    for (const auto& [key, entry] : keys)
      if (entry.values[kLeft] != entry.values[kRight]) differing.push_back(&entry);
    std::sort(differing.begin(), differing.end(),
              [](const Entry* a, const Entry* b) { return a->first().stands_before(b->first()); });
    for (const Entry* entry : differing) {
      if (entry->values[kLeft]) show(entry->samples[kLeft]);
      if (entry->values[kRight]) show(entry->samples[kRight]);
    }
    return differing.empty();
  }

  bool compare_in_order() {
    // Lines are as one partition.
    const size_t counts[2] = {ends_[0].is_lines() ? 1 : partitions_[0].size(),
                              ends_[1].is_lines() ? 1 : partitions_[1].size()};
    if (counts[kLeft] != counts[kRight])
      throw usage_error("--by order compares partition by partition, and there are " +
                            std::to_string(counts[kLeft]) + " in " + ends_[kLeft].name + ", " +
                            std::to_string(counts[kRight]) + " in " + ends_[kRight].name,
                        "choose with -p, or compare without regard to order: --by set");
    bool equal = true;
    for (size_t i = 0; i < counts[kLeft]; ++i) equal = compare_partition(i) && equal;
    return equal;
  }
  // The first difference is shown.
  bool compare_partition(size_t number) {
    struct Item {
      Digest digest;
      Sample sample;
    };
    std::unique_ptr<io::Source> sources[2];
    for (const Side side : {kLeft, kRight})
      sources[side] =
          open(side, ends_[side].is_lines() ? std::vector<kafka::TopicPartition>()
                                            : std::vector<kafka::TopicPartition>{partitions_[side][number]});
    Batch batches[2];
    bool more[2] = {true, true};
    std::deque<Item> waiting[2];
    kdiff::Comparer comparer(compared_);
    for (;;) {
      for (const Side side : {kLeft, kRight})
        if (waiting[side].empty() && more[side])
          more[side] = read(side, *sources[side], batches[side], [&](const Record& record) {
            waiting[side].push_back({kdiff::digest_of(comparer.whole(record)), sample_of(side, record)});
          });
      while (!waiting[kLeft].empty() && !waiting[kRight].empty()) {
        const Item left = std::move(waiting[kLeft].front()), right = std::move(waiting[kRight].front());
        waiting[kLeft].pop_front();
        waiting[kRight].pop_front();
        if (left.digest == right.digest) continue;
        show(left.sample);
        show(right.sample);
        return false;
      }
      for (const Side side : {kLeft, kRight}) {
        const Side other = side == kLeft ? kRight : kLeft;
        if (more[other] || !waiting[other].empty()) continue;
        if (!waiting[side].empty()) {
          show(waiting[side].front().sample);
          return false;
        }
        if (!more[side]) return true;
      }
    }
  }

  By by_ = By::set;
  kdiff::Compared compared_;
  io::Endpoint ends_[2];
  io::Range range_;
  const cli::GivenCommand* command_ = nullptr;
  io::LineFormat format_;
  bool format_is_given_ = false;
  std::optional<std::string> separator_, null_marker_;
  std::vector<kafka::TopicPartition> partitions_[2];
  int64_t read_[2] = {0, 0};
  int64_t limit_ = 20, shown_ = 0, hidden_ = 0;
  size_t held_text_ = 0;
  bool quiet_ = false;
  bool without_times_ = false;  // one side has none
  const SystemClock clock_{};
  StderrLog log_{"kdiff", false};
  cli::Rows rows_;
  cli::ClusterOptions cluster_;
  kafka::ClientConfig client_;
  std::unique_ptr<kafka::Admin> admin_;
};

}  // namespace

int main(int argc, char** argv) {
  DiffTool tool;
  return kutils::cli::run_tool(tool, argc, argv);
}
