// kbroker: an in-memory broker for trying things.
#include <charconv>
#include <cstdlib>
#include <iostream>
#include <utility>
#include <vector>

#include "cli/tool.h"
#include "kafka/memory_broker.h"
#include "kafka/memory_state.h"
#include "kbroker/child.h"

using namespace kutils;

namespace {

class BrokerTool final : public cli::Tool {
 public:
  cli::ToolInfo info() const override {
    return {"kbroker",
            "an in-memory broker: runs CMD with $KUTILS_BROKERS set and ends with it",
            {{"CMD", false, "the command and its arguments; without it the broker stays until a signal",
              false, true}},
            {{"kbroker sh pipeline.sh"}, {"kbroker --topic clicks:3", "prints the export lines and stays"}}};
  }
  void declare(cli::OptionTable& options) override {
    options.add({.names = "--topic",
                 .metavar = "NAME[:N]",
                 .help = "make this topic with N partitions (4); may be repeated",
                 .by_default = "none; topics are created when they are written to",
                 .example = "kbroker --topic clicks:2 kread -e clicks",
                 .in_short_help = true,
                 .is_list = true,
                 .set = [this](const std::string& text) { add_topic(text); }});
  }
  void setup(const cli::Operands& operands) override { command_ = operands.rest(); }
  ExitCode run() override {
    kbroker::block_signals();
    kafka::MemoryBroker broker;
    for (const auto& [name, partitions] : topics_) broker.create_topic(name, partitions);
    const kafka::MemoryStateDir state(broker.bootstrap_servers());
    // What that broker needs of its clients: an empty fetch waits its full time there, and a group waits for
    // a lost member's session.
    const std::vector<std::pair<const char*, std::string>> variables = {
        {"KUTILS_BROKERS", broker.bootstrap_servers()},
        {"KUTILS_STATE_DIR", state.path()},
        {"KUTILS_X_FETCH_WAIT_MAX_MS", "10"},
        {"KUTILS_X_SESSION_TIMEOUT_MS", "6000"}};
    if (command_.empty()) {
      for (const auto& [name, value] : variables) std::cout << "export " << name << "=" << value << '\n';
      std::cout << std::flush;
      return static_cast<ExitCode>(128 + kbroker::wait_for_signal());
    }
    for (const auto& [name, value] : variables) setenv(name, value.c_str(), 1);
    return static_cast<ExitCode>(kbroker::run_child(command_));
  }

 private:
  void add_topic(const std::string& text) {
    const size_t colon = text.rfind(':');
    int32_t partitions = 4;
    if (colon != std::string::npos) {
      const char* end = text.data() + text.size();
      const auto [stopped, error] = std::from_chars(text.data() + colon + 1, end, partitions);
      if (error != std::errc() || stopped != end || partitions < 1 || partitions > 1000)
        throw usage_error("--topic " + text +
                          ": after the colon comes a number of partitions from 1 to 1000");
    }
    if (colon == 0 || text.empty()) throw usage_error("--topic " + text + ": a topic needs a name");
    topics_.emplace_back(text.substr(0, colon), partitions);
  }

  std::vector<std::pair<std::string, int32_t>> topics_;
  std::vector<std::string> command_;
};

}  // namespace

int main(int argc, char** argv) {
  BrokerTool tool;
  return cli::run_tool(tool, argc, argv);
}
