#include "cli/shaped_stage.h"

#include <algorithm>

#include "base/utf8.h"
#include "data/json_fields.h"
#include "data/json_write.h"
#include "expr/seconds_note.h"

namespace kutils::cli {

// The emitter put between the inner stage and the one outside.
class ShapedStage::Shaper final : public flow::Emitter {
 public:
  Shaper(const ShapePlan& plan, const Clock* clock)
      : wall_(plan.uses_wall_clock()),
        unit_ns_(plan.time_unit_ns),
        plan_(plan),
        clock_(clock),
        sees_output_(plan.sees_output),
        expressions_(what_is_seen(plan)),
        seconds_("--time", plan.options.warn) {
    if (plan.key) key_ = expressions_.add(*plan.key, "--key");
    if (plan.time && !wall_) time_ = expressions_.add(*plan.time, "--time", expr::Expect::time);
    for (const auto& [name, text] : plan.headers)
      headers_.push_back({name, expressions_.add(text, "--header " + name)});
    evaluates_ = key_ || time_ || !headers_.empty();
  }

  void set_outside(flow::Emitter& out) { out_ = &out; }

  void emit(const Record* origin, const Output& output) override {
    Output shaped = output;
    fails_ = false;
    if (auto error = shape(origin, shaped)) {
      fails_ = true;
      if (origin) return out_->fail(*origin, std::move(*error));
      throw Error(ExitCode::bad_record,
                  "an output without an input record cannot be encoded: " + error->message);
    }
    out_->emit(origin, shaped);
  }
  void fail(const Record& origin, RecordError error) override { out_->fail(origin, std::move(error)); }
  void drop(const Record& origin, flow::DropReason reason) override { out_->drop(origin, reason); }
  bool refused() const override { return fails_ || out_->refused(); }
  std::optional<RecordError> too_far_ahead(int64_t ms) override { return out_->too_far_ahead(ms); }

  std::vector<std::pair<std::string, std::string>> canonical() const {
    std::vector<std::pair<std::string, std::string>> out;
    if (key_) out.emplace_back("--key", expressions_.canonical(*key_));
    if (wall_) out.emplace_back("--time", "wall");
    if (time_) out.emplace_back("--time", expressions_.canonical(*time_));
    if (time_ && unit_ns_ != kDefaultTimeUnitNs) out.emplace_back("--time-unit", time_unit_name(unit_ns_));
    for (const auto& header : headers_) {
      out.emplace_back("--header " + header.name, expressions_.canonical(header.handle));
    }
    return out;
  }

 private:
  struct HeaderExpression {
    std::string name;
    size_t handle;
  };

  // What the stage makes is JSON, whatever codec it reads.
  static expr::Options what_is_seen(const ShapePlan& plan) {
    expr::Options options = plan.options;
    if (plan.sees_output) options.value_codec = "json";
    return options;
  }

  std::optional<RecordError> shape(const Record* origin, Output& output) {
    if (wall_) output.timestamp = clock_->wall_ms();
    if (evaluates_ && origin) {
      if (sees_output_) made_record_ = *origin;
      if (sees_output_) made_record_.value = output.value;
      if (auto error = expressions_.bind(sees_output_ ? made_record_ : *origin)) return error;
      if (auto error = set_key(output)) return error;
      if (auto error = set_time(output)) return error;
      if (auto error = set_headers(output)) return error;
    }
    const bool keeps_value = output.is_origin || !plan_.makes_values;
    const bool keeps_key = output.is_origin || (output.keeps_key && !plan_.makes_keys);
    if (const auto& codec = keeps_value ? plan_.kept_value_codec : plan_.made_value_codec) {
      if (auto error = recode(*codec, output.value, value_decoded_, value_encoded_)) return error;
    }
    if (const auto& codec = keeps_key ? plan_.kept_key_codec : plan_.made_key_codec) {
      if (auto error = recode(*codec, output.key, key_decoded_, key_encoded_)) return error;
    }
    return std::nullopt;
  }

