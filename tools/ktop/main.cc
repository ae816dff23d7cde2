// ktop [VIEW [NAME]]: groups, topics and running tools on a screen that follows them.
#include <atomic>
#include <chrono>
#include <thread>
#include <utility>

#include "base/clock.h"
#include "base/duration.h"
#include "base/executor.h"
#include "base/log.h"
#include "base/nearest_name.h"
#include "base/signal.h"
#include "cli/cluster_options.h"
#include "cli/colour.h"
#include "cli/rows.h"
#include "cli/shared_options.h"
#include "cli/tool.h"
#include "cli/verbs.h"
#include "ktop/cluster_look.h"
#include "ktop/screen.h"
#include "ktop/tables.h"
#include "ktop/terminal.h"

namespace {

using namespace kutils;

constexpr auto kReaderGone = static_cast<ExitCode>(128 + 13);  // as one that SIGPIPE ended
constexpr Millis kKeyWait{100};
constexpr Millis kLeastPause{100};

class TopTool final : public cli::Tool {
 public:
  cli::ToolInfo info() const override {
    return {"ktop",
            "A live screen of groups, topics and running tools: lag, rates, figures.",
            {{"VIEW", false, "groups (default) | topics | tools"},
             {"NAME", false, "one group, topic or tool (by its address), in detail"}},
            {{"ktop"}, {"ktop --once -O json groups | jq 'select(.lag > 1000)'"}}};
  }
  void declare(cli::OptionTable& table) override {
    table.add({.names = "--once",
               .help = "print one table, for scripts, and end",
               .example = "ktop --once groups",
               .in_short_help = true,
               .set = [this](const std::string&) { once_ = true; }});
    table.add({.names = "--every",
               .metavar = "D",
               .help = "look again each D (2s); rates are of that time",
               .by_default = "2s",
               .example = "--every 10s",
               .in_short_help = true,
               .set = [this](const std::string& text) { every_ = parse_duration_option("--every", text); }});
    table.add({.names = "--internal",
               .help = "topics: with changelogs, repartition topics, the cluster's own",
               .example = "ktop --once --internal topics",
               .in_short_help = true,
               .set = [this](const std::string&) { internal_ = true; }});
    table.add({.names = "--sort",
               .metavar = "COLUMN",
               .help = "by a column of the output; -COLUMN: the largest first",
               .by_default = "groups by lag, topics by in_per_s, the largest first",
               .example = "ktop --once --sort -lag groups",
               .in_short_help = true,
               .set = [this](const std::string& text) { sort_ = text; }});
    table.add({.names = "--http",
               .metavar = "ADDR",
               .help = "a tool on another machine, HOST:PORT; may be repeated",
               .by_default = "the tools of this machine",
               .example = "--http worker-1:8080",
               .in_short_help = true,
               .is_list = true,
               .set = [this](const std::string& text) {
                 tools_.push_back(serve::parse_http_address("--http", text));
               }});
    table.add({.names = "--http-token",
               .metavar = "TOKEN",
               .help = "what those tools ask for; or $KUTILS_HTTP_TOKEN",
               .by_default = "none",
               .example = "--http-token \"$(cat token)\"",
               .is_secret = true,
               .set = [this](const std::string& text) { token_ = text; }});
    table.add({.names = "--state-dir",
               .metavar = "DIR",
               .help = "where tools of this machine are found; see also $KUTILS_STATE_DIR",
               .by_default = "$KUTILS_STATE_DIR, else $XDG_STATE_HOME/kutils, else ~/.local/state/kutils",
               .example = "--state-dir /var/lib/kutils",
               .set = [this](const std::string& text) { state_dir_ = text; }});
    rows_.declare(table);
    cluster_.declare(table);
  }
  void setup(const cli::Operands& operands) override {
    const std::string view = operands.find("VIEW").value_or("groups");
    focus_.opened = operands.find("NAME").value_or("");
    if (view == "groups" || view == "group") {
      focus_.view = ktop::View::groups;
    } else if (view == "topics" || view == "topic") {
      focus_.view = ktop::View::topics;
    } else if (view == "tools" || view == "tool") {
      focus_.view = ktop::View::tools;
    } else {
      std::vector<std::string> more;
      if (!focus_.opened.empty()) more.push_back(focus_.opened);
      cli::refuse_verb("ktop", view, {"groups", "topics", "tools"}, more, "topics");
    }
    if (focus_.view == ktop::View::tools && !focus_.opened.empty()) {
      const serve::HttpAddress at = serve::parse_http_address("NAME", focus_.opened);
      focus_.opened = serve::to_string(at);
      tools_.push_back(at);
    }
    if (!once_ && rows_.given())
      throw usage_error("-O is for --once; the live screen is a table", "ktop --once -O json");
    if (!once_ && !sort_.empty())
      throw usage_error("--sort is for --once; on the screen s and r sort", "ktop --once --sort " + sort_);
    if (!once_ && internal_)
      throw usage_error("--internal is for --once; on the screen i shows them",
                        "ktop --once --internal topics");
    if (!once_ && every_ < kLeastPause)
      throw usage_error("--every " + format_duration(every_) + " is too short: the least is 100ms",
                        "--every 1s");
    if (token_.empty()) token_ = cli::http_token_from_environment();
    if (state_dir_.empty()) state_dir_ = cli::default_state_dir();
    client_ = cluster_.config_with_brokers();
  }
  ExitCode run() override {
    ktop::ClusterLook cluster(client_, tools_, token_, state_dir_);
    cluster.connect();
    return once_ ? print_once(cluster) : live(cluster);
  }

