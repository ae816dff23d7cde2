// Where the cluster is and how to talk to it: brokers and librdkafka properties, gathered in this order,
// later ones winning: our defaults (design floors), $KUTILS_CONFIG or ~/.config/kutils.conf, -F FILE,
// $KUTILS_BROKERS, -b, $KUTILS_X_SASL_PASSWORD and its like, -X. A `consumer.` or `producer.` prefix sets one
// side only.
//
// Who gathers calls, in this order: read_default_file(), read_file() for each -F, read_environment(),
// set_brokers() for -b, set() for each -X.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace kutils::kafka {

class ClientConfig {
 public:
  ClientConfig();  // our defaults
  // Throws usage_error for a property that librdkafka does not know (with the nearest right name), a bad
  // value, or one that belongs to the tools (group.id, transactional.id, ...). bootstrap.servers sets the
  // brokers.
  void set(std::string_view name, std::string_view value);
  void set_assignment(std::string_view name_equals_value);  // -X's argument, `name=value`
  void read_default_file();  // $KUTILS_CONFIG (must be there), else ~/.config/kutils.conf (may)
  void read_file(const std::string& path);  // kcat.conf's syntax: name=value, # comments
  void read_environment();                  // $KUTILS_BROKERS, $KUTILS_X_*
  const std::string& brokers() const { return brokers_; }
  // `written_as` names their source in the usage_error that is thrown for what cannot be an address.
  void set_brokers(const std::string& brokers, const std::string& written_as = "-b");
  const std::map<std::string, std::string>& consumer() const {
    return consumer_;
  }  // without the prefix, defaults in
  const std::map<std::string, std::string>& producer() const { return producer_; }
  // A property's value on one side, or `otherwise`.
  std::string consumer_value(const std::string& name, std::string otherwise = {}) const;
  std::string producer_value(const std::string& name, std::string otherwise = {}) const;
  // By then a broker has ended a transaction that a producer of this configuration left open when it was killed:
  // its transaction.timeout.ms, and the broker looks every ten seconds.
  Millis transaction_ends_within() const;

  // Where clients report what is worth a note but ends nothing (a lost broker, output of `-X debug=`). Called
  // from librdkafka's threads too. Default: nowhere.
  using Note = std::function<void(const std::string&)>;
  void set_note(Note note) { note_ = std::move(note); }
  const Note& note() const { return note_; }
  // Whether the program was asked to end: nothing is then waited for, or tried again, for more than some
  // seconds. Called from any thread.
  using AskedToEnd = std::function<bool()>;
  void set_asked_to_end(AskedToEnd asked) { asked_to_end_ = std::move(asked); }
  const AskedToEnd& asked_to_end() const { return asked_to_end_; }

  // `-X list`: every property with side, range, default.
  static std::string list_properties();

 private:
  std::string brokers_;
  std::map<std::string, std::string> consumer_;
  std::map<std::string, std::string> producer_;
  Note note_;
  AskedToEnd asked_to_end_;
};

}  // namespace kutils::kafka
