// Where the files of a group's slots are (instance_slot.h).
#pragma once

#include <string>

namespace kutils::flow {

std::string slots_directory(const std::string& state_dir, const std::string& group);

}  // namespace kutils::flow
