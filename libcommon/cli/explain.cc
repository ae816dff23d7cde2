#include "cli/explain.h"

#include <memory>
#include <utility>

#include "flow/tasks/changelog.h"
#include "flow/topology/named_outputs.h"
#include "kafka/admin.h"

namespace kutils::cli {
namespace {

std::string place_of(const io::Endpoint& at) {
  if (at.kind == io::EndpointKind::stdio) return "-";
  return (at.table ? "table:" : "") + at.name;
}

// A topic or lines on the way from IN to OUT: what a sub-topology reads and writes.
struct Place {
  std::string text;
  std::string topic = {};  // empty: lines
};

Place place_of_end(const io::Endpoint& at) {
  const bool is_one = at.is_topic() && at.kind != io::EndpointKind::topic_pattern && at.topics.size() <= 1;
  return {place_of(at), is_one ? at.name : std::string()};
}

Place place_of_source(const flow::CopartitionedSource& source) {
  return {(source.is_table ? "table:" : "") + source.topic, source.topic};
}

Place source_of(const flow::Job& job, size_t sub) {
  if (sub == 0 && job.tool == "kgen") return {"kgen: nothing is read"};
  if (sub == 0) return place_of_end(job.in);
  const std::string name = flow::internal_topic_name(job.group, sub);
  return {name, name};
}

Place sink_of(const flow::Job& job, size_t sub) {
  return sub + 1 == job.topology.subs().size() ? place_of_end(job.out) : source_of(job, sub + 1);
}

std::string with_facts(const Place& at, const TopicFacts& facts, const char* before, const char* behind) {
  const std::string more = at.topic.empty() || !facts ? std::string() : facts(at.topic);
  return more.empty() ? at.text : at.text + before + more + behind;
}

// The last operator before an internal topic only writes records to it.
bool sends(const flow::Job& job, size_t sub, size_t place) {
  return sub + 1 < job.topology.subs().size() && place + 1 == job.topology.subs()[sub].operators.size();
}

std::string label_of(const flow::Operator& one, bool sends) {
  return (one.place > 0 ? std::to_string(one.place) + " " : std::string()) + one.name +
         (sends && one.has_state ? " (state; sends on by key)"
          : sends                ? " (sends on by key)"
          : one.has_state        ? " (state)"
                                 : "");
}

bool has_changelog(const flow::Job& job) { return job.stateful() && job.in.is_topic() && job.out.is_topic(); }

std::string dot_string(const std::string& name) {
  std::string out = "\"";
  for (const char c : name) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

}  // namespace

std::string explain(const flow::Job& job, const TopicFacts& facts) {
  const auto shown = [&facts](const Place& at) { return with_facts(at, facts, " (", ")"); };
  std::string text;
  const auto& subs = job.topology.subs();
  for (size_t i = 0; i < subs.size(); ++i) {
    text += "sub-topology " + std::to_string(i + 1) + "\n  from " + shown(source_of(job, i)) + "\n";
    for (const flow::CopartitionedSource& source : subs[i].copartitioned)
      text += "  and " + shown(place_of_source(source)) + "\n";
    for (size_t k = 0; k < subs[i].operators.size(); ++k)
      text += "    " + label_of(subs[i].operators[k], sends(job, i, k)) + "\n";
    text += "  to " + shown(sink_of(job, i)) + "\n";
  }
  for (const flow::MoreOutput& more : job.more_outputs)
    text += "also to " + shown(place_of_end(more.at)) + "\n";
  if (job.named_outputs)
    text += "also to topics that records name, at most " + std::to_string(job.named_outputs->most()) + "\n";
  if (!job.group.empty()) text += "group " + job.group + "\n";
  if (has_changelog(job)) {
    const std::string name = flow::changelog_name(job.group);
    text += "changelog " + shown({name, name}) + "\n";
  }
  return text;
}

std::string explain_dot(const flow::Job& job, const TopicFacts& facts) {
  const auto node = [&facts](const Place& at) {
    return "  " + dot_string(at.text) +
           " [shape=cylinder, label=" + dot_string(with_facts(at, facts, "\n", "")) + "];\n";
  };
  std::string text = "digraph " + job.tool + " {\n  rankdir=LR;\n  node [shape=box];\n";
  const auto& subs = job.topology.subs();
  for (size_t i = 0; i < subs.size(); ++i) {
    std::string before = source_of(job, i).text;
    text += node(source_of(job, i));
    for (size_t k = 0; k < subs[i].operators.size(); ++k) {
      const std::string name = label_of(subs[i].operators[k], sends(job, i, k));
      text += "  " + dot_string(before) + " -> " + dot_string(name) + ";\n";
      for (const flow::CopartitionedSource& source : subs[i].copartitioned) {
        const Place at = place_of_source(source);
        if (source.to == k) text += node(at) + "  " + dot_string(at.text) + " -> " + dot_string(name) + ";\n";
      }
      before = name;
    }
    text +=
        node(sink_of(job, i)) + "  " + dot_string(before) + " -> " + dot_string(sink_of(job, i).text) + ";\n";
    for (const flow::MoreOutput& more : job.more_outputs)
      if (i + 1 == subs.size())
        text += node(place_of_end(more.at)) + "  " + dot_string(before) + " -> " +
                dot_string(place_of(more.at)) + ";\n";
  }
  return text + "}\n";
}

TopicFacts ask_brokers(const flow::Job& job, std::string& why) {
  if (!job.in.is_topic() && !job.out.is_topic()) return {};
  if (job.client.brokers().empty()) {
    why = "no brokers are given; -b HOST:PORT or $KUTILS_BROKERS";
    return {};
  }
  std::shared_ptr<kafka::Admin> admin = kafka::make_admin(job.client);
  try {
    admin->connect(Millis(2000));
  } catch (const Error& error) {
    why = error.what();
    return {};
  }
  return [admin](const std::string& topic) -> std::string {
    const auto found = admin->find_topic(topic);
    if (!found) return "not there yet";
    return std::to_string(found->partitions) + (found->partitions == 1 ? " partition" : " partitions");
  };
}

}  // namespace kutils::cli
