#include "flow/aggregate/fold.h"

#include "expr/value_bytes.h"
#include "flow/aggregate/typed_aggregate.h"

namespace kutils::flow {
namespace {

// Neither two values so far nor a record and a value can be told what became of them both: no merge, no
// subtract.
class Fold final : public TypedAggregate<std::string> {
 public:
  explicit Fold(std::string initial) : initial_(initial.empty() ? std::string(1, 0) : std::move(initial)) {}
  void init(void* state) const override { new (state) std::string(initial_); }
  bool may_refuse() const override { return true; }
  bool folds() const override { return true; }
  void add(void*, const ScalarValue&) const override {}
  std::string_view accumulated(const void* state) const override { return of(state); }
  void replace(void* state, std::string_view value) const override { of(state).assign(value); }
  bool has_merge() const override { return false; }
  std::optional<RecordError> merge(void*, const void*) const override { return std::nullopt; }
  void result(const void* state, std::string& json) const override {
    Reader in(of(state));
    expr::bytes_to_json(in, &json);
  }
  void encode(const void* state, std::string& out) const override { out += of(state); }
  void decode(void* state, Reader& in) const override {
    const std::string_view before = in.rest();
    expr::bytes_to_json(in, nullptr);
    if (in.ok()) of(state).assign(before.substr(0, before.size() - in.rest().size()));
  }

 private:
  const std::string initial_;
};

}  // namespace

std::unique_ptr<Aggregate> make_fold(std::string initial) {
  return std::make_unique<Fold>(std::move(initial));
}

}  // namespace kutils::flow
