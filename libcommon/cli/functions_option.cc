#include "cli/functions_option.h"

#include <string>
#include <vector>

#include "base/error.h"
#include "base/nearest_name.h"
#include "expr/registry.h"
#include "flow/aggregate/aggregate.h"

namespace kutils::cli {

namespace {

std::string describe(const flow::AggregateFunction& function, const char* indent) {
  return std::string(indent) + function.signature + "\n" + indent + (*indent == 0 ? "  " : "    ") +
         function.doc + "\n";
}

std::string describe_aggregates() {
  std::string text = "Aggregates, each followed by `if COND` where only some records count\n";
  for (const flow::AggregateFunction& function : flow::aggregate_functions())
    text += describe(function, "  ");
  return text;
}

}  // namespace

Option functions_option(bool aggregates) {
  Option option;
  option.names = "--functions";
  option.help = "print the functions of expressions; --functions NAME: that one, with an example";
  option.example = "kexpr --functions split";
  option.group = Group::general;
  option.answer = [aggregates](const std::string&,
                               const std::vector<std::string>& operands) -> std::optional<std::string> {
    if (operands.empty())
      return (aggregates ? describe_aggregates() : std::string()) + expr::describe_functions();
    const flow::AggregateFunction* aggregate =
        aggregates ? flow::find_aggregate_function(operands[0]) : nullptr;
    std::string text = aggregate != nullptr ? describe(*aggregate, "") : std::string();
    text += expr::describe_functions(operands[0]);
    if (!text.empty()) return text;
    std::vector<std::string> names;
    if (aggregates)
      for (const flow::AggregateFunction& function : flow::aggregate_functions())
        names.emplace_back(function.name);
    for (const std::string_view name : expr::function_names()) names.emplace_back(name);
    const std::string near = nearest_name(operands[0], names);
    throw usage_error("--functions: there is no function '" + operands[0] + "'",
                      near.empty() ? "--functions alone prints all" : "did you mean '" + near + "'?");
  };
  return option;
}

}  // namespace kutils::cli
