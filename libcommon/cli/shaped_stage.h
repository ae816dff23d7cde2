// A stage whose outputs get the key, time, headers and codec that the options name: --key, --time, --header,
// --key-codec, --value-codec. The same for every tool that emits.
//
// The expressions are evaluated over the INPUT record, whatever the inner stage made of it (kgen, which has
// no input: over what it made). Outputs without an origin (timers, the end of input) pass unshaped, but for
// the codec.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "cli/time_unit.h"
#include "data/codec.h"
#include "expr/expressions.h"
#include "flow/topology/forwarding_stage.h"
#include "flow/topology/stage.h"

namespace kutils::cli {

struct ShapePlan {
  std::optional<std::string> key;                            // --key
  std::optional<std::string> time;                           // --time; "wall": the clock
  int64_t time_unit_ns = kDefaultTimeUnitNs;                 // --time-unit
  std::vector<std::pair<std::string, std::string>> headers;  // --header, in order
  // Set if outputs must be re-coded: what the stage made, and bytes of the input that it passes on.
  std::optional<CodecPair> made_value_codec, made_key_codec;
  std::optional<CodecPair> kept_value_codec, kept_key_codec;
  bool makes_values = false, makes_keys = false;  // the stage passes none on, but for Output::is_origin
  expr::Options options;
  bool sees_output = false;  // the expressions see the value that the inner stage emits

  bool uses_wall_clock() const { return time == "wall"; }
  bool empty() const {
    return !key && !time && headers.empty() && !made_value_codec && !made_key_codec && !kept_value_codec &&
           !kept_key_codec;
  }
};

class ShapedStage final : public flow::ForwardingStage {
 public:
  // Throws usage_error for a bad expression. `inner` may be null where only the expressions are to be
  // checked.
  ShapedStage(const ShapePlan& plan, std::unique_ptr<flow::Stage> inner, const Clock* clock);
  ~ShapedStage() override;

  // `--key`, `--time`, ... as parsed: what changes results, for the group's fingerprint.
  std::vector<std::pair<std::string, std::string>> canonical() const;

 private:
  class Shaper;
  flow::Emitter& around(flow::Emitter& out) override;
  std::unique_ptr<Shaper> shaper_;
};

}  // namespace kutils::cli
