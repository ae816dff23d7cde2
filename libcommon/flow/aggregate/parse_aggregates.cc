#include <algorithm>
#include <cctype>
#include <charconv>
#include <functional>
#include <memory>

#include "base/correction.h"
#include "base/nesting.h"
#include "base/trim.h"
#include "data/json_write.h"
#include "expr/expressions.h"
#include "expr/habits.h"
#include "expr/parser.h"
#include "expr/registry.h"
#include "expr/source_error.h"
#include "flow/aggregate/aggregate_set.h"
#include "flow/aggregate/miller_verbs.h"

namespace kutils::flow {
namespace {

// At commas outside of brackets and strings. The parts are views into `text`.
std::vector<std::string_view> split_arguments(std::string_view text) {
  std::vector<std::string_view> parts;
  Nesting nesting;
  size_t begin = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (!nesting.take(text[i]) || text[i] != ',') continue;
    parts.push_back(trim(text.substr(begin, i - begin)));
    begin = i + 1;
  }
  parts.push_back(trim(text.substr(begin)));
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
  Nesting nesting;
  for (size_t i = open; i < text.size(); ++i) {
    nesting.take(text[i]);
    if (text[i] == ')' && !nesting.in_string() && nesting.depth() == 0) return i + 1 == text.size();
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
Correction grouping(const std::vector<expr::ListItem>& list, const expr::ListItem& field) {
  std::string others;
  for (const expr::ListItem& item : list) {
    if (&item == &field || item.expression.find('(') == std::string::npos) continue;
    others += (others.empty() ? "" : ", ") + (item.named ? item.name + "=" : "") + item.expression;
  }
  Correction meant;
  meant.before = "records are grouped by an option; write: ";
  meant.add = {{"--by", field.expression}};
  meant.spec = others.empty() ? "count()" : others;
  return meant;
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
    throw usage_error(where + " is neither one aggregate nor an expression over the row's columns",
                      "a column is computed as in: 's=sum(x), n=count(), mean=s / n'");
  const std::string_view function_name = trim(text.substr(0, open));
  if (open == std::string_view::npos || text.back() != ')' || !is_identifier(function_name)) {
    if (is_identifier(text) && !find_aggregate_function(text))
      throw CorrectedError(where + " is not an aggregate", grouping(whole, item));
    throw usage_error(where + " is not an aggregate", "aggregates are " + function_names());
  }
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

// The tree of a column that is computed from the row; null: it is an aggregate, or is to be told what is wrong
// with it as one.
std::unique_ptr<expr::Node> computed(const expr::ListItem& item, const std::vector<std::string>& columns) {
  if (item.kind != expr::ListItem::Kind::field) return nullptr;
  const std::string_view text = trim(item.expression);
  const size_t open = text.find('(');
  if (open != std::string_view::npos && is_identifier(trim(text.substr(0, open))) &&
      closes_last(text, open)) {
    const std::string_view name = trim(text.substr(0, open));
    if (find_aggregate_function(name) != nullptr) return nullptr;
    if (name != "has" && name != "coalesce" && expr::find_functions(name, false).empty()) return nullptr;
  }
  // A field's name, and most probably what is to be grouped by.
  if (is_identifier(text) && !item.named && std::find(columns.begin(), columns.end(), text) == columns.end())
    return nullptr;
  try {
    return expr::parse(item.expression);
  } catch (const expr::SourceError&) {
    return nullptr;
  }
}

// Makes an expression over a row of one over records' aggregates: `sum(x) / count()` becomes `sum_x / count`,
// where those are aggregates that the row has or gets.
class OverRow {
 public:
  using Aggregate = std::function<std::string(std::string_view call)>;  // the column's name
  // `known`: the names that the row has. Throws usage_error.
  OverRow(std::string_view what, std::string_view text, const std::vector<std::string>& known,
          const expr::Options& options, const Aggregate& aggregate)
      : what_(what), text_(text), known_(known), options_(options), aggregate_(aggregate) {}

  std::string rewritten(const expr::Node& node) {
    walk(node);
    if (!reads_)
      throw usage_error(std::string(what_) + ": '" + text_ + "' names no column of the row and no aggregate",
                        columns());
    return result_.append(text_, done_);
  }

 private:
  std::string columns() const {
    std::string names;
    for (const std::string& name : known_) names += (names.empty() ? "" : ", ") + name;
    return names.empty() ? "an aggregate, such as count(), or an expression over columns before it"
                         : "the row has " + names;
  }
  void replace(const expr::Node& node, const std::string& by) {
    result_.append(text_, done_, node.begin - done_).append(by);
    done_ = node.end;
  }
  void identifier(const expr::Node& node) {
    const auto has = [&](const std::vector<std::string>& names) {
      return std::find(names.begin(), names.end(), node.name) != names.end();
    };
    if (has(locals_)) return;
    reads_ = true;
    if (has(known_)) return;
    static const std::vector<std::string> kOthers = {"_key",   "_value", "_ts",  "_time", "_arg",
                                                     "type",   "int",    "uint", "bool",  "double",
                                                     "string", "bytes",  "list", "map",   "null_type"};
    if (has(kOthers)) return;
    throw usage_error(std::string(what_) + ": '" + node.name + "'" +
                          (node.name == trim(text_) ? "" : " in '" + text_ + "'") +
                          " is not a column of the row",
                      columns() + "; a field of the records is first(" + node.name + ") or last(" +
                          node.name + "), or --by " + node.name);
  }
  // In the order of the text: edits follow each other.
  void walk(const expr::Node& node) {
    using expr::NodeType;
    size_t first = 0;
    switch (node.type) {
      case NodeType::call:
        if (find_aggregate_function(node.name) != nullptr && expr::find_functions(node.name, false).empty()) {
          reads_ = true;
          return replace(node, aggregate_(std::string_view(text_).substr(node.begin, node.end - node.begin)));
        }
        break;
      case NodeType::identifier:
        return identifier(node);
      case NodeType::select:
        // The state's reader has no arguments.
        if (node.children[0]->type == NodeType::identifier && node.children[0]->name == "_arg") {
          for (const auto& [name, value] : options_.args) {
            if (name != node.name) continue;
            std::string literal;
            append_json_string(value, literal);
            return replace(node, literal);
          }
        }
        break;
      case NodeType::method: {
        const std::string base = dotted(*node.children[0]);
        if (!base.empty() && !expr::find_functions(base + "." + node.name, false).empty()) first = 1;
        break;
      }
      case NodeType::macro:
      case NodeType::bind: {
        walk(*node.children[0]);
        const size_t before = locals_.size();
        locals_.insert(locals_.end(), node.variables.begin(), node.variables.end());
        for (size_t i = 1; i < node.children.size(); ++i) walk(*node.children[i]);
        locals_.resize(before);
        return;
      }
      default:
        break;
    }
    for (size_t i = first; i < node.children.size(); ++i) walk(*node.children[i]);
  }
  // "math" of math.pow(x, y).
  static std::string dotted(const expr::Node& node) {
    if (node.type == expr::NodeType::identifier) return node.name;
    if (node.type != expr::NodeType::select || node.optional) return {};
    const std::string base = dotted(*node.children[0]);
    return base.empty() ? base : base + "." + node.name;
  }

  const std::string_view what_;
  const std::string text_;
  const std::vector<std::string>& known_;
  const expr::Options& options_;
  const Aggregate& aggregate_;
  std::vector<std::string> locals_;
  std::string result_;
  size_t done_ = 0;  // of the text
  bool reads_ = false;
};

bool same(const AggregateItem& a, const AggregateItem& b) {
  return a.function == b.function && a.argument == b.argument && a.parameters == b.parameters &&
         a.condition == b.condition && a.initial == b.initial && a.key == b.key;
}

class RowParser {
 public:
  RowParser(const std::vector<expr::ListItem>& list, const std::vector<std::string>& fields,
            std::string_view what, const expr::Options& options)
      : list_(list), fields_(fields), what_(what), options_(options), known_(fields) {
    // Aggregates first: those that expressions need come behind them in a state, and may be the same.
    for (const expr::ListItem& item : list) {
      nodes_.push_back(computed(item, taken_));
      if (nodes_.back()) {
        taken_.push_back(item.name);
        continue;
      }
      plan_.aggregates.push_back(parse_item(list, item, what, options));
      taken_.push_back(plan_.aggregates.back().name);
    }
  }

  RowPlan parse(std::string_view having, std::string_view delete_if) {
    size_t aggregate = 0;
    std::vector<RowColumn> columns;
    const size_t shown = plan_.aggregates.size();
    for (size_t i = 0; i < list_.size(); ++i) {
      if (nodes_[i]) {
        columns.push_back(column(list_[i], *nodes_[i]));
      } else {
        columns.push_back({plan_.aggregates[aggregate++].name, ""});
      }
      known_.push_back(columns.back().name);
    }
    if (!trim(having).empty()) plan_.columns.having = condition(having, "--having");
    if (!trim(delete_if).empty()) plan_.columns.delete_if = condition(delete_if, "--delete-if");
    if (columns.size() != shown || plan_.aggregates.size() != shown) plan_.columns.list = std::move(columns);
    return std::move(plan_);
  }

 private:
  RowColumn column(const expr::ListItem& item, const expr::Node& node) {
    const std::string where = std::string(what_) + ": '" + item.expression + "'";
    if (!item.named)
      throw NeedsName{usage_error(where + " needs a name", "write NAME=" + item.expression), item.position};
    if (!item.condition.empty())
      throw usage_error(where + " is computed from the row and takes no 'if'",
                        "write " + item.name + "=" + std::string(trim(item.condition)) + " ? " +
                            item.expression + " : null");
    for (const std::string& name : known_)
      if (name == item.name)
        throw usage_error(std::string(what_) + ": two columns are called '" + name + "'",
                          "give one of them another name: NAME=" + item.expression);
    return {item.name, OverRow(what_, item.expression, known_, options_, take_).rewritten(node)};
  }

  std::string condition(std::string_view text, std::string_view option) {
    try {
      const auto node = expr::parse(text);
      return OverRow(option, text, known_, options_, take_).rewritten(*node);
    } catch (const expr::SourceError& error) {
      const auto fits = [](const std::string& other) {
        try {
          return expr::parse(other) != nullptr;
        } catch (const expr::SourceError&) {
          return false;
        }
      };
      expr::SourceError answered = error;
      answered.hint = expr::with_our_spelling(error.hint, text, false, fits);
      throw expr::to_usage_error(answered, text, option);
    }
  }

  // The column of an aggregate that an expression calls.
  std::string aggregate(std::string_view call) {
    expr::ListItem item;
    item.expression = call;
    item.named = true;
    AggregateItem made = parse_item({item}, item, what_, options_);
    for (const AggregateItem& other : plan_.aggregates)
      if (same(made, other)) return other.name;
    made.name = made.function + (is_identifier(made.argument) ? "_" + made.argument : "");
    const std::string base = made.name;
    const auto is_taken = [&](const std::string& name) {
      return std::find(taken_.begin(), taken_.end(), name) != taken_.end() ||
             std::find(fields_.begin(), fields_.end(), name) != fields_.end();
    };
    for (int n = 2; is_taken(made.name); ++n) made.name = base + "_" + std::to_string(n);
    taken_.push_back(made.name);
    plan_.aggregates.push_back(made);
    return made.name;
  }

  const std::vector<expr::ListItem>& list_;
  const std::vector<std::string>& fields_;
  const std::string_view what_;
  const expr::Options& options_;
  const OverRow::Aggregate take_ = [this](std::string_view call) { return aggregate(call); };
  std::vector<std::unique_ptr<expr::Node>> nodes_;  // of computed columns
  std::vector<std::string> known_;                  // to the column that is parsed now
  std::vector<std::string> taken_;                  // names
  RowPlan plan_;
};

}  // namespace

namespace {

// `count() having count > 3`
std::optional<Correction> having_option(std::string_view list) {
  for (const auto& [word, clause] :
       {std::pair<std::string_view, std::string_view>{" having ", " group "}, {" HAVING ", " GROUP "}}) {
    const size_t at = list.find(word);
    if (at == list.npos || list.find(clause) != list.npos) continue;  // with others it is a command of SQL
    const auto ours = [](std::string_view text, bool is_list) {
      return expr::in_our_spelling(text, is_list, [](const std::string&) { return true; })
          .value_or(std::string(text));
    };
    return Correction{.before = "rows are chosen by an option: ",
                      .add = {{"--having", ours(trim(list.substr(at + word.size())), false)}},
                      .spec = ours(trim(list.substr(0, at)), true)};
  }
  return std::nullopt;
}

}  // namespace

std::vector<AggregateItem> parse_aggregates(std::string_view list, std::string_view what) {
  return parse_aggregates(list, what, expr::Options());
}

std::vector<AggregateItem> parse_aggregates(std::string_view list, std::string_view what,
                                            const expr::Options& options) {
  return parse_row(list, {}, {}, what, options).aggregates;
}

RowPlan parse_row(std::string_view list, std::string_view having, const std::vector<std::string>& fields,
                  std::string_view what, const expr::Options& options, std::string_view delete_if) {
  RowPlan plan;
  const auto parse = [&](const std::string_view text) {
    const std::vector<expr::ListItem> parsed = expr::parse_list(text, what, expr::Unnamed::nothing);
    return RowParser(parsed, fields, what, options).parse(having, delete_if);
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
    plan = parse(list);
  } catch (const NeedsName& error) {
    const std::string named = expr::named_spelling(list, error.position, fits);
    throw Error(error.code(), error.what(), named.empty() ? error.hint() : "write: " + named);
  } catch (const CorrectedError&) {
    throw;
  } catch (const Error& error) {
    if (const auto meant = from_miller(list)) throw CorrectedError(error.what(), *meant);
    if (const auto option = having_option(list); option && trim(having).empty())
      throw CorrectedError(error.what(), *option);
    // `country, count(*)` has two mistakes: what remains when the first is mended.
    constexpr std::string_view kWrite = "write: ";
    if (error.hint().starts_with(kWrite)) {
      try {
        (void)parse(error.hint().substr(kWrite.size()));
      } catch (const CorrectedError& next) {
        throw CorrectedError(error.what(), next.correction());
      } catch (const Error&) {  // no hint of its own
      }
    }
    throw Error(error.code(), error.what(), expr::with_our_spelling(error.hint(), list, true, fits));
  }
  plan.columns.comparisons = options.comparisons;
  if (plan.aggregates.empty())
    throw usage_error(std::string(what) + " names no aggregate", "aggregates are " + function_names());
  return plan;
}

}  // namespace kutils::flow
