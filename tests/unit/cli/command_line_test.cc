#include "cli/command_line.h"

#include <cstdio>
#include <fstream>

#include "base/correction.h"
#include "base/nearest_name.h"
#include "cli/given_command.h"
#include "cli/help.h"
#include "support/catch.h"

using namespace kutils;
using namespace kutils::cli;

namespace {

const ToolInfo kFilterLike{
    "kdemo",
    "Keep what matches.",
    {{.name = "EXPR", .required = true, .is_spec = true}, {.name = "IN"}, {.name = "OUT"}},
    {{"kdemo a b", ""}, {"kdemo c", ""}}};
const ToolInfo kWriteLike{"kdemo", "Write.", {{.name = "IN"}, {.name = "OUT", .required = true}}, {}};

OptionTable demo_table() {
  OptionTable table;
  const auto ignore = [](const std::string&) {};
  table.add({.names = "-e", .metavar = "", .help = "end", .set = ignore});
  table.add({.names = "--last", .metavar = "", .help = "last", .set = ignore});
  table.add({.names = "-m", .metavar = "N", .help = "number", .set = ignore});
  table.add({.names = "-X", .metavar = "K=V", .help = "property", .set = ignore});
  table.add({.names = "--on-error", .metavar = "WHAT", .help = "policy", .set = ignore});
  return table;
}

CommandLine parse(const ToolInfo& info, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), info.name);
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  return parse_command_line(info, demo_table(), static_cast<int>(arguments.size()), argv.data());
}

std::string complaint(const ToolInfo& info, std::vector<std::string> arguments) {
  try {
    name_operands(info, parse(info, std::move(arguments)).operands);
  } catch (const Error& e) {
    CHECK(e.code() == ExitCode::usage);
    return std::string(e.what()) + " | " + e.hint();
  }
  return "no complaint";
}

}  // namespace

TEST_CASE("operands are plain strings and keep their order") {
  const CommandLine line = parse(kFilterLike, {"[1,2]", "-e", "a", "b"});
  CHECK(line.operands == std::vector<std::string>{"[1,2]", "a", "b"});
  CHECK(line.options.size() == 1);
  CHECK(parse(kFilterLike, {"--", "-email", "a"}).operands == std::vector<std::string>{"-email", "a"});
  CHECK(parse(kFilterLike, {"-m", "-5", "x", "-"}).operands == std::vector<std::string>{"x", "-"});
}

TEST_CASE("an option may be given again, each value is kept whole") {
  const CommandLine line = parse(kFilterLike, {"-X", "[a,b]", "-X", "c=d,e", "x"});
  REQUIRE(line.options.size() == 2);
  CHECK(line.options[0].second == "[a,b]");
  CHECK(line.options[1].second == "c=d,e");
}

TEST_CASE("required operands are served first") {
  const Operands one = name_operands(kWriteLike, {"t"});
  CHECK(one.get("OUT") == "t");
  CHECK(!one.find("IN"));
  const Operands two = name_operands(kWriteLike, {"./f", "t"});
  CHECK(two.get("OUT") == "t");
  CHECK(two.find("IN") == "./f");
}

TEST_CASE("usage is made from the operands") {
  CHECK(operand_usage(kFilterLike) == "EXPR [IN [OUT]]");
  CHECK(operand_usage(kWriteLike) == "[IN] OUT");
}

TEST_CASE("mistakes on the command line say what to do") {
  using Catch::Matchers::ContainsSubstring;
  CHECK_THAT(complaint(kFilterLike, {}), ContainsSubstring("missing operand EXPR") &&
                                             ContainsSubstring("kdemo [OPTIONS] EXPR [IN [OUT]]"));
  CHECK_THAT(complaint(kFilterLike, {"a", "b", "c", "d"}), ContainsSubstring("one operand too many: 'd'"));
  CHECK_THAT(complaint(kFilterLike, {"--on-eror", "skip", "x"}),
             ContainsSubstring("unknown option '--on-eror'") && ContainsSubstring("'--on-error'"));
  CHECK_THAT(complaint(kFilterLike, {"-t", "clicks"}),
             ContainsSubstring("unknown option '-t'") && ContainsSubstring("operands"));
  CHECK_THAT(complaint(kFilterLike, {"-G", "g", "x"}), ContainsSubstring("-g NAME"));
  CHECK_THAT(complaint(kFilterLike, {"x", "--last=no"}), ContainsSubstring("option '--last' takes no value"));
  CHECK_THAT(complaint(kFilterLike, {"x", "-m"}), ContainsSubstring("option '-m' needs a value"));
  CHECK_THAT(complaint(kFilterLike, {"-x > 3", "a"}), ContainsSubstring("-- '-x > 3'"));
  CHECK_THAT(complaint(kFilterLike, {""}), ContainsSubstring("EXPR is empty"));
}

