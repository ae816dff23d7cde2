// Where a stage stands: for the whole of its job, or on one side of the repartition topic.
#pragma once

namespace kutils::flow {

enum class Role { whole, in_front, behind };

}  // namespace kutils::flow
