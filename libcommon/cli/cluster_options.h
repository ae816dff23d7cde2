// The options that say which cluster, and how: -b, -X, -F. Of every tool that asks brokers.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/option_table.h"
#include "kafka/client_config.h"

namespace kutils::cli {

struct ClusterOptions {
  std::optional<std::string> brokers;
  std::vector<std::string> properties;
  std::vector<std::string> files;

  // `this` must outlive the table.
  void declare(OptionTable& table);
  bool given() const { return brokers || !properties.empty() || !files.empty(); }
  // Includes the settings of the environment and of the default file. Throws usage_error.
  kafka::ClientConfig config() const;
  // The same for tools that do nothing without a cluster: also throws usage_error if no brokers are named.
  kafka::ClientConfig config_with_brokers() const;
};

}  // namespace kutils::cli
