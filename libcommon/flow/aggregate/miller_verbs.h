// Miller's verbs where aggregates are expected: `stats1 -a mean,p50 -f ms -g uri`, `count-distinct -f uri`, `sum -f ms`.
#pragma once

#include <optional>
#include <string_view>

#include "base/correction.h"

namespace kutils::flow {

// The aggregates and the option that groups; nullopt: it is none of these verbs, or one that has no counterpart.
std::optional<Correction> from_miller(std::string_view list);

}  // namespace kutils::flow
