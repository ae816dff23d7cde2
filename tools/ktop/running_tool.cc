#include "ktop/running_tool.h"

#include <algorithm>
#include <cstdlib>

#include "base/error.h"

namespace kutils::ktop {
namespace {

// `a="x",b="y"}` behind the bracket; the rest of the line behind it. nullopt: it is not that.
std::optional<std::string_view> parse_labels(std::string_view line,
                                             std::map<std::string, std::string>& labels) {
  while (!line.empty() && line.front() != '}') {
    const size_t equals = line.find('=');
    if (equals == line.npos || equals + 1 >= line.size() || line[equals + 1] != '"') return std::nullopt;
    std::string& value = labels[std::string(line.substr(0, equals))];
    line.remove_prefix(equals + 2);
    while (!line.empty() && line.front() != '"') {
      char c = line.front();
      if (c == '\\' && line.size() > 1) {
        line.remove_prefix(1);
        c = line.front() == 'n' ? '\n' : line.front();
      }
      value += c;
      line.remove_prefix(1);
    }
    if (line.empty()) return std::nullopt;
    line.remove_prefix(1);
    if (!line.empty() && line.front() == ',') line.remove_prefix(1);
  }
  if (line.empty()) return std::nullopt;
  return line.substr(1);
}

// The word after "status": of the health's JSON.
std::string status_of(const std::string& body) {
  constexpr std::string_view kBegin = "{\"status\":\"";
  if (body.rfind(kBegin, 0) != 0) return "?";
  return body.substr(kBegin.size(), body.find('"', kBegin.size()) - kBegin.size());
}

}  // namespace

std::vector<Figure> parse_figures(std::string_view text) {
  std::vector<Figure> figures;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.front() == '#') continue;
    Figure figure;
    const size_t name = line.find_first_of("{ ");
    if (name == line.npos) continue;
    figure.name = line.substr(0, name);
    std::optional<std::string_view> rest = line.substr(name);
    if (line[name] == '{') rest = parse_labels(line.substr(name + 1), figure.labels);
    if (!rest) continue;
    const std::string number(*rest);
    char* stop = nullptr;
    figure.value = std::strtod(number.c_str(), &stop);
    if (stop != number.c_str()) figures.push_back(std::move(figure));
  }
  return figures;
}

std::optional<double> RunningTool::sum(std::string_view name, std::string_view label,
                                       std::string_view of) const {
  std::optional<double> sum;
  for (const Figure& figure : figures) {
    if (figure.name != name) continue;
    if (!label.empty()) {
      const auto found = figure.labels.find(std::string(label));
      if (found == figure.labels.end() || found->second != of) continue;
    }
    sum = sum.value_or(0) + figure.value;
  }
  return sum;
}

RunningTool ask_tool(const serve::HttpAddress& address, const std::string& token) {
  RunningTool tool;
  tool.address = serve::to_string(address);
  tool.status = "no answer";
  try {
    const serve::HttpReply metrics = serve::http_get(address, "/metrics", {}, token);
    if (metrics.status == 401) {
      tool.status = "needs a token";
      return tool;
    }
    if (metrics.status != 200) return tool;
    tool.figures = parse_figures(metrics.body);
    for (const Figure& figure : tool.figures) {
      const auto label = [&figure](const char* name) {
        const auto found = figure.labels.find(name);
        return found == figure.labels.end() ? std::string() : found->second;
      };
      if (figure.name.rfind("kutils_", 0) != 0 || label("tool").empty()) continue;
      tool.tool = label("tool");
      tool.group = label("group");
      break;
    }
    tool.status = status_of(serve::http_get(address, "/healthz", {}, token).body);
  } catch (const Error&) {
    // It has ended, or is not reachable from here: its status says so.
  }
  return tool;
}

}  // namespace kutils::ktop
