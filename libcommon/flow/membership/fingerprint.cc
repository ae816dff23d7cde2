#include "flow/membership/fingerprint.h"

#include <charconv>
#include <cstdio>
#include <map>
#include <stdexcept>

#include "base/murmur2.h"
#include "flow/membership/fingerprint_settings.h"

namespace kutils::flow {
namespace {

constexpr std::string_view kMagic = "kutils1";
constexpr char kSeparator = '\x1f';
constexpr char kMarkSign = '\x01';  // what follows is not ours: origins.h
constexpr std::string_view kPartitions = "partitions of ";
constexpr std::string_view kFurtherInputs = " further inputs";

std::string hash_text(const std::string& value) {
  char hash[12];
  std::snprintf(hash, sizeof hash, "~%08x", murmur2(value));
  return hash;
}

std::string shortened(const std::string& value) {
  if (value.size() <= Fingerprint::kMaxValue) return value;
  size_t cut = Fingerprint::kMaxValue;
  while (cut > 0 && (static_cast<unsigned char>(value[cut]) & 0xC0U) == 0x80U)
    --cut;  // not within a UTF-8 character
  return value.substr(0, cut) + hash_text(value);
}

std::string escaped(const std::string& value) {
  std::string text;
  for (const char c : value) {
    if (c == '\\') {
      text += "\\\\";
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char code[8];
      std::snprintf(code, sizeof code, "\\x%02x", static_cast<unsigned>(c));
      text += code;
    } else {
      text += c;
    }
  }
  return text;
}

std::string unescaped(std::string_view text) {
  std::string value;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 >= text.size()) {
      value += text[i];
    } else if (text[i + 1] == 'x' && i + 3 < text.size()) {
      int code = 0;
      std::from_chars(text.data() + i + 2, text.data() + i + 4, code, 16);
      value += static_cast<char>(code);
      i += 3;
    } else {
      value += text[++i];
    }
  }
  return value;
}

const std::string* find(const std::vector<Setting>& settings, std::string_view name) {
  for (const Setting& setting : settings) {
    if (setting.name == name) return &setting.value;
  }
  return nullptr;
}

// Settings are compared by name: of several with the same one, the others become `NAME (2)`, ...
void number_repeated(std::vector<Setting>& settings) {
  std::map<std::string, int> seen;
  for (Setting& setting : settings) {
    const int times = ++seen[setting.name];
    if (times > 1) setting.name += " (" + std::to_string(times) + ")";
  }
}

// For people: `(a > 5)` without the brackets that the printer puts around a whole expression.
std::string_view unbracketed(std::string_view text) {
  if (text.size() < 2 || text.front() != '(' || text.back() != ')') return text;
  int depth = 0;
  char quote = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote != 0) {
      if (c == '\\') {
        ++i;
      } else if (c == quote) {
        quote = 0;
      }
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '(') {
      ++depth;
    } else if (c == ')' && --depth == 0 && i + 1 < text.size()) {
      return text;  // the first bracket ends before: (a) || (b)
    }
  }
  return text.substr(1, text.size() - 2);
}

}  // namespace

Fingerprint::Fingerprint(const Job& job, const std::vector<std::pair<std::string, int32_t>>& partitions) {
  std::vector<Setting> settings = {{"tool", job.tool}, {"IN", job.in.name}, {"OUT", job.out.name}};
  settings.insert(settings.end(), job.settings.begin(), job.settings.end());
  number_repeated(settings);
  std::vector<Setting> counts;
  for (const auto& [topic, count] : partitions)
    counts.push_back({std::string(kPartitions) + topic, std::to_string(count)});
  encoded_ = kMagic;
  add(settings, kMaxSettings, [](size_t) { return std::string("further settings"); });
  add(counts, kMaxPartitions,
      [](size_t n) { return std::string(kPartitions) + std::to_string(n) + std::string(kFurtherInputs); });
}

void Fingerprint::add(const std::vector<Setting>& settings, size_t limit,
                      const std::function<std::string(size_t)>& rest_name) {
  const auto encode = [](const Setting& setting) {
    if (setting.name.find('=') != std::string::npos)
      throw std::logic_error("a setting's name has a '=': " + setting.name);
    return kSeparator + setting.name + "=" + escaped(setting.value);
  };
  const size_t most = encoded_.size() + limit;
  std::string rest;
  size_t left_out = 0;
  for (const Setting& setting : settings) {
    const Setting kept{setting.name, shortened(setting.value)};
    const std::string code = encode(kept);
    if (left_out == 0 && encoded_.size() + code.size() <= most) {
      settings_.push_back(kept);
      encoded_ += code;
    } else {
      rest += code;
      ++left_out;
    }
  }
  if (left_out == 0) return;
  settings_.push_back({rest_name(left_out), hash_text(rest)});
  encoded_ += encode(settings_.back());
}

std::optional<Fingerprint> Fingerprint::decode(std::string_view metadata) {
  auto settings = settings_of(metadata);
  if (!settings) return std::nullopt;
  Fingerprint result;
  result.encoded_ = metadata.substr(0, metadata.find(kMarkSign));
  result.settings_ = std::move(*settings);
  return result;
}

std::optional<std::vector<Setting>> settings_of(std::string_view metadata) {
  if (!metadata.starts_with(kMagic)) return std::nullopt;
  metadata = metadata.substr(0, metadata.find(kMarkSign));
  std::vector<Setting> settings;
  metadata.remove_prefix(kMagic.size());
  while (!metadata.empty()) {
    if (metadata.front() != kSeparator) return std::nullopt;
    metadata.remove_prefix(1);
    const std::string_view item = metadata.substr(0, metadata.find(kSeparator));
    const size_t equals = item.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    settings.push_back({std::string(item.substr(0, equals)), unescaped(item.substr(equals + 1))});
    metadata.remove_prefix(item.size());
  }
  return settings;
}

std::vector<std::string> Fingerprint::differences_from(const Fingerprint& earlier, bool counts_too) const {
  std::vector<std::string> lines;
  const auto quoted = [](const std::string* value) {
    return value ? "'" + std::string(unbracketed(*value)) + "'" : std::string("not set");
  };
  const auto compared = [&](const Setting& setting) {
    return counts_too || !setting.name.starts_with(kPartitions);
  };
  for (const Setting& was : earlier.settings_) {
    if (!compared(was)) continue;
    const std::string* is = find(settings_, was.name);
    if (!is || *is != was.value)
      lines.push_back(was.name + " was " + quoted(&was.value) + ", is " + quoted(is));
  }
  for (const Setting& is : settings_) {
    if (compared(is) && !find(earlier.settings_, is.name)) {
      lines.push_back(is.name + " was not set, is " + quoted(&is.value));
    }
  }
  return lines;
}

std::optional<int32_t> Fingerprint::partitions_of(std::string_view topic, const Fingerprint& now) const {
  const std::string name = std::string(kPartitions) + std::string(topic);
  int32_t count = 0;
  if (const std::string* text = find(settings_, name)) {
    std::from_chars(text->data(), text->data() + text->size(), count);
    return count;
  }
  const bool named_now = find(now.settings_, name) != nullptr;
  const Setting& rest = settings_.back();
  if (!named_now && rest.name.ends_with(kFurtherInputs)) {
    const std::string* rest_now = find(now.settings_, rest.name);
    if (rest_now && *rest_now == rest.value) return std::nullopt;
  }
  return 0;
}

}  // namespace kutils::flow
