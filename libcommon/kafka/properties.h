// librdkafka's properties, as the installed version lists them itself.
#pragma once

#include <map>
#include <string>

namespace kutils::kafka {

struct Property {
  bool consumer = false;
  bool producer = false;
  std::string range;
  std::string default_value;
};

// By name. Read once from rd_kafka_conf_properties_show(); the table never changes afterwards.
const std::map<std::string, Property>& known_properties();

}  // namespace kutils::kafka
