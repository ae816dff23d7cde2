// A stage around another one: every call goes to the inner one, unless a derived class takes it. One that named
// its calls itself would forget the next that Stage gets.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "flow/topology/stage.h"
#include "flow/topology/waiting.h"

namespace kutils::flow {

class ForwardingStage : public Stage, public Waiting {
 public:
  void process(const Record& record, Emitter& out) override { inner_->process(record, around(out)); }
  void look_ahead(std::span<const Record> records) override { inner_->look_ahead(records); }
  void flush(Emitter& out) override { inner_->flush(around(out)); }
  bool keeps_records() const override { return inner_->keeps_records(); }
  void tick(int64_t wall_ms, Emitter& out) override { inner_->tick(wall_ms, around(out)); }
  std::optional<int64_t> next_wakeup() const override { return inner_->next_wakeup(); }
  uint64_t waiting() const override { return count_waiting(*inner_); }
  void before_commit(Emitter& out) override { inner_->before_commit(around(out)); }
  size_t dirty_rows() const override { return inner_->dirty_rows(); }
  void silent(int32_t source, int64_t silent_ms, Emitter& out) override {
    inner_->silent(source, silent_ms, around(out));
  }
  void source_ended(int32_t source, Emitter& out) override { inner_->source_ended(source, around(out)); }
  void all_read(bool after_rest, Emitter& out) override { inner_->all_read(after_rest, around(out)); }
  void close(Emitter& out) override { inner_->close(around(out)); }

 protected:
  explicit ForwardingStage(std::unique_ptr<Stage> inner) : inner_(std::move(inner)) {}
  // What the inner one emits to where `out` is what we emit to.
  virtual Emitter& around(Emitter& out) { return out; }

  // Outlives the derived class's members: one of them that it uses needs it reset in the destructor.
  std::unique_ptr<Stage> inner_;
};

}  // namespace kutils::flow
