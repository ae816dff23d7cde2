#include "cli/cluster_options.h"

#include "base/error.h"
#include "cli/completion.h"

namespace kutils::cli {

void ClusterOptions::declare(OptionTable& table) {
  const Group group = Group::cluster;
  table.add({.names = "-b",
             .metavar = "HOSTS",
             .help = "brokers; or $KUTILS_BROKERS",
             .by_default = "$KUTILS_BROKERS, else bootstrap.servers of the configuration file",
             .example = "-b kafka1:9092,kafka2:9092",
             .group = group,
             .in_short_help = true,
             .joined = joined_by_comma,
             .set = [this](const std::string& text) { brokers = text; }});
  table.add({.names = "-X",
             .metavar = "NAME=VALUE",
             .help = "a librdkafka property; 'list' prints all",
             .by_default = "kutils' and librdkafka's own",
             .example = "-X compression.codec=zstd",
             .group = group,
             .is_list = true,
             .set =
                 [this](const std::string& text) {
                   refuse_repeated_name("-X", text, properties);
                   properties.push_back(text);
                 },
             .answer = [](const std::string& text, const auto&) -> std::optional<std::string> {
               if (text != "list") return std::nullopt;
               return kafka::ClientConfig::list_properties();
             }});
  table.add({.names = "-F",
             .metavar = "FILE",
             .help = "a file of properties; see also $KUTILS_CONFIG",
             .by_default = "$KUTILS_CONFIG, else ~/.config/kutils.conf",
             .example = "-F ./secure.conf",
             .group = group,
             .is_list = true,
             .set = [this](const std::string& text) { files.push_back(text); }});
  table.add({.names = kCompleteNames,
             .metavar = "WHAT",
             .help = "names for a completion script",
             .group = group,
             .hidden = true,
             .choices = {"topics", "groups"},
             .answer = [](const std::string& what, const auto&) -> std::optional<std::string> {
               return names_to_complete(what);
             }});
}

kafka::ClientConfig ClusterOptions::config() const {
  kafka::ClientConfig config;
  config.read_default_file();
  for (const std::string& file : files) config.read_file(file);
  config.read_environment();
  if (brokers) config.set_brokers(*brokers);
  for (const std::string& property : properties) config.set_assignment(property);
  return config;
}

kafka::ClientConfig ClusterOptions::config_with_brokers() const {
  kafka::ClientConfig client = config();
  if (client.brokers().empty())
    throw usage_error("no brokers are given", "give -b HOST:PORT or set $KUTILS_BROKERS");
  return client;
}

}  // namespace kutils::cli
