#include "expr/cases.h"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <iterator>

#include "base/base64.h"
#include "base/error.h"
#include "expr/parser.h"
#include "expr/program.h"
#include "expr/same_content.h"
#include "expr/source_error.h"
#include "expr/text.h"

namespace kutils::expr {
namespace {

[[noreturn]] void bad_case(const std::string& why) { throw usage_error(why); }

const Value& member(const Value& map, std::string_view name) {
  if (map.kind() != Kind::map) bad_case("not a JSON object");
  const Value* found = find(map.as_map(), name);
  if (!found) bad_case("no member '" + std::string(name) + "'");
  return *found;
}

// A VALUE as JSON to the value that it means.
Value decode(const Value& coded, Context& context) {
  if (coded.kind() != Kind::map || coded.as_map().size != 1) bad_case("a VALUE is an object of one key");
  const MapEntry& entry = coded.as_map().entries[0];
  const auto tag = entry.key.as_string();
  const Value& v = entry.value;
  const auto text = [&] {
    if (!v.is_string()) bad_case(std::string(tag) + " is not written as a string");
    return std::string(v.as_string());
  };
  const auto pair = [&](size_t i) {
    if (v.kind() != Kind::list || v.as_list().size != 2 || v.as_list().items[i].kind() != Kind::integer)
      bad_case(std::string(tag) + " is not [seconds, nanoseconds]");
    return v.as_list().items[i].as_int();
  };
  const auto whole = [&](auto value) {
    const std::string written = text();
    const char* end = written.data() + written.size();
    const auto [stop, error] = std::from_chars(written.data(), end, value);
    if (error != std::errc() || stop != end) bad_case("'" + written + "' is no " + std::string(tag));
    return value;
  };
  if (tag == "int") return Value::integer(whole(int64_t{0}));
  if (tag == "uint") return Value::unsigned_integer(whole(uint64_t{0}));
  if (tag == "double") {
    const std::string written = text();  // also Infinity and NaN
    char* stop = nullptr;
    const double value = std::strtod(written.c_str(), &stop);
    if (written.empty() || stop != written.c_str() + written.size())
      bad_case("'" + written + "' is no double");
    return Value::real(value);
  }
  if (tag == "string") return context.string(text());
  if (tag == "bytes") {
    std::string bytes;
    if (append_from_base64(text(), bytes)) bad_case("'" + text() + "' is not base64");
    return context.bytes(bytes);
  }
  if (tag == "bool" && v.is_bool()) return v;
  if (tag == "null") return Value::null();
  if (tag == "type") return Value::type(context.copy(text()));
  if (tag == "timestamp") return Value::timestamp(pair(0), static_cast<uint32_t>(pair(1)));
  if (tag == "duration") {
    int64_t nanoseconds = 0;
    if (__builtin_mul_overflow(pair(0), int64_t{1'000'000'000}, &nanoseconds) ||
        __builtin_add_overflow(nanoseconds, pair(1), &nanoseconds))
      bad_case("the duration is out of range");
    return Value::duration(nanoseconds);
  }
  if (tag == "list" && v.kind() == Kind::list) {
    std::vector<Value> items;
    for (const Value& item : v.as_list()) items.push_back(decode(item, context));
    return context.list(items);
  }
  if (tag == "map" && v.kind() == Kind::list) {
    auto* entries = context.allocate_array<MapEntry>(v.as_list().size);
    size_t n = 0;
    for (const Value& item : v.as_list()) {
      if (item.kind() != Kind::list || item.as_list().size != 2) bad_case("a map is a list of [key, value]");
      entries[n++] = {decode(item.as_list().items[0], context), decode(item.as_list().items[1], context)};
    }
    return context.map(entries, n, true);
  }
  bad_case("unknown VALUE '" + std::string(tag) + "'");
}

// Stricter than the language's ==: int, uint and double are not the same result. NaN is NaN.
bool same(const Value& a, const Value& b) {
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Kind::real:
      return std::isnan(a.as_double()) ? std::isnan(b.as_double()) : a.as_double() == b.as_double();
    case Kind::list:
      return same_content(a.as_list(), b.as_list(), same);
    case Kind::map:
      return same_content(a.as_map(), b.as_map(), same);
    default:
      return equals(a, b);
  }
}

std::string shown(const Value& v) {
  std::string out(friendly_name(v.kind()));
  out += " ";
  if (append_json(v, out)) append_double(v.kind() == Kind::real ? v.as_double() : 0, out);
  return out;
}

// Empty: passed. Else what came out instead.
std::string run_case(const Value& object, Context& context, bool strict_numbers) {
  context.strict_numbers = strict_numbers;
  const std::string expression(member(object, "expr").as_string());
  Scope scope;
  scope.lenient = true;
  scope.strict_numbers = strict_numbers;
  if (const Value* vars = find(object.as_map(), "vars"); vars && vars->kind() == Kind::map) {
    for (const MapEntry& entry : vars->as_map())
      scope.variables[std::string(entry.key.as_string())] = decode(entry.value, context);
  }
  const bool must_fail = find(object.as_map(), "error") != nullptr;
  try {
    const auto node = parse(expression);
    const auto program = compile(*node, scope);
    const Value got = evaluate(*program, context);
    if (got.is_error()) return must_fail ? "" : "failed: " + std::string(got.as_error().message);
    if (must_fail) return "gave " + shown(got) + " where it must fail";
    const Value want = decode(member(object, "want"), context);
    return same(got, want) ? "" : "gave " + shown(got) + ", wanted " + shown(want);
  } catch (const SourceError& error) {
    return must_fail ? "" : "refused: " + error.message;
  }
}

}  // namespace

CaseReport run_cases(std::istream& in, std::string_view path,
                     const std::function<void(const std::string&)>& report) {
  CaseReport result;
  std::string line;
  size_t number = 0;
  Context context;
  while (std::getline(in, line)) {
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    context.arena.reset();
    context.restart();
    const std::string place = std::string(path) + ":" + std::to_string(number);
    try {
      const Value object = context.json(line);
      if (object.is_error()) bad_case(std::string(object.as_error().message));
      if (!member(object, "expr").is_string()) bad_case("'expr' is not a string");
      const auto text = [&](std::string_view name) {
        const Value* found = find(object.as_map(), name);
        return found && found->is_string() ? std::string(found->as_string()) : std::string();
      };
      CaseCounts& counts = result.by_file[text("file")];
      const std::string problem = run_case(object, context, false);
      if (problem.empty()) {
        ++counts.passed;
        ++result.total.passed;
        continue;
      }
      if (find(object.as_map(), "error") && run_case(object, context, true).empty()) {
        ++counts.skipped;
        ++result.total.skipped;
        result.skipped.push_back({text("name"), text("expr")});
        continue;
      }
      ++counts.failed;
      ++result.total.failed;
      std::string name;
      for (const char* part : {"file", "section", "name"}) {
        if (!text(part).empty()) name += (name.empty() ? "" : "/") + text(part);
      }
      report(place + ": " + (name.empty() ? "" : name + ": ") + text("expr") + ": " + problem);
    } catch (const Error& error) {
      throw usage_error(place + ": " + error.what());
    } catch (const LimitExceeded&) {  // of the evaluation it is an error value
      throw usage_error(place + ": a VALUE takes more than 64 MiB");
    }
  }
  return result;
}

}  // namespace kutils::expr
