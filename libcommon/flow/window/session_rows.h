// A key's open sessions as one value of the store (kKeyRow), for the stage and for queries.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "base/varint.h"
#include "flow/aggregate/aggregate_set.h"

namespace kutils::flow {

struct Session {
  int64_t first = 0;
  int64_t last = 0;
  bool emitted =
      false;  // --emit commit: these bounds were emitted at a commit, so that growing must retract them
  bool changed = false;  // --emit commit: since then
  OwnedState state;
};

struct Sessions {
  bool key_is_text = true;
  bool is_noted = false;  // --emit commit: one of them has changed
  // In order of time. What a session is under is a time in it that it keeps: it only grows, and never into another one.
  std::map<int64_t, Session> list;
  bool empty() const { return list.empty(); }
};

class SessionCodec {
 public:
  explicit SessionCodec(const AggregateSet& set) : set_(&set) {}
  Sessions make() const { return {}; }
  // flags:u8 (1: the key is text) n:varint { first:signed length:varint flags:u8 (1: emitted) aggregates }
  void encode(const Sessions& sessions, std::string& out) const {
    out.push_back(sessions.key_is_text ? 1 : 0);
    put_varint(out, sessions.list.size());
    for (const auto& [time, session] : sessions.list) {
      put_signed(out, session.first);
      put_varint(out, static_cast<uint64_t>(session.last - session.first));
      out.push_back(session.emitted ? 1 : 0);
      set_->encode(session.state.get(), out);
    }
  }
  void decode(Reader& in, Sessions& sessions) const {
    sessions.key_is_text = (in.byte() & 1) != 0;
    for (uint64_t n = in.varint(); n > 0 && in.ok(); --n) {
      Session session{0, 0, false, false, OwnedState(*set_)};
      session.first = in.signed_varint();
      session.last = session.first + static_cast<int64_t>(in.varint());
      session.emitted = (in.byte() & 1) != 0;
      set_->decode(session.state.get(), in);
      const int64_t time = session.first;
      sessions.list.emplace_hint(sessions.list.end(), time, std::move(session));
    }
  }

 private:
  const AggregateSet* set_;
};

}  // namespace kutils::flow
