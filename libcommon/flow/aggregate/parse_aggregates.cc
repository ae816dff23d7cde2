#include <cctype>
#include <charconv>

#include "base/shell_word.h"
#include "base/trim.h"
#include "expr/expressions.h"
#include "expr/habits.h"
#include "flow/aggregate/aggregate_set.h"

namespace kutils::flow {
namespace {

// At commas outside of brackets and strings. The parts are views into `text`.
std::vector<std::string_view> split_arguments(std::string_view text) {
  std::vector<std::string_view> parts;
  size_t depth = 0, begin = 0;
  char quote = 0;
  for (size_t i = 0; i <= text.size(); ++i) {
    const char c = i < text.size() ? text[i] : ',';
    if (quote != 0 && i < text.size()) {
      if (c == '\\') ++i;
      if (c == quote) quote = 0;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '(' || c == '[' || c == '{') {
      ++depth;
    } else if ((c == ')' || c == ']' || c == '}') && depth > 0) {
      --depth;
    } else if (i == text.size() || (c == ',' && depth == 0)) {
      parts.push_back(trim(text.substr(begin, i - begin)));
      begin = i + 1;
    }
  }
  return parts;
}

bool is_identifier(std::string_view text) {
  if (text.empty() || std::isdigit(static_cast<unsigned char>(text[0]))) return false;
  for (const char c : text)
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '_') return false;
  return true;
}

// Whether the bracket at `open` is closed by the last character.
bool closes_last(std::string_view text, size_t open) {
  int depth = 0;
  char quote = 0;
  for (size_t i = open; i < text.size(); ++i) {
    const char c = text[i];
    if (quote != 0) {
      if (c == '\\') ++i;
      if (c == quote) quote = 0;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '(') {
      ++depth;
    } else if (c == ')' && --depth == 0) {
      return i + 1 == text.size();
    }
  }
  return false;
}

std::string function_names() {
  std::string names;
  for (const AggregateFunction& function : aggregate_functions())
    names.append(names.empty() ? "" : ", ").append(function.signature);
  return names;
}

// An item that needs a name and has none.
struct NeedsName : Error {
  NeedsName(const Error& error, size_t at) : Error(error), position(at) {}
  size_t position;  // of its expression, in the list
};

// A name, and so probably a column beside which records are to be counted.
std::string grouping_hint(const std::vector<expr::ListItem>& list, const expr::ListItem& field) {
  std::string others;
  for (const expr::ListItem& item : list) {
    if (&item == &field || item.expression.find('(') == std::string::npos) continue;
    others += (others.empty() ? "" : ", ") + (item.named ? item.name + "=" : "") + item.expression;
  }
  return "what groups records is an option; write: --by " + field.expression + " " +
         shell_word(others.empty() ? "count()" : others);
}

AggregateItem parse_item(const std::vector<expr::ListItem>& whole, const expr::ListItem& item,
                         std::string_view what, const expr::Options& options) {
  const std::string where = std::string(what) + ": '" + item.expression + "'";
  if (item.kind != expr::ListItem::Kind::field)
    throw usage_error(std::string(what) + " is a list of aggregates: [NAME=]FUNCTION(...) [if COND]",
                      function_names());
  const std::string_view text = trim(item.expression);
  const size_t open = text.find('(');
  if (open != std::string_view::npos && is_identifier(trim(text.substr(0, open))) && !closes_last(text, open))
    throw usage_error(
        where + " is more than one aggregate",
        "compute with the rows: kpipe ktable 's=sum(x), n=count()' then kmap '*, mean=s / n' -- IN OUT");
  const std::string_view function_name = trim(text.substr(0, open));
  if (open == std::string_view::npos || text.back() != ')' || !is_identifier(function_name))
    throw usage_error(where + " is not an aggregate", is_identifier(text) && !find_aggregate_function(text)
                                                          ? grouping_hint(whole, item)
                                                          : "aggregates are " + function_names());
  const AggregateFunction* function = find_aggregate_function(function_name);
  if (function == nullptr)
    throw usage_error(where + ": no aggregate is called " + std::string(function_name) + "()",
                      "aggregates are " + function_names());

  AggregateItem result;
  result.function = function_name;
  result.condition = trim(item.condition);
  std::vector<std::string_view> arguments;
  const std::string_view inside = trim(text.substr(open + 1, text.size() - open - 2));
  if (!inside.empty()) arguments = split_arguments(inside);
  if (function->with_key != nullptr && arguments.size() == function->max_arguments + 1) {
    function = find_aggregate_function(function->with_key);
    result.function = function->name;
  }
  if (arguments.size() < function->min_arguments || arguments.size() > function->max_arguments)
    throw usage_error(
        where + ": it is written " + function->signature,
        arguments.empty() ? "name the field: total=" + std::string(function_name) + "(amount)" : "");
  if (function->folds) {
    result.initial = arguments[0];
    result.initial_value = expr::constant_bytes(result.initial, what, options);
    arguments.erase(arguments.begin());
  }
  if (function->goes_by_key) {
    result.key = arguments.back();
    arguments.pop_back();
  }
  if (!arguments.empty()) result.argument = arguments[0];
  for (size_t i = 1; i < arguments.size(); ++i) {
    double value = 0;
    const auto [end, error] =
        std::from_chars(arguments[i].data(), arguments[i].data() + arguments[i].size(), value);
    if (error != std::errc() || end != arguments[i].data() + arguments[i].size())
      throw usage_error(where + ": '" + std::string(arguments[i]) + "' must be a number, as in " +
                        function->signature);
    result.parameters.push_back(value);
  }
  if (item.named) {
    result.name = item.name;
  } else if (arguments.empty()) {
    result.name = result.function;
  } else if (is_identifier(result.argument)) {
    result.name = std::string(function_name) + "_" + result.argument;
  } else {
    throw NeedsName{usage_error(where + " needs a name", "write NAME=" + item.expression), item.position};
  }
  return result;
}

}  // namespace

std::vector<AggregateItem> parse_aggregates(std::string_view list, std::string_view what) {
  return parse_aggregates(list, what, expr::Options());
}

std::vector<AggregateItem> parse_aggregates(std::string_view list, std::string_view what,
                                            const expr::Options& options) {
  std::vector<AggregateItem> items;
  const auto parse = [&](const std::string_view text) {
    std::vector<AggregateItem> made;
    const std::vector<expr::ListItem> parsed = expr::parse_list(text, what, expr::Unnamed::nothing);
    for (const expr::ListItem& item : parsed) made.push_back(parse_item(parsed, item, what, options));
    return made;
  };
  const auto fits = [&](const std::string& other) {
    try {
      (void)parse(other);
      return true;
    } catch (const Error&) {
      return false;
    }
  };
  try {
    items = parse(list);
  } catch (const NeedsName& error) {
    const std::string named = expr::named_spelling(list, error.position, fits);
    throw Error(error.code(), error.what(), named.empty() ? error.hint() : "write: " + named);
  } catch (const Error& error) {
    throw Error(error.code(), error.what(), expr::with_our_spelling(error.hint(), list, true, fits));
  }
  if (items.empty())
    throw usage_error(std::string(what) + " names no aggregate", "aggregates are " + function_names());
  return items;
}

}  // namespace kutils::flow