TEST_CASE("@FILE is read, with comments") {
  const std::string path = "read_spec_test.tmp";
  std::ofstream(path) << "# keep the large ones\nnumber >= 100\n  # and\n  && ok\n";
  CHECK(read_spec("@" + path) == "\nnumber >= 100\n\n  && ok\n");
  std::remove(path.c_str());
  CHECK_THROWS_AS(read_spec("@no/such/file"), Error);
}

TEST_CASE("the rest of the line is a command with its own options") {
  const ToolInfo runs{"kdemo", "Run.", {{.name = "CMD", .is_rest = true}}, {}};
  CHECK(parse(runs, {"-e", "sh", "-c", "--", "-x"}).operands ==
        std::vector<std::string>{"sh", "-c", "--", "-x"});
  CHECK(parse(runs, {"--", "-sh", "--on-error"}).operands == std::vector<std::string>{"-sh", "--on-error"});
  CHECK(name_operands(runs, {"a", "b"}).rest() == std::vector<std::string>{"a", "b"});
  CHECK_THROWS_AS(parse(runs, {"--bogus", "sh"}), Error);
}

TEST_CASE("a near name is found, a far one is not") {
  CHECK(nearest_name("--delivry", {"--delivery", "--idle"}) == "--delivery");
  CHECK(nearest_name("--commit", {"--commit-interval"}) == "--commit-interval");
  CHECK(nearest_name("--zzzz", {"--delivery"}).empty());
}

namespace {

// What set_options() sets of `arguments`, each as NAME=VALUE; or what it complains of, and the corrected command.
std::string set_by(std::vector<std::string> arguments) {
  std::string out;
  OptionTable table;
  const auto to = [&out](const char* name) {
    return [&out, name](const std::string& value) { out += (out.empty() ? "" : " ") + (name + value); };
  };
  table.add({.names = "-v", .help = "more", .set = to("v")});
  table.add({.names = "-m,--most", .metavar = "N", .help = "number", .set = to("m=")});
  table.add({.names = "--token", .metavar = "T", .help = "a secret", .is_secret = true, .set = to("t=")});
  table.add({.names = "-X", .metavar = "K=V", .help = "property", .is_list = true, .set = to("X=")});
  table.add({.names = "--by", .metavar = "EXPR", .help = "by", .joined = joined_by_comma, .set = to("by=")});
  table.add(
      {.names = "--where", .metavar = "EXPR", .help = "cond", .joined = joined_by_and, .set = to("where=")});
  table.add({.names = "-o",
             .metavar = "WHERE",
             .help = "place",
             .joined =
                 [](const std::vector<std::string>& all) {
                   return all[0] == "s" && all[1] == "e" ? std::string("s:e") : std::string();
                 },
             .accepts_joined = true,
             .set = to("o=")});
  arguments.insert(arguments.begin(), "kdemo");
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const int count = static_cast<int>(arguments.size());
  const GivenCommand given(kFilterLike, table, count, argv.data());
  try {
    set_options(table, parse_command_line(kFilterLike, table, count, argv.data()));
  } catch (const CorrectedError& e) {
    return std::string(e.what()) + " | " + given.hint(e.correction());
  }
  return out;
}

}  // namespace

TEST_CASE("an option of one value that is given twice is refused, and the hint has one") {
  CHECK(set_by({"-v", "-v", "-m", "1", "-X", "a=1", "-X", "b=2"}) == "v v m=1 X=a=1 X=b=2");
  CHECK(set_by({"-m", "1", "-v", "--most=2", "a"}) ==
        "-m is given twice: 1, 2 | it takes one value; with the last one: kdemo -m 2 -v a");
  CHECK(set_by({"-m", "1", "-m1", "a"}) == "-m is given twice: 1, 1 | write: kdemo -m 1 a");
  CHECK(set_by({"-m", "1", "-m", "2", "-m", "3"}) ==
        "-m is given 3 times: 1, 2, 3 | it takes one value; with the last one: kdemo -m 3");
  CHECK(set_by({"--by", "a", "--by", "b", "x"}) == "--by is given twice: a, b | write: kdemo --by a,b x");
  CHECK(set_by({"--where", "a > 1", "--where", "b"}) ==
        "--where is given twice: 'a > 1', b | write: kdemo --where '(a > 1) && (b)'");
  CHECK_THROWS_WITH(set_by({"--by", "a", "--by", ""}), Catch::Contains("is empty"));
  CHECK(set_by({"--token", "abc", "--token", "def"}).find("abc") == std::string::npos);
  CHECK(set_by({"-o", "s", "-m", "1", "-o", "e"}) == "m=1 o=s:e");
  CHECK(set_by({"-o", "e", "-o", "s"}) ==
        "-o is given twice: e, s | it takes one value; with the last one: kdemo -o s");
}
