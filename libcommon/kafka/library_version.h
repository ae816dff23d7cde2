// The version of librdkafka that runs, which may be another one than that of the build.
#pragma once

#include <string>

namespace kutils::kafka {

std::string library_version();  // "2.8.0"

}  // namespace kutils::kafka
