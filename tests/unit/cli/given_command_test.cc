#include "cli/given_command.h"

#include <random>

#include "cli/command_line.h"
#include "support/catch.h"

using namespace kutils;
using namespace kutils::cli;

namespace {

const ToolInfo kTool{"kdemo",
                     "Keep what matches.",
                     {{.name = "EXPR", .required = true, .is_spec = true}, {.name = "IN"}, {.name = "OUT"}},
                     {{"kdemo a b", ""}, {"kdemo c", ""}}};

OptionTable demo_table() {
  OptionTable table;
  const auto ignore = [](const std::string&) {};
  table.add({.names = "-e", .help = "end", .set = ignore});
  table.add({.names = "-q,--quiet", .help = "quiet", .set = ignore});
  table.add({.names = "--stay", .help = "stay", .set = ignore});
  table.add({.names = "-c", .metavar = "N", .help = "number", .set = ignore});
  table.add({.names = "-X", .metavar = "K=V", .help = "property", .set = ignore});
  table.add({.names = "-b", .metavar = "HOST", .help = "brokers", .set = ignore});
  table.add({.names = "-K,--keys", .metavar = "SEP", .help = "keys", .set = ignore});
  table.add({.names = "--by", .metavar = "EXPR", .help = "groups", .set = ignore});
  table.add({.names = "--token", .metavar = "T", .help = "token", .is_secret = true, .set = ignore});
  return table;
}

GivenCommand given(const OptionTable& table, std::vector<const char*> words) {
  words.insert(words.begin(), "kdemo");
  return GivenCommand(kTool, table, static_cast<int>(words.size()), words.data());
}

CommandLine parse(const OptionTable& table, std::vector<std::string> words) {
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  return parse_command_line(kTool, table, static_cast<int>(words.size()), argv.data());
}

}  // namespace

TEST_CASE("a hint keeps every option, however it was written, and quotes for the shell") {
  const OptionTable table = demo_table();
  const GivenCommand line = given(table, {"-qe", "IN", "-c3", "--by=a b", "x > 1", "-K", "\\t", "--stay"});
  CHECK(line.hint({.operands = {{"x > 1", "IN"}}}) ==
        "write: kdemo -q -e -c3 '--by=a b' -K '\\t' --stay 'x > 1' IN");
  CHECK(line.operands() == std::vector<std::string>{"IN", "x > 1"});
  CHECK(line.hint({.before = "of lines: ", .after = ".", .tool = "kother", .drop = {"--by", "-e"}}) ==
        "of lines: kother -q -c3 -K '\\t' --stay IN 'x > 1'.");
}

TEST_CASE("what is added stands in the place of an option of that name, else behind the others") {
  const OptionTable table = demo_table();
  const GivenCommand line = given(table, {"-c", "5", "--keys=:", "IN"});
  CHECK(line.hint({.add = {{"-K", ","}, {"-e", ""}}}) == "write: kdemo -c 5 -K , -e IN");
}

TEST_CASE("an operand that looks like an option stands behind --") {
  const OptionTable table = demo_table();
  CHECK(given(table, {"-e", "--", "-x", "IN"}).hint({}) == "write: kdemo -e -- -x IN");
  CHECK(given(table, {"-e", "x", "-"}).hint({.spec = "-y"}) == "write: kdemo -e -- -y -");
}

TEST_CASE("values that may be secrets are not shown") {
  const OptionTable table = demo_table();
  const std::string text =
      given(table, {"-X", "sasl.password=hunter2", "-Xacks=1", "-X", "hunter2", "--token=hunter2", "-b",
                    "user:hunter2@host:1", "-X", "a b=hunter2", "IN"})
          .hint({});
  CHECK(text ==
        "write: kdemo -X 'sasl.password=***' -Xacks=1 -X '***' '--token=***' -b '***' -X 'a b=***' IN");
}

TEST_CASE(
    "whatever is given: what is corrected parses to the same options, with the operands that were meant") {
  const OptionTable table = demo_table();
  const std::vector<std::vector<std::string>> pieces = {
      {"-e"},       {"-q"},         {"--quiet"},      {"-qe"},     {"--stay"},
      {"-c", "-5"}, {"-c7"},        {"-X", "acks=1"}, {"-Xa=b c"}, {"-K", "\\t"},
      {"--keys=,"}, {"--keys", ""}, {"--by", "a'b"},  {"--by=-x"}, {"-qec", "3"}};
  const std::vector<std::string> texts = {"in", "x > 1", "a, b", "./f", "-", "it's", "$x"};
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::vector<std::string> words{"kdemo"};
    std::vector<std::string> operands;
    for (size_t i = random() % 7; i > 0; --i) {
      const auto& piece = pieces[random() % pieces.size()];
      words.insert(words.end(), piece.begin(), piece.end());
      if (random() % 3 == 0) {
        operands.push_back(texts[random() % texts.size()]);
        words.push_back(operands.back());
      }
    }
    std::vector<const char*> argv;
    for (const std::string& word : words) argv.push_back(word.c_str());
    const GivenCommand line(kTool, table, static_cast<int>(argv.size()), argv.data());
    CHECK(line.operands() == operands);
    std::vector<std::string> turned(operands.rbegin(), operands.rend());
    if (random() % 2 == 0) turned.insert(turned.begin(), "-email");
    const CommandLine want = parse(table, words);
    const CommandLine got = parse(table, line.corrected({.operands = turned}));
    CHECK(got.options == want.options);
    CHECK(got.operands == turned);
  }
}
