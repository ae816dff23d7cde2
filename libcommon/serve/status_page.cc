#include "serve/status_page.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string_view>

#include "base/printable.h"
#include "base/time_format.h"
#include "data/json_fields.h"

namespace kutils::serve {
namespace {

constexpr size_t kMostCellBytes = 200;  // of a value; /table/NAME has all of it

constexpr std::string_view kStyle =
    "body{font:14px/1.45 system-ui,sans-serif;margin:1.5em auto;max-width:60em;padding:0 1em;color:#222;"
    "background:#fff}"
    "h1{font-size:1.3em;margin:0 0 .2em}h2{font-size:1em;margin:1.6em 0 .4em}"
    "table{border-collapse:collapse}td,th{padding:.15em .9em .15em 0;text-align:left;vertical-align:top}"
    "th{font-weight:600}.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}"
    "pre{background:#f4f4f4;padding:.7em;overflow-x:auto;margin:0}"
    ".ok{color:#176f2c}.bad{color:#b3261e}.dim{color:#666}.lines{display:flex;gap:2em;flex-wrap:wrap}"
    "svg{display:block;background:#f4f4f4}.wide{overflow-x:auto}"
    "@media(prefers-color-scheme:dark){body{background:#16181c;color:#ddd}pre,svg{background:#22252b}"
    ".ok{color:#6fce83}.bad{color:#ff8a80}.dim{color:#999}}";

std::string html(std::string_view text) {
  std::string out;
  for (const char c : printable(text)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

// In a path: /table/NAME.
std::string percent_encoded(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      out += c;
    } else {
      out += {'%', kHex[static_cast<uint8_t>(c) >> 4], kHex[static_cast<uint8_t>(c) & 15]};
    }
  }
  return out;
}

std::string number(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(),
                value < 10 && value != static_cast<double>(static_cast<int64_t>(value)) ? "%.1f" : "%.0f",
                value);
  return text.data();
}

void row(std::string& out, std::string_view name, std::string_view value) {
  out += "<tr><td>" + html(name) + "</td><td class=n>" + html(value) + "</td></tr>\n";
}

// A line of what `of` says at each sample, its newest and largest value beside the title.
void spark_line(std::string& out, const std::string& title, const std::vector<Sample>& samples,
                const std::function<std::optional<double>(size_t)>& of) {
  constexpr double kWidth = 260, kHeight = 48;
  std::vector<std::pair<double, double>> points;
  double most = 0;
  const int64_t last_us = samples.empty() ? 0 : samples.back().steady_us;
  constexpr double kSpanUs = 300e6;
  for (size_t i = 0; i < samples.size(); ++i) {
    const auto value = of(i);
    if (!value) continue;
    most = std::max(most, *value);
    points.emplace_back(kWidth * (1 - static_cast<double>(last_us - samples[i].steady_us) / kSpanUs), *value);
  }
  out += "<div><div>" + title + " <b>" + (points.empty() ? "-" : number(points.back().second)) +
         "</b> <span class=dim>most " + number(most) +
         "</span></div>\n<svg width=260 height=48 role=img aria-label=\"" + title +
         "\"><polyline fill=none stroke=\"#3b78c3\" stroke-width=1.5 points=\"";
  for (const auto& [x, value] : points) {
    std::array<char, 48> point{};
    std::snprintf(point.data(), point.size(), "%.1f,%.1f ", std::max(0.0, x),
                  kHeight - 2 - (most > 0 ? value / most : 0) * (kHeight - 4));
    out += point.data();
  }
  out += "\"/></svg></div>\n";
}

void append_lines(std::string& out, const std::vector<Sample>& samples) {
  const auto rate = [&](uint64_t Sample::*what) {
    return [&samples, what](size_t i) -> std::optional<double> {
      if (i == 0) return std::nullopt;
      const double seconds = static_cast<double>(samples[i].steady_us - samples[i - 1].steady_us) / 1e6;
      if (seconds <= 0 || samples[i].*what < samples[i - 1].*what) return std::nullopt;
      return static_cast<double>(samples[i].*what - samples[i - 1].*what) / seconds;
    };
  };
  out += "<h2>Last five minutes</h2>\n<div class=lines>\n";
  spark_line(out, "records in, per second", samples, rate(&Sample::in));
  spark_line(out, "records out, per second", samples, rate(&Sample::out));
  spark_line(out, "lag, records", samples, [&](size_t i) -> std::optional<double> {
    if (samples[i].lag < 0) return std::nullopt;
    return static_cast<double>(samples[i].lag);
  });
  out += "</div>\n";
}

void append_figures(std::string& out, const PageFacts& facts) {
  const Figures& now = facts.figures;
  out += "<h2>Figures since the start</h2>\n<table>\n";
  row(out, "records in", std::to_string(now.counts.in));
  row(out, "records out", std::to_string(now.counts.out));
  if (now.lag) row(out, "lag, records", std::to_string(*now.lag));
  row(out, "partitions", std::to_string(now.partitions));
  for (const auto& [reason, count] : now.counts.failures_by_reason)
    row(out, "failed: " + reason, std::to_string(count));
  for (size_t i = 0; i < now.counts.drops.size(); ++i)
    if (now.counts.drops[i] > 0)
      row(out, std::string("dropped: ") + flow::to_string(static_cast<flow::DropReason>(i)),
          std::to_string(now.counts.drops[i]));
  if (now.counts.dead_letters > 0) row(out, "dead letters", std::to_string(now.counts.dead_letters));
  row(out, "commits", std::to_string(now.commits));
  if (now.commits > 0)
    row(out, "a commit takes, ms on average",
        number(now.commit_times.sum / static_cast<double>(now.commits) * 1000));
  row(out, "transactions aborted", std::to_string(now.aborted));
  if (now.restarted > 0) row(out, "restarts of the worker", std::to_string(now.restarted));
  if (now.record_time_ms) row(out, "stream time", format_iso_ms(*now.record_time_ms));
  if (now.state_bytes) row(out, "bytes of state on this machine", std::to_string(*now.state_bytes));
  for (const auto& [partition, restore] : now.restores)
    if (!restore.done)
      row(out, "restoring partition " + std::to_string(partition),
          std::to_string(restore.rows) + " of " + std::to_string(restore.total) + " rows");
  row(out, "memory, MiB", std::to_string(now.process.resident_bytes >> 20));
  row(out, "CPU, seconds", number(now.process.cpu_seconds));
  out += "</table>\n";
}

bool is_number(std::string_view json) {
  return !json.empty() && (json.front() == '-' || (json.front() >= '0' && json.front() <= '9'));
}

void append_table(std::string& out, const std::string& name, const std::vector<std::string>& rows) {
  out += "<h2>Table <a href=\"/table/" + percent_encoded(name) + "\">" + html(name) + "</a></h2>\n";
  if (rows.empty()) {
    out += "<p class=dim>no rows yet</p>\n";
    return;
  }
  FieldSet none;
  FieldReader reader(none);
  reader.want_members();
  std::vector<std::string> columns;
  std::vector<std::map<std::string, std::string>> cells;
  std::set<std::string> texts;  // columns that hold more than numbers: those stand to the right
  for (const std::string& json : rows) {
    auto& cell = cells.emplace_back();
    if (reader.read(json)) continue;
    for (const JsonMember& member : reader.members()) {
      if (std::find(columns.begin(), columns.end(), member.name) == columns.end())
        columns.emplace_back(member.name);
      std::string_view raw = member.value_raw;
      if (!is_number(raw) && raw != "null") texts.emplace(member.name);
      if (raw.size() >= 2 && raw.front() == '"' && raw.find('\\') == raw.npos)
        raw = raw.substr(1, raw.size() - 2);
      cell[std::string(member.name)] = raw.size() <= kMostCellBytes
                                           ? std::string(raw)
                                           : std::string(raw.substr(0, kMostCellBytes)) + " ...";
    }
  }
  out += "<div class=wide><table><tr>";
  const auto align = [&](const std::string& column) { return texts.contains(column) ? ">" : " class=n>"; };
  for (const std::string& column : columns)
    out += "<th" + std::string(align(column)) + html(column) + "</th>";
  out += "</tr>\n";
  for (auto& cell : cells) {
    out += "<tr>";
    for (const std::string& column : columns)
      out += "<td" + std::string(align(column)) + html(cell[column]) + "</td>";
    out += "</tr>\n";
  }
  out += "</table></div>\n<p class=dim>";
  out += rows.size() < kRowsOfPage ? "rows of this process: " : "rows of this process, the first ";
  out += std::to_string(rows.size()) + "</p>\n";
}

}  // namespace

