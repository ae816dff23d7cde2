// Which of librdkafka's properties are never shown.
#pragma once

#include <string>

namespace kutils::kafka {

bool is_secret_property(const std::string& name);

}  // namespace kutils::kafka
