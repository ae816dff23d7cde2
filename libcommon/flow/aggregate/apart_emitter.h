// For records that came together in one: what they emit, drop and say is said of that record; failures show the
// record itself.
#pragma once

#include <utility>

#include "flow/aggregate/record_reader.h"
#include "flow/topology/stage.h"

namespace kutils::flow {

class ApartEmitter final : public Emitter {
 public:
  // `grouped` is what each of the records is read into.
  ApartEmitter(const Record& whole, const GroupedRecord& grouped, Emitter& out)
      : whole_(whole), grouped_(grouped), out_(out) {}
  void emit(const Record* origin, const Output& output) override {
    out_.emit(origin ? &whole_ : nullptr, output);
  }
  void fail(const Record&, RecordError error) override {
    out_.fail_made(&whole_, *grouped_.origin, std::move(error));
  }
  void fail_made(const Record*, const Record& made, RecordError error) override {
    out_.fail_made(&whole_, made, std::move(error));
  }
  void drop(const Record&, DropReason reason) override { out_.drop(whole_, reason); }
  bool refused() const override { return out_.refused(); }
  std::optional<RecordError> too_far_ahead(int64_t ms) override { return out_.too_far_ahead(ms); }

 private:
  const Record& whole_;
  const GroupedRecord& grouped_;
  Emitter& out_;
};

}  // namespace kutils::flow