 private:
  ExitCode print_once(ktop::ClusterLook& cluster) {
    const std::atomic<bool> ends{false};
    std::optional<ktop::Look> before;
    if (every_.count() > 0) {
      before = cluster.look({focus_.view, {}}, ends);
      std::this_thread::sleep_for(every_);
    }
    const ktop::Look now = cluster.look(focus_, ends);
    StderrLog log("ktop", false);
    for (const std::string& note : now.notes) log.note(note);
    if (!ktop::exists(focus_, now)) refuse_name(now);
    ktop::Table table = ktop::make_table(focus_, now, before ? &*before : nullptr, internal_);
    sort(table);
    for (const ktop::TableRow& row : table.rows) rows_.add(ktop::to_row(table, row, rows_.for_people()));
    return rows_.print() ? ExitCode::ok : kReaderGone;
  }
  void sort(ktop::Table& table) const {
    if (sort_.empty()) return ktop::sort_rows(table, table.sort, table.descending);
    const bool descending = sort_[0] == '-';
    const std::string name = sort_.substr(descending ? 1 : 0);
    std::string all;
    for (size_t i = 0; i < table.columns.size(); ++i) {
      if (table.columns[i].name == name) return ktop::sort_rows(table, i, descending);
      all += (all.empty() ? "" : ", ") + table.columns[i].name;
    }
    throw usage_error("--sort " + sort_ + ": there is no such column", "there are " + all);
  }
  [[noreturn]] void refuse_name(const ktop::Look& now) const {
    std::vector<std::string> names;
    if (focus_.view == ktop::View::groups)
      for (const auto& one : now.groups) names.push_back(one.name);
    if (focus_.view == ktop::View::topics)
      for (const auto& one : now.topics) names.push_back(one.name);
    const std::string near = nearest_name(focus_.opened, names);
    throw usage_error(std::string("there is no ") + (focus_.view == ktop::View::groups ? "group" : "topic") +
                          " '" + focus_.opened + "'",
                      near.empty() ? "ktop --once shows all" : "did you mean '" + near + "'?");
  }

  ExitCode live(ktop::ClusterLook& cluster) {
    const StopSignals stop;
    const SystemClock clock;
    ThreadExecutor threads;
    std::atomic<bool> ends{false};
    ktop::Screen screen(focus_, client_.brokers(), cli::use_colour(cli::Colour::automatic, 1));
    // Lives longer than the screen: a look under way is waited for when the terminal is itself again.
    Task<ktop::Look> look;
    ktop::Focus asked;
    std::optional<ktop::Look> last;
    int64_t due_us = 0, second_shown = 0;
    ktop::ScreenSize size_shown{0, 0};
    {
      ktop::Terminal terminal;
      bool goes_on = true;
      while (goes_on && stop.signal() == 0) {
        bool changed = false;
        if (look.valid() && look.is_ready()) {
          take(look, last, screen);
          changed = true;
        }
        if (!look.valid() && (clock.steady_us() >= due_us || asked != screen.focus())) {
          asked = screen.focus();
          due_us = clock.steady_us() + std::chrono::microseconds(every_).count();
          look = run_beside(threads, [&cluster, &ends, focus = asked] { return cluster.look(focus, ends); });
        }
        const int64_t second = clock.wall_ms() / 1000;
        if (const ktop::ScreenSize size = terminal.size();
            changed || second != second_shown || size != size_shown) {
          terminal.draw(screen.lines(size, clock.wall_ms()));
          second_shown = second;
          size_shown = size;
        }
        for (const ktop::Key& key : terminal.keys(kKeyWait)) {
          goes_on = goes_on && screen.press(key);
          second_shown = 0;  // drawn at once
        }
      }
      ends = true;
    }
    look.drop();
    return stop.signal() == 0 ? ExitCode::ok : static_cast<ExitCode>(128 + stop.signal());
  }
  void take(Task<ktop::Look>& look, std::optional<ktop::Look>& last, ktop::Screen& screen) const {
    try {
      ktop::Look now = look.get();
      // A look that came soon after another, for a row that was opened, has no time to count rates over.
      const bool is_soon =
          last && now.steady_us - last->steady_us < std::chrono::microseconds(every_).count() / 2;
      screen.show(is_soon ? before_last_ : last, now);
      if (is_soon) return;
      before_last_ = std::exchange(last, std::move(now));
    } catch (const Error& error) {
      screen.fail(error.what());
    }
  }

  ktop::Focus focus_;
  bool once_ = false, internal_ = false;
  Millis every_{2000};
  std::string sort_;
  std::vector<serve::HttpAddress> tools_;
  std::string token_, state_dir_;
  cli::Rows rows_;
  cli::ClusterOptions cluster_;
  kafka::ClientConfig client_;
  mutable std::optional<ktop::Look> before_last_;
};

}  // namespace

int main(int argc, char** argv) {
  TopTool tool;
  return kutils::cli::run_tool(tool, argc, argv);
}
