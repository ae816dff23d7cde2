#include "kscan/scan_list.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/correction.h"
#include "data/json_write.h"
#include "expr/expressions.h"
#include "expr/habits.h"
#include "expr/lexer.h"
#include "flow/aggregate/aggregate.h"

namespace kutils {
namespace {

using expr::ListItem;
using expr::TokenType;

// A call of an aggregate within an expression: bytes [begin, end).
struct Call {
  size_t begin, end;
  std::string name;  // made of its words: sum_amount
};

bool is_plain(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !name.empty() && letter(name[0]) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

// Not within each other: an aggregate's arguments are expressions of the record.
std::vector<Call> find_calls(const std::string& expression) {
  std::vector<Call> calls;
  const std::vector<expr::Token> tokens = expr::tokenize(expression);
  for (size_t i = 0; i + 1 < tokens.size(); ++i) {
    if (tokens[i].type != TokenType::identifier || tokens[i + 1].type != TokenType::open_paren) continue;
    if (i > 0 && (tokens[i - 1].type == TokenType::dot || tokens[i - 1].type == TokenType::dot_question))
      continue;  // LIST.sum()
    if (flow::find_aggregate_function(tokens[i].text) == nullptr) continue;
    Call call{tokens[i].begin, 0, tokens[i].text};
    size_t depth = 0;
    for (++i; i < tokens.size(); ++i) {
      const TokenType type = tokens[i].type;
      if (type == TokenType::open_paren || type == TokenType::open_bracket || type == TokenType::open_brace)
        ++depth;
      if (type == TokenType::close_paren || type == TokenType::close_bracket ||
          type == TokenType::close_brace)
        --depth;
      if (is_plain(tokens[i].text))
        call.name += "_" + tokens[i].text;
      else if (type == TokenType::integer)
        call.name += "_" + std::to_string(tokens[i].integer);
      if (depth == 0) break;
    }
    call.end = tokens[i].end;
    calls.push_back(std::move(call));
  }
  return calls;
}

class ListReader {
 public:
  ListReader(const std::string& list, const std::string& what, const std::vector<std::string>& taken)
      : list_(list), what_(what), taken_(taken) {}

  ScanList run() {
    const std::vector<ListItem> items =
        expr::parse_list(list_, what_, expr::Unnamed::nothing, expr::Paths::allowed);
    // Names that the user gave come first: a name of ours is none of them.
    for (const ListItem& item : items)
      if (item.kind == ListItem::Kind::field) taken_.push_back(item.name);
    for (const ListItem& item : items)
      if (item.kind == ListItem::Kind::field && item.named) find_lag(item);
    for (const ListItem& item : items) {
      if (item.kind == ListItem::Kind::command)
        throw usage_error(what_ + ": a command cannot be asked here",
                          "kpipe kscan ... then kmap '| CMD' -- IN OUT");
      if (item.kind != ListItem::Kind::all && item.kind != ListItem::Kind::drop) read(item);
    }
    out_.list.append(list_, copied_);
    with_first_.append(list_, copied_);
    if (is_lag_computed_with_) out_.with_first = std::move(with_first_);
    if (out_.names.empty()) {
      const auto ours = expr::in_our_spelling(list_, true, [this](const std::string& other) {
        try {
          return !ListReader(other, what_, {}).run().names.empty();
        } catch (const Error&) {
          return false;
        }
      });
      const std::string what =
          what_ + ": nothing in '" + list_ + "' looks back: it names no lag() and no aggregate";
      if (ours) throw CorrectedError(what, {.spec = *ours});
      throw usage_error(
          what, "as '*, previous=lag(temp), n=count()'; expressions of the record alone are for kmap");
    }
    return std::move(out_);
  }

 private:
  void read(const ListItem& item) {
    const std::vector<Call> calls = find_calls(item.expression);
    const bool is_call = calls.size() == 1 && calls[0].begin == 0 && calls[0].end == item.expression.size();
    if (!item.condition.empty() && !is_call)
      throw usage_error(what_ + ": 'if " + item.condition + "' stands behind '" + item.expression +
                            "', which is not an aggregate",
                        "count() if x > 1 counts some records only; a choice is written COND ? A : B");
    copy_until(item.position);
    const bool is_column = is_call && item.kind == ListItem::Kind::field && item.path.empty();
    if (item.kind == ListItem::Kind::field && !item.named) {
      if (item.name.empty())
        throw usage_error(what_ + ": '" + item.expression + "' needs a name",
                          "write NAME=" + item.expression);
      if (is_call) name(item.name);
    }
    for (const Call& call : calls) {
      const size_t inside = item.expression.find('(', call.begin) + 1;
      const std::string argument = item.expression.substr(inside, call.end - 1 - inside);
      if (const std::vector<Call> nested = find_calls(argument); !nested.empty())
        throw usage_error(
            what_ + ": '" + argument.substr(nested[0].begin, nested[0].end - nested[0].begin) +
                "' is inside another aggregate, whose argument can use the record's fields only",
            "two stages: kpipe kscan '*, NAME=" +
                argument.substr(nested[0].begin, nested[0].end - nested[0].begin) +
                "' then kscan ... -- IN OUT");
      const std::string text = item.expression.substr(call.begin, call.end - call.begin) +
                               (item.condition.empty() ? "" : " if " + item.condition);
      copy_lags(item, call.begin);
      copy_until(item.position + call.begin);
      out_.list += is_column ? column(item.name, call, text) : hidden(call, text);
      append_with_first(item, call, is_column, text);
      copied_ = item.position + call.end;
    }
    copy_lags(item, item.expression.size());
    if (!item.condition.empty()) copied_ = item.condition_position + item.condition.size();
  }

  void copy_until(size_t end) {
    out_.list.append(list_, copied_, end - copied_);
    with_first_.append(list_, copied_, end - copied_);
    copied_ = end;
  }
  // `x` of lag(x, 2); empty: `call` is another aggregate.
  static std::string lag_argument(const std::string& expression, const Call& call) {
    const std::string text = expression.substr(call.begin, call.end - call.begin);
    if (!text.starts_with("lag(") || text.find_first_of("([{", 4) != text.npos) return {};
    return text.substr(4, text.find_first_of(",)") - 4);
  }
  void find_lag(const ListItem& item) {
    const std::vector<Call> calls = find_calls(item.expression);
    if (calls.size() != 1 || calls[0].begin != 0 || calls[0].end != item.expression.size()) return;
    if (const std::string argument = lag_argument(item.expression, calls[0]); !argument.empty())
      lags_[item.name] = argument;
  }
  static bool is_coalesced(const std::string& expression, size_t at) {
    return std::string_view(expression).substr(0, at).ends_with("coalesce(");
  }
  void append_with_first(const ListItem& item, const Call& call, bool is_column, const std::string& text) {
    const std::string argument = is_column ? "" : lag_argument(item.expression, call);
    if (argument.empty() || is_coalesced(item.expression, call.begin)) {
      with_first_ += text;
      return;
    }
    with_first_ += "coalesce(" + text + ", " + argument + ")";
    is_lag_computed_with_ = true;
  }
  // Up to `end` of the item's expression, with the names of other items that are lag(x).
  void copy_lags(const ListItem& item, size_t end) {
    if (lags_.empty()) return;
    const std::vector<expr::Token> tokens = expr::tokenize(item.expression);
    for (size_t i = 0; i < tokens.size() && tokens[i].end <= end; ++i) {
      const auto lag = lags_.find(tokens[i].text);
      const bool is_name = tokens[i].type == TokenType::identifier && lag != lags_.end() &&
                           lag->first != item.name && item.position + tokens[i].begin >= copied_ &&
                           (i == 0 || tokens[i - 1].type != TokenType::dot) &&
                           (i + 1 == tokens.size() || tokens[i + 1].type != TokenType::open_paren);
      if (!is_name || tokens.size() <= 2 || is_coalesced(item.expression, tokens[i].begin)) continue;
      copy_until(item.position + tokens[i].begin);
      out_.list += lag->first;
      with_first_ += "coalesce(" + lag->first + ", " + lag->second + ")";
      copied_ = item.position + tokens[i].end;
      is_lag_computed_with_ = true;
    }
  }
  void name(const std::string& text) {
    if (is_plain(text))
      out_.list += text;
    else
      append_json_string(text, out_.list);
    out_.list += '=';
  }
  // The result under the name that it has in the record: other items can read it, kquery shows it.
  std::string column(const std::string& name, const Call& call, const std::string& text) {
    const bool is_free = std::count(taken_.begin(), taken_.end(), name) == 1;
    if (!is_plain(name) || name[0] == '_' || expr::is_reserved(name) || !is_free) return hidden(call, text);
    add(name, text);
    out_.written.emplace_back(name + "=" + name, name + "=" + text);
    return name;
  }
  std::string hidden(const Call& call, const std::string& text) {
    const auto known = hidden_.find(text);
    if (known != hidden_.end()) return known->second;
    const std::string base = "_" + call.name;
    std::string name = base;
    for (int n = 2; std::find(taken_.begin(), taken_.end(), name) != taken_.end(); ++n)
      name = base + "_" + std::to_string(n);
    taken_.push_back(name);
    add(name, text);
    out_.written.emplace_back(name, text);
    return hidden_[text] = name;
  }
  void add(const std::string& name, const std::string& text) {
    out_.aggregates += (out_.aggregates.empty() ? "" : ", ") + name + "=" + text;
    out_.names.push_back(name);
  }

  const std::string& list_;
  const std::string& what_;
  std::vector<std::string> taken_;
  size_t copied_ = 0;                        // of the list
  std::map<std::string, std::string> lags_;  // items that are lag(x): their names, and x
  std::string with_first_;
  bool is_lag_computed_with_ = false;
  std::map<std::string, std::string> hidden_;
  ScanList out_;
};

// One line, and the line of carets below it; empty: it has none.
void write_line(const ScanList& list, std::string& line, std::string& carets) {
  const auto is_word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; };
  for (const auto& [ours, written] : list.written) {
    for (size_t at = 0; (at = line.find(ours, at)) != line.npos;) {
      const size_t end = at + ours.size();
      if ((at > 0 && is_word(line[at - 1])) || (end < line.size() && is_word(line[end]))) {
        at = end;
        continue;
      }
      line.replace(at, ours.size(), written);
      // What points behind it, or is it, moves with it.
      if (carets.size() >= end) {
        const bool is_it = carets[at] != ' ';
        const std::string fill(written.size(), is_it ? '~' : ' ');
        const bool begins = carets[at] == '^';
        carets.replace(at, ours.size(), fill);
        if (begins) carets[at] = '^';
      }
      at += written.size();
    }
  }
}

}  // namespace

std::string in_written_words(const ScanList& list, const std::string& message) {
  std::vector<std::string> lines(1);
  for (const char c : message)
    if (c == '\n')
      lines.emplace_back();
    else
      lines.back() += c;
  std::string out, none;
  for (size_t i = 0; i < lines.size(); ++i) {
    const bool has_carets = i + 1 < lines.size() && lines[i + 1].find('^') != std::string::npos &&
                            lines[i + 1].find_first_not_of(" ^~") == std::string::npos;
    write_line(list, lines[i], has_carets ? lines[i + 1] : none);
    out += (i == 0 ? "" : "\n") + lines[i];
    if (has_carets) out += "\n" + lines[++i];
  }
  return out;
}

ScanList read_scan_list(const std::string& list, const std::string& what,
                        const std::vector<std::string>& taken) {
  return ListReader(list, what, taken).run();
}

}  // namespace kutils
