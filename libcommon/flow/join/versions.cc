#include "flow/join/versions.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace kutils::flow {
namespace {

constexpr uint8_t kDeleted = 1;

}  // namespace

void Versions::put(Version version) {
  const auto at = std::lower_bound(list_.begin(), list_.end(), version.time,
                                   [](const Version& one, int64_t time) { return one.time < time; });
  if (at != list_.end() && at->time == version.time) {
    *at = std::move(version);
  } else {
    list_.insert(at, std::move(version));
  }
}

const Version* Versions::at(int64_t time, bool older_is_first) const {
  const auto after = std::upper_bound(list_.begin(), list_.end(), time,
                                      [](int64_t asked, const Version& one) { return asked < one.time; });
  const Version* found = nullptr;
  if (after != list_.begin()) {
    found = &*std::prev(after);
  } else if (older_is_first && !list_.empty()) {
    found = &list_.front();
  }
  return found == nullptr || found->deleted ? nullptr : found;
}

void Versions::forget_before(int64_t limit) {
  // The one that holds at `limit` stays, unless it says that there is nothing.
  size_t gone = 0;
  while (gone + 1 < list_.size() && list_[gone + 1].time <= limit) ++gone;
  if (gone < list_.size() && list_[gone].deleted && list_[gone].time <= limit) ++gone;
  list_.erase(list_.begin(), list_.begin() + static_cast<std::ptrdiff_t>(gone));
}

int64_t Versions::next_forgotten() const {
  if (!list_.empty() && list_.front().deleted) return list_.front().time;
  return list_.size() > 1 ? list_[1].time : std::numeric_limits<int64_t>::max();
}

void Versions::encode(std::string& out) const {
  put_varint(out, list_.size());
  for (const Version& one : list_) {
    out.push_back(static_cast<char>(one.deleted ? kDeleted : 0));
    put_signed(out, one.time);
    put_bytes(out, one.value);
  }
}

void Versions::decode(Reader& in) {
  list_.clear();
  for (uint64_t n = in.varint(); n > 0 && in.ok(); --n) {
    Version one;
    one.deleted = (in.byte() & kDeleted) != 0;
    one.time = in.signed_varint();
    one.value = in.bytes();
    list_.push_back(std::move(one));
  }
}

}  // namespace kutils::flow
