// --explain: what a run would do, as text: sub-topologies, what they read and write, internal topics, state.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "flow/topology/job.h"

namespace kutils::cli {

// What is said behind a topic's name: "4 partitions". Empty: nothing.
using TopicFacts = std::function<std::string(const std::string& topic)>;

std::string explain(const flow::Job& job, const TopicFacts& facts);
std::string explain_dot(const flow::Job& job, const TopicFacts& facts);  // for dot(1)

// Asks the brokers, for two seconds at most, how many partitions a topic has or whether it is missing. Without an
// answer the result is empty, and `why` is set to the reason.
TopicFacts ask_brokers(const flow::Job& job, std::string& why);

}  // namespace kutils::cli
