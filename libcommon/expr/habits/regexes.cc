// Regular expressions beside an operator: Perl, awk, Miller, Postgres.
#include "data/json_write.h"
#include "expr/habits/rules.h"

namespace kutils::expr::habits {

std::optional<std::string> rewrite_match(const Pieces& p, size_t i) {
  const size_t left = p.operand_before(i);
  if (left == i || i + 1 >= p.size()) return std::nullopt;
  const bool negated = p[i].text[0] == '!';
  const bool any_case = p[i].text.back() == '*';
  size_t right = p.operand_after(i + 1);
  std::string regex = p.written(i + 1, right);
  if (p.is(i + 1, "/")) {  // =~ /x/
    const size_t close = p.text().find('/', p[i + 1].end);
    if (close == std::string_view::npos) return std::nullopt;
    regex.clear();
    append_json_string(p.text().substr(p[i + 1].end, close - p[i + 1].end), regex);
    right = i + 2;
    while (right < p.size() && p[right].begin <= close) ++right;
  }
  if (regex.empty()) return std::nullopt;
  if (any_case) {
    if (regex.front() != '"' && regex.front() != '\'') return std::nullopt;
    regex.insert(1, "(?i)");
  }
  return p.replaced(left, right, (negated ? "!" : "") + p.written(left, i) + ".matches(" + regex + ")");
}

Rules regex_rules() {
  return {{},
          {{"rlike", rewrite_match}, {"regexp", rewrite_match}},
          {{"=~", rewrite_match},
           {"!~", rewrite_match},
           {"~", rewrite_match},
           {"~*", rewrite_match},
           {"!~*", rewrite_match}}};
}

}  // namespace kutils::expr::habits
