#include "flow/state_support.h"

#include "state/partition_store.h"

namespace kutils::flow {
namespace {

constexpr uint8_t kOperator = 1;

class InMemoryState final : public PartitionState {
 public:
  state::Store& store() override { return rows_.operator_store(kOperator); }

 private:
  state::PartitionStore rows_;
};

}  // namespace

void give_state(Job& job) {
  job.open_state_in_memory = [] { return std::make_unique<InMemoryState>(); };
}

}  // namespace kutils::flow
