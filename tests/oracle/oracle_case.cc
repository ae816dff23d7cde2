#include "oracle_case.h"

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace kutils::oracle {
namespace {

using Writer = rapidjson::Writer<rapidjson::StringBuffer>;

void write_sorted(const rapidjson::Value& value, Writer& writer) {
  if (value.IsObject()) {
    std::vector<const rapidjson::Value::Member*> members;
    for (const auto& one : value.GetObject()) members.push_back(&one);
    std::sort(members.begin(), members.end(), [](const auto* a, const auto* b) {
      return std::string_view(a->name.GetString(), a->name.GetStringLength()) <
             std::string_view(b->name.GetString(), b->name.GetStringLength());
    });
    writer.StartObject();
    for (const auto* one : members) {
      writer.Key(one->name.GetString(), one->name.GetStringLength());
      write_sorted(one->value, writer);
    }
    writer.EndObject();
  } else if (value.IsArray()) {
    writer.StartArray();
    for (const auto& one : value.GetArray()) write_sorted(one, writer);
    writer.EndArray();
  } else {
    value.Accept(writer);
  }
}

std::string text_of(const rapidjson::Value& value) {
  rapidjson::StringBuffer buffer;
  Writer writer(buffer);
  write_sorted(value, writer);
  return {buffer.GetString(), buffer.GetSize()};
}

std::optional<std::string> text_or_null(const rapidjson::Value& object, const char* name) {
  const auto found = object.FindMember(name);
  if (found == object.MemberEnd() || found->value.IsNull()) return std::nullopt;
  return text_of(found->value);
}

std::optional<std::string> key_of(const rapidjson::Value& object) {
  const auto found = object.FindMember("k");
  if (found == object.MemberEnd() || found->value.IsNull()) return std::nullopt;
  if (!found->value.IsString()) throw std::runtime_error("a key is not a string");
  return std::string(found->value.GetString(), found->value.GetStringLength());
}

std::vector<Result> results_of(const rapidjson::Value& list) {
  std::vector<Result> results;
  for (const auto& one : list.GetArray()) {
    Result result;
    result.at = one["i"].GetUint64();
    result.key = key_of(one);
    result.value = text_or_null(one, "v");
    result.time = one["ts"].GetInt64();
    if (one.HasMember("start")) result.start = one["start"].GetInt64();
    if (one.HasMember("end")) result.end = one["end"].GetInt64();
    if (one.HasMember("to")) result.to = one["to"].GetString();
    results.push_back(std::move(result));
  }
  return results;
}

// Sessions: Kafka also deletes a session whose bounds stay; a reader may drop that.
void drop_needless_deletions(std::vector<Result>& results) {
  std::vector<Result> kept;
  for (size_t i = 0; i < results.size(); ++i) {
    const Result& one = results[i];
    const bool replaced = !one.value && one.start &&
                          std::any_of(results.begin() + static_cast<std::ptrdiff_t>(i), results.end(),
                                      [&](const Result& later) {
                                        return later.at == one.at && later.value && later.key == one.key &&
                                               later.start == one.start && later.end == one.end;
                                      });
    if (!replaced) kept.push_back(one);
  }
  results = std::move(kept);
}

std::string show(const Result& one) {
  std::string text = "i=" + std::to_string(one.at) + " " + one.key.value_or("(null)") + " = " +
                     one.value.value_or("(null)") + " ts=" + std::to_string(one.time);
  if (one.start) text += " [" + std::to_string(*one.start) + ", " + std::to_string(*one.end) + "]";
  if (!one.to.empty()) text += " to " + one.to;
  return text;
}

}  // namespace

std::string Case::get(const std::string& name, const std::string& otherwise) const {
  const auto found = text.find(name);
  return found == text.end() ? otherwise : found->second;
}

int64_t Case::ms(const std::string& name) const {
  const auto found = number.find(name);
  if (found == number.end()) throw std::runtime_error("setting " + name + " is missing");
  return found->second;
}

Case parse_case(const std::string& line) {
  rapidjson::Document document;
  if (document.Parse(line.c_str()).HasParseError() || !document.IsObject())
    throw std::runtime_error("not a JSON object");
  for (const char* name : {"id", "op", "settings", "in", "out"})
    if (!document.HasMember(name)) throw std::runtime_error(std::string("no ") + name);
  Case result;
  result.id = document["id"].GetString();
  result.op = document["op"].GetString();
  for (const auto& one : std::as_const(document)["settings"].GetObject()) {
    if (one.value.IsInt64()) {
      result.number[one.name.GetString()] = one.value.GetInt64();
    } else if (one.value.IsString()) {
      result.text[one.name.GetString()] = one.value.GetString();
    } else {
      result.text[one.name.GetString()] = text_of(one.value);
    }
  }
  for (const auto& one : document["in"].GetArray()) {
    Input input;
    if (one.HasMember("side")) input.side = one["side"].GetString();
    input.key = key_of(one);
    input.value = text_or_null(one, "v");
    input.time = one["ts"].GetInt64();
    result.in.push_back(std::move(input));
  }
  result.expected = results_of(document.HasMember("strict") ? document["strict"] : document["out"]);
  result.ordered = result.op == "table" || result.op == "stream";
  if (result.get("window") == "session") drop_needless_deletions(result.expected);
  return result;
}

std::string canonical(std::string_view json) {
  rapidjson::Document document;
  if (document.Parse(json.data(), json.size()).HasParseError())
    throw std::runtime_error("the result is not JSON: " + std::string(json));
  return text_of(document);
}

std::optional<std::string> member(std::string_view object, const char* name) {
  rapidjson::Document document;
  if (document.Parse(object.data(), object.size()).HasParseError() || !document.IsObject())
    throw std::runtime_error("the result is not a JSON object: " + std::string(object));
  const auto found = std::as_const(document).FindMember(name);
  if (found == std::as_const(document).MemberEnd()) return std::nullopt;
  return text_of(found->value);
}

std::string compare(const Case& expected, std::vector<Result> actual) {
  std::vector<Result> wanted = expected.expected;
  if (!expected.ordered) {
    std::sort(wanted.begin(), wanted.end());
    std::sort(actual.begin(), actual.end());
  }
  if (wanted == actual) return {};
  std::string text;
  for (size_t i = 0; i < std::max(wanted.size(), actual.size()); ++i) {
    const std::string want = i < wanted.size() ? show(wanted[i]) : "(nothing)";
    const std::string have = i < actual.size() ? show(actual[i]) : "(nothing)";
    if (want == have) continue;
    return "result " + std::to_string(i) + ": expected " + want + ", got " + have;
  }
  return "differs";
}

}  // namespace kutils::oracle
