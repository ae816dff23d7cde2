#include "cli/functions_option.h"

#include <string>
#include <vector>

#include "base/error.h"
#include "base/nearest_name.h"
#include "expr/registry.h"

namespace kutils::cli {

Option functions_option() {
  Option option;
  option.names = "--functions";
  option.help = "print the functions of expressions; --functions NAME: that one, with an example";
  option.group = Group::general;
  option.answer = [](const std::string&, const std::vector<std::string>& operands) -> std::optional<std::string> {
    if (operands.empty()) return expr::describe_functions();
    const std::string text = expr::describe_functions(operands[0]);
    if (!text.empty()) return text;
    std::vector<std::string> names;
    for (const std::string_view name : expr::function_names()) names.emplace_back(name);
    const std::string near = nearest_name(operands[0], names);
    throw usage_error("--functions: there is no function '" + operands[0] + "'",
                      near.empty() ? "--functions alone prints all" : "did you mean '" + near + "'?");
  };
  return option;
}

}  // namespace kutils::cli
