// Sums of many windows that overlap, of which a record changes all that it lies in: by their starts, in a tree
// (a treap) whose nodes hold what is still to be added to all below them. Each call takes O(log n).
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "expr/int128.h"

namespace kutils::flow {

class WindowSums {
 public:
  struct Bounds {
    expr::Int128 smallest, largest;
  };

  bool has(int64_t start) const {
    uint32_t at = root_;
    while (at != kNone && nodes_[at].start != start)
      at = start < nodes_[at].start ? nodes_[at].left : nodes_[at].right;
    return at != kNone;
  }
  // REQUIRES: !has(start).
  void insert(int64_t start, expr::Int128 sum) {
    const auto one = static_cast<uint32_t>(nodes_.size());
    nodes_.push_back({start, next_priority(), sum, 0, {sum, sum}, kNone, kNone});
    uint32_t before, behind;
    split(root_, start, before, behind);
    root_ = join(join(before, one), behind);
  }
  // To those that start in [first, last].
  void add(int64_t first, int64_t last, expr::Int128 by) {
    within(first, last, [&](uint32_t all) {
      if (all != kNone) add_to_all(all, by);
    });
  }
  std::optional<Bounds> bounds(int64_t first, int64_t last) {
    std::optional<Bounds> found;
    within(first, last, [&](uint32_t all) {
      if (all != kNone) found = nodes_[all].bounds;
    });
    return found;
  }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  struct Node {
    int64_t start;
    uint32_t priority;
    expr::Int128 sum;
    expr::Int128 owed;  // to all below
    Bounds bounds;      // of it and all below
    uint32_t left, right;
  };

  uint32_t next_priority() {  // G. Marsaglia's xorshift
    random_ ^= random_ << 13;
    random_ ^= random_ >> 17;
    return random_ ^= random_ << 5;
  }

  template <typename F>
  void within(int64_t first, int64_t last, const F& look) {
    uint32_t before, within, behind;
    split(root_, first, before, within);
    split_behind(within, last, within, behind);
    look(within);
    root_ = join(join(before, within), behind);
  }
  void add_to_all(uint32_t at, expr::Int128 by) {
    Node& node = nodes_[at];
    node.sum += by;
    node.owed += by;
    node.bounds.smallest += by;
    node.bounds.largest += by;
  }
  void pay(Node& node) {
    if (node.owed == 0) return;
    if (node.left != kNone) add_to_all(node.left, node.owed);
    if (node.right != kNone) add_to_all(node.right, node.owed);
    node.owed = 0;
  }
  void renew(Node& node) {
    node.bounds = {node.sum, node.sum};
    for (const uint32_t below : {node.left, node.right}) {
      if (below == kNone) continue;
      node.bounds.smallest = std::min(node.bounds.smallest, nodes_[below].bounds.smallest);
      node.bounds.largest = std::max(node.bounds.largest, nodes_[below].bounds.largest);
    }
  }
  // Those that start before `start`, and the others.
  void split(uint32_t at, int64_t start, uint32_t& before, uint32_t& others) {
    if (at == kNone) {
      before = others = kNone;
      return;
    }
    Node& node = nodes_[at];
    pay(node);
    if (node.start < start) {
      split(node.right, start, node.right, others);
      before = at;
    } else {
      split(node.left, start, before, node.left);
      others = at;
    }
    renew(node);
  }
  void split_behind(uint32_t at, int64_t last, uint32_t& until, uint32_t& behind) {
    if (last == INT64_MAX) {
      until = at;
      behind = kNone;
    } else {
      split(at, last + 1, until, behind);
    }
  }
  uint32_t join(uint32_t a, uint32_t b) {
    if (a == kNone) return b;
    if (b == kNone) return a;
    const bool a_is_root = nodes_[a].priority > nodes_[b].priority;
    Node& root = nodes_[a_is_root ? a : b];
    pay(root);
    if (a_is_root) {
      root.right = join(root.right, b);
    } else {
      root.left = join(a, root.left);
    }
    renew(root);
    return a_is_root ? a : b;
  }

  std::vector<Node> nodes_;
  uint32_t root_ = kNone;
  uint32_t random_ = 2463534242;
};

}  // namespace kutils::flow
