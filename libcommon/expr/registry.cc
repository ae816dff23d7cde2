#include "expr/registry.h"

namespace kutils::expr {

std::vector<Library> libraries() {
  return {
      {"Standard functions", core_functions()},
      {"Strings and encoders", string_functions()},
      {"Numbers", math_functions()},
      {"Times and durations", time_functions()},
      {"Lists and sets", list_functions()},
      {"Regular expressions", regex_functions()},
      {"Network addresses", network_functions()},
      {"Additions to CEL", addition_functions()},
  };
}

std::vector<const Function*> find_functions(std::string_view name, bool method) {
  std::vector<const Function*> found;
  for (const Library& library : libraries()) {
    for (const Function& function : library.functions) {
      const bool form = function.form == Form::either || (function.form == Form::method) == method;
      if (form && function.name == name) found.push_back(&function);
    }
  }
  return found;
}

std::vector<std::string_view> function_names() {
  std::vector<std::string_view> names;
  for (const Library& library : libraries()) {
    for (const Function& function : library.functions) names.push_back(function.name);
  }
  for (const SpecialForm& form : special_forms()) {
    if (form.name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_.") ==
        std::string_view::npos)
      names.push_back(form.name);
  }
  return names;
}

namespace {

constexpr std::string_view kAddition = "addition to CEL";

struct Entry {
  std::string_view name, signature, line, example;
  bool addition = false;
};

struct Section {
  std::string_view title;
  std::vector<Entry> entries;
};

std::vector<Section> sections() {
  std::vector<Section> all;
  for (const Library& library : libraries()) {
    Section& section = all.emplace_back(Section{library.title, {}});
    for (const Function& f : library.functions)
      section.entries.push_back({f.name, f.signature, f.line, f.example, f.addition});
  }
  Section& macros = *all.insert(all.begin() + 1, Section{"Macros", {}});
  for (const SpecialForm& f : special_forms())
    macros.entries.push_back({f.name, f.signature, f.line, f.example, f.addition});
  return all;
}

std::string_view last_part(std::string_view name) { return name.substr(name.rfind('.') + 1); }

}  // namespace

std::string describe_functions(std::string_view name) {
  std::string out;
  for (const Section& section : sections()) {
    if (name.empty()) {
      if (!out.empty()) out += "\n";
      out += std::string(section.title) + "\n";
    }
    for (const Entry& e : section.entries) {
      if (name.empty()) {
        out += "  " + std::string(e.signature) + "\n      " + std::string(e.line);
        if (e.addition) out += " (" + std::string(kAddition) + ")";
        out += "\n";
      } else if (e.name == name || last_part(e.name) == name) {
        out += std::string(e.signature) + "\n  " + std::string(e.line);
        if (e.addition) out += " (" + std::string(kAddition) + ")";
        out += "\n  " + std::string(e.example) + "\n";
      }
    }
  }
  return out;
}

std::string functions_as_markdown() {
  std::string out;
  for (const Section& section : sections()) {
    out += "## " + std::string(section.title) + "\n\n";
    for (const Entry& e : section.entries) {
      out += "`" + std::string(e.signature) + "`\n: " + std::string(e.line);
      if (e.addition) out += " (" + std::string(kAddition) + ")";
      out += ".\n\n        " + std::string(e.example) + "\n\n";
    }
  }
  return out;
}

std::span<const SpecialForm> special_forms() {
  static constexpr SpecialForm kTable[] = {
      {"has", "has(NAME), has(MAP.NAME) -> bool",
       "whether the field exists (has(NAME), has(MAP[\"NAME\"]) are additions)",
       "has({'a': null}.a) && !has({}.a)"},
      {"all", "LIST.all(X, COND), MAP.all(K, COND), LIST.all(I, X, COND), MAP.all(K, V, COND) -> bool",
       "whether the condition holds for every item", "[1, 2, 3].all(x, x > 0)"},
      {"exists", "LIST.exists(X, COND), LIST.exists(I, X, COND) -> bool",
       "whether the condition holds for at least one item", "['a', 'b'].exists(i, x, i == 1 && x == 'b')"},
      {"exists_one", "LIST.exists_one(X, COND) -> bool",
       "whether the condition holds for exactly one item; also existsOne", "[1, 2, 2].exists_one(x, x == 1)"},
      {"map", "LIST.map(X, EXPR), LIST.map(X, COND, EXPR) -> list",
       "the values of EXPR, one for each item; with COND, for those for which it holds",
       "[1, 2, 3].map(x, x > 1, x * x) == [4, 9]"},
      {"filter", "LIST.filter(X, COND) -> list",
       "the items for which the condition holds; of a map, its keys",
       "[1, 2, 3].filter(x, x % 2 == 1) == [1, 3]"},
      {"transformList", "LIST.transformList(I, X, [COND,] EXPR) -> list",
       "as map(), where I is the item's index; of a map, the entry's key",
       "['a', 'b'].transformList(i, x, string(i) + x) == ['0a', '1b']"},
      {"transformMap", "MAP.transformMap(K, V, [COND,] EXPR) -> map", "the same keys with new values",
       "{'a': 1}.transformMap(k, v, v + 1) == {'a': 2}"},
      {"transformMapEntry", "MAP.transformMapEntry(K, V, [COND,] {KEY: VALUE}) -> map",
       "a map of new entries, one for each entry",
       "{'a': 'x'}.transformMapEntry(k, v, {v: k}) == {'x': 'a'}"},
      {"sortBy", "LIST.sortBy(X, KEY, ...) -> list",
       "the items sorted by KEY, equal ones by the next KEY; desc(KEY) sorts in descending order (several keys and desc are additions)",
       "[{'n': 1, 'c': 'b'}, {'n': 2, 'c': 'a'}, {'n': 2, 'c': 'b'}].sortBy(x, x.c, desc(x.n)).map(x, x.n) == [2, 2, 1]"},
      {"reduce", "LIST.reduce(ACC, X, FIRST, NEXT) -> X",
       "folds the list: NEXT is computed for each item X from ACC, the result so far, which begins as FIRST",
       "[1, 2, 3].reduce(p, x, 1, p * x) == 6", true},
      {"cel.bind", "cel.bind(NAME, VALUE, EXPR) -> X", "EXPR, in which NAME stands for VALUE",
       "cel.bind(x, 20 + 1, x + x) == 42"},
      {"optMap", "OPTIONAL.optMap(X, EXPR) -> optional",
       "an optional of EXPR, in which X is the value held; empty if none is held",
       "optional.of(1).optMap(x, x + 1).value() == 2"},
      {"optFlatMap", "OPTIONAL.optFlatMap(X, OPTIONAL) -> optional",
       "as optMap(), for an expression that is an optional itself",
       "{'a': {'b': 1}}.?a.optFlatMap(x, x.?b).value() == 1"},
      {"coalesce", "coalesce(A, B...) -> X", "the first argument that is neither null nor an error",
       "coalesce({}.a, null, 3) == 3", true},
  };
  return kTable;
}

}  // namespace kutils::expr
