// Where the cluster is and how to talk to it: brokers and librdkafka properties, gathered in this order, later ones
// winning: our defaults (design floors), $KUTILS_CONFIG or ~/.config/kutils.conf, -F FILE, $KUTILS_BROKERS, -b,
// $KUTILS_X_SASL_PASSWORD and its like, -X. A `consumer.` or `producer.` prefix sets one side only.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace kutils::kafka {

class ClientConfig {
 public:
  // Throws usage_error for a property that librdkafka does not know (with the nearest right name) or a bad value.
  void set(std::string_view name, std::string_view value);
  void read_file(const std::string& path);  // kcat.conf's syntax: name=value, # comments
  void read_environment();
  const std::string& brokers() const { return brokers_; }
  void set_brokers(std::string brokers) { brokers_ = std::move(brokers); }
  const std::map<std::string, std::string>& consumer() const { return consumer_; }  // without the prefix, defaults in
  const std::map<std::string, std::string>& producer() const { return producer_; }

 private:
  std::string brokers_;
  std::map<std::string, std::string> consumer_;
  std::map<std::string, std::string> producer_;
};

}  // namespace kutils::kafka