  std::optional<RecordError> set_key(Output& output) {
    if (!key_) return std::nullopt;
    Result<expr::Value> value = expressions_.get(*key_);
    if (!value) return std::move(value.error());
    key_text_.clear();
    Result<bool> any = expr::append_key(*value, key_text_);
    if (!any) return std::move(any.error());
    output.key = *any ? MaybeBytes(key_text_) : MaybeBytes();
    output.keeps_key = false;
    return std::nullopt;
  }

  std::optional<RecordError> set_time(Output& output) {
    if (!time_) return std::nullopt;
    Result<expr::Value> value = expressions_.get(*time_);
    if (!value) return std::move(value.error());
    Result<int64_t> ms = expr::to_time_ms(*value, unit_ns_);
    if (!ms) return std::move(ms.error());
    seconds_.see(*value, *ms, unit_ns_);
    output.timestamp = *ms;
    return std::nullopt;
  }

  // Takes the place of headers of the same name; null takes them away.
  std::optional<RecordError> set_headers(Output& output) {
    if (headers_.empty()) return std::nullopt;
    made_.clear();
    for (const Header& header : output.headers) {
      const auto same = [&](const HeaderExpression& ours) { return ours.name == header.name; };
      if (std::none_of(headers_.begin(), headers_.end(), same)) made_.push_back(header);
    }
    texts_.resize(headers_.size());
    for (size_t i = 0; i < headers_.size(); ++i) {
      Result<expr::Value> value = expressions_.get(headers_[i].handle);
      if (!value) return std::move(value.error());
      if (value->is_null()) continue;
      texts_[i].clear();
      if (auto error = expr::append_text(*value, texts_[i])) return error;
      made_.push_back({headers_[i].name, MaybeBytes(texts_[i])});
    }
    output.headers = made_;
    return std::nullopt;
  }

  static std::optional<RecordError> recode(const CodecPair& codec, MaybeBytes& bytes, std::string& decoded,
                                           std::string& encoded) {
    if (bytes.is_null()) return std::nullopt;
    Result<std::string_view> plain = codec.in.decode(bytes.view(), decoded);
    if (!plain) return std::move(plain.error());
    std::string converted;
    if (codec.in.form() == DecodedForm::json && codec.out.form() == DecodedForm::string) {
      if (const auto scalar = parse_scalar(*plain, converted); scalar && scalar->type == JsonType::string)
        plain = std::string_view(converted);
    } else if (codec.in.form() == DecodedForm::string && codec.out.form() == DecodedForm::json) {
      if (!is_utf8(*plain)) return RecordError{Reason::bad_codec, codec.in.name() + ": not UTF-8"};
      append_json_string(*plain, converted);
      plain = std::string_view(converted);
    }
    Result<std::string_view> made = codec.out.encode(*plain, encoded);
    if (!made) return std::move(made.error());
    // Codecs that change nothing give back what they got, which ends here.
    if (made->data() == converted.data()) {
      encoded = std::move(converted);
      made = std::string_view(encoded);
    }
    bytes = MaybeBytes(*made);
    return std::nullopt;
  }

  const bool wall_;
  const int64_t unit_ns_;
  const ShapePlan plan_;
  const Clock* clock_;
  const bool sees_output_;
  expr::Expressions expressions_;
  expr::SecondsNote seconds_;
  std::optional<size_t> key_;
  std::optional<size_t> time_;
  std::vector<HeaderExpression> headers_;
  bool evaluates_ = false;
  bool fails_ = false;  // the last output could not be shaped
  flow::Emitter* out_ = nullptr;
  // Memory for one output, kept so that a steady flow allocates nothing.
  std::string key_text_, value_decoded_, value_encoded_, key_decoded_, key_encoded_;
  std::vector<std::string> texts_;
  std::vector<Header> made_;
  Record made_record_;
};

ShapedStage::ShapedStage(const ShapePlan& plan, std::unique_ptr<flow::Stage> inner, const Clock* clock)
    : ForwardingStage(std::move(inner)), shaper_(std::make_unique<Shaper>(plan, clock)) {}
ShapedStage::~ShapedStage() = default;

flow::Emitter& ShapedStage::around(flow::Emitter& out) {
  shaper_->set_outside(out);
  return *shaper_;
}

std::vector<std::pair<std::string, std::string>> ShapedStage::canonical() const {
  return shaper_->canonical();
}

}  // namespace kutils::cli