std::string status_page(const PageFacts& facts) {
  const RunAbout& about = facts.about;
  const std::string title = about.tool + (about.group.empty() ? "" : " " + about.group);
  const bool is_well = facts.status == "ok";
  std::string out =
      "<!DOCTYPE html>\n<html lang=en><head><meta charset=utf-8><meta http-equiv=refresh content=2>"
      "<meta name=viewport content=\"width=device-width\"><title>" +
      html(title) + "</title><style>" + std::string(kStyle) + "</style></head>\n<body>\n<h1>" + html(title) +
      " <span class=" + (is_well ? "ok" : "bad") + ">" + html(facts.status) +
      "</span></h1>\n<div class=dim>" + html(format_iso_ms(facts.now_ms)) +
      (about.version.empty() ? "" : " &middot; kutils " + html(about.version)) + " &middot; since " +
      html(format_iso_ms(facts.figures.started_ms)) +
      " &middot; <a href=/metrics>metrics</a> <a href=/healthz>health</a> <a href=/readyz>ready</a></div>\n";
  append_lines(out, facts.samples);
  append_figures(out, facts);
  for (const auto& [name, rows] : facts.tables) append_table(out, name, rows);
  if (!about.topology.empty()) out += "<h2>Topology</h2>\n<pre>" + html(about.topology) + "</pre>\n";
  if (!about.settings.empty()) {
    out += "<h2>Settings</h2>\n<table>\n";
    for (const auto& [name, value] : about.settings)
      out += "<tr><td>" + html(name) + "</td><td><code>" + html(value) + "</code></td></tr>\n";
    out += "</table>\n";
  }
  return out + "</body></html>\n";
}

}  // namespace kutils::serve
